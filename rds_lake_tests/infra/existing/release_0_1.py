"""What `rds-lake setup` of release 0.1 made: plain calls, no stack. Installations of it are still there."""

from __future__ import annotations

import json
from typing import Any

from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.infra.events import event_patterns
from rds_lake.localcloud.cloud import LocalCloud
from rds_lake.localcloud.http.account import ACCOUNT
from rds_lake.model.aws.arn import parse_arn

ROLE_POLICY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["s3:PutObject"], "Resource": "*"}]}
_QUEUE = f"arn:aws:sqs:us-east-1:{ACCOUNT}:"


def plain_setup(cloud: LocalCloud, config: LakeConfig) -> None:
    """Buckets, key, roles, queues, rules, workgroup, topic, and the job with its security configuration."""
    lake, client = config.lake, cloud.clients.client
    for bucket in {lake.bucket, lake.exports_bucket}:
        client("s3").create_bucket(Bucket=bucket)
    client("s3").put_bucket_notification_configuration(
        Bucket=lake.exports_bucket, NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    key = client("kms").create_key()["KeyMetadata"]
    client("kms").create_alias(AliasName=lake.kms_key, TargetKeyId=key["KeyId"])
    for role in (lake.export_role, lake.glue_role):
        _role(client("iam"), role or "")
    _queues(client("sqs"), lake.events_queue)
    rules = event_patterns(lake.events_queue, exports_bucket=lake.exports_bucket, glue_job=lake.glue_job)
    _rules(client, lake.events_queue, rules)
    results = {"ResultConfiguration": {"OutputLocation": f"s3://{lake.bucket}/{lake.prefix}/_athena/"}}
    client("athena").create_work_group(Name=lake.workgroup, Configuration=results)
    client("sns").create_topic(Name=parse_arn(lake.notifications or "").resource)
    encryption = {"S3Encryption": [{"S3EncryptionMode": "SSE-KMS", "KmsKeyArn": key["Arn"]}]}
    client("glue").create_security_configuration(Name=lake.glue_job, EncryptionConfiguration=encryption)
    script = f"s3://{lake.bucket}/{lake.prefix}/_jobs/old/convert.py"
    command = {"Name": "glueetl", "ScriptLocation": script}
    client("glue").create_job(Name=lake.glue_job, Role=lake.glue_role, Command=command)


def _role(iam: Any, arn: str) -> None:
    name = arn.rpartition("/")[2]
    trust = {"Effect": "Allow", "Principal": {"Service": "export.rds.amazonaws.com"}, "Action": "sts:AssumeRole"}
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}))
    iam.put_role_policy(RoleName=name, PolicyName="rds-lake", PolicyDocument=json.dumps(ROLE_POLICY))


def _queues(sqs: Any, name: str) -> None:
    kept = {"MessageRetentionPeriod": str(14 * 24 * 3600)}
    sqs.create_queue(QueueName=f"{name}-dead", Attributes=kept)
    redrive = json.dumps({"deadLetterTargetArn": f"{_QUEUE}{name}-dead", "maxReceiveCount": 10})
    sqs.create_queue(QueueName=name, Attributes=kept | {"VisibilityTimeout": "300", "RedrivePolicy": redrive})


def _rules(client: Any, queue: str, rules: dict[str, dict[str, Any]]) -> None:
    arns = [
        client("events").put_rule(Name=name, EventPattern=json.dumps(pattern), State="ENABLED")["RuleArn"]
        for name, pattern in rules.items()
    ]
    statement = {
        "Sid": "RdsLakeRules",
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": f"{_QUEUE}{queue}",
        "Condition": {"ArnEquals": {"aws:SourceArn": sorted(arns)}},
    }
    url = client("sqs").get_queue_url(QueueName=queue)["QueueUrl"]
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    for name in rules:
        client("events").put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": f"{_QUEUE}{queue}"}])
