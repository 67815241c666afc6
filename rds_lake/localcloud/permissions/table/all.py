"""Every operation whose rights are known, by boto3's name of its service."""

from __future__ import annotations

from rds_lake.localcloud.permissions.needs import Rule
from rds_lake.localcloud.permissions.table.athena import ATHENA
from rds_lake.localcloud.permissions.table.deploying import BACKUP, CLOUDWATCH
from rds_lake.localcloud.permissions.table.dynamodb import DYNAMODB
from rds_lake.localcloud.permissions.table.glue import GLUE, LAKE_FORMATION
from rds_lake.localcloud.permissions.table.identities import CLOUDFORMATION, IAM, STS
from rds_lake.localcloud.permissions.table.keys import KMS, LOGS, SECRETS
from rds_lake.localcloud.permissions.table.messages import EVENTS, SNS, SQS
from rds_lake.localcloud.permissions.table.networks import EC2
from rds_lake.localcloud.permissions.table.rds import RDS
from rds_lake.localcloud.permissions.table.s3 import S3
from rds_lake.localcloud.permissions.table.streams import FIREHOSE, LAMBDA
from rds_lake.localcloud.permissions.table.warehouses import DATA, REDSHIFT, SERVERLESS

OPERATIONS: dict[str, dict[str, Rule]] = {
    "athena": ATHENA,
    "backup": BACKUP,
    "cloudformation": CLOUDFORMATION,
    "cloudwatch": CLOUDWATCH,
    "dynamodb": DYNAMODB,
    "ec2": EC2,
    "events": EVENTS,
    "firehose": FIREHOSE,
    "glue": GLUE,
    "iam": IAM,
    "kms": KMS,
    "lakeformation": LAKE_FORMATION,
    "lambda": LAMBDA,
    "logs": LOGS,
    "rds": RDS,
    "redshift": REDSHIFT,
    "redshift-data": DATA,
    "redshift-serverless": SERVERLESS,
    "s3": S3,
    "secretsmanager": SECRETS,
    "sns": SNS,
    "sqs": SQS,
    "sts": STS,
}
