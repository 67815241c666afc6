"""IAM and queue policies as data: whom a role trusts, what it may do, who may send to the queue, who may read a secret.

Nothing here calls AWS. Roles are created by `roles.py`, the queue's policy is set by `provision_rules.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rds_lake.config.lake_yaml import LakeConfig, LakeSettings

_VERSION = "2012-10-17"
_RULES_SID = "RdsLakeRules"
_KEY_ACTIONS = ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey", "kms:DescribeKey"]


def export_role_trust() -> dict[str, Any]:
    """Lets RDS's export service assume the role.

    https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora-export-snapshot.Setup.html
    """
    return _trust("export.rds.amazonaws.com")


def export_role_policy(bucket_arn: str, prefix: str) -> dict[str, Any]:
    """What the export service may do with the bucket: the actions AWS's page lists, on the export prefix alone.

    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_StartExportTask.html
    """
    return _document(
        _allow(["s3:ListBucket", "s3:GetBucketLocation"], bucket_arn),
        _allow(["s3:PutObject*", "s3:GetObject*", "s3:DeleteObject*"], _folder(bucket_arn, prefix)),
    )


def job_role_trust() -> dict[str, Any]:
    """Lets Glue assume the role."""
    return _trust("glue.amazonaws.com")


def job_role_policy(settings: LakeSettings, *, partition: str, kms_key_arn: str | None) -> dict[str, Any]:
    """What the Glue job may do: read the exports, read and write the lake, use its key, write logs and metrics.

    It may do nothing with DynamoDB. `partition` is the ARN's: aws, aws-cn or aws-us-gov.
    """
    lake, exports = (f"arn:{partition}:s3:::{name}" for name in (settings.bucket, settings.exports_bucket))
    written = _folder(lake, settings.prefix)
    return _document(
        _allow(["s3:ListBucket", "s3:GetBucketLocation"], sorted({lake, exports})),
        _allow(["s3:GetObject"], _folder(exports, settings.export_prefix)),
        _allow(["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"], written),
        *([_allow(_KEY_ACTIONS, kms_key_arn)] if kms_key_arn else []),
        _allow(
            ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
            f"arn:{partition}:logs:*:*:log-group:/aws-glue/*",
        ),
        _allow(["glue:GetSecurityConfiguration", "cloudwatch:PutMetricData"], "*"),
    )


def queue_policy(present: dict[str, Any], queue_arn: str, rule_arns: Sequence[str]) -> dict[str, Any]:
    """The queue's present policy (empty where it has none), with a statement that lets these rules send to it.

    Only the statement that rds-lake wrote, known by its Sid, is replaced; all other statements stay as they are.
    """
    own = {
        "Sid": _RULES_SID,
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue_arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": sorted(rule_arns)}},
    }
    listed = present.get("Statement", [])
    statements = listed if isinstance(listed, list) else [listed]
    others = [statement for statement in statements if statement.get("Sid") != _RULES_SID]
    return {"Version": _VERSION} | present | {"Statement": [*others, own]}


def verify_statement(config: LakeConfig) -> dict[str, Any] | None:
    """The statement that lets Dagster's process read the secrets `verify:` names; None where no source has `verify:`.

    A secret encrypted with a key of its own needs kms:Decrypt on that key as well, which lake.yaml does not know.
    """
    secrets = sorted({source.verify.secret for source in config.databases if source.verify})
    if not secrets:
        return None
    return {"Sid": "RdsLakeVerify"} | _allow(["secretsmanager:GetSecretValue"], secrets)


def _trust(service: str) -> dict[str, Any]:
    return _document({"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"})


def _document(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": _VERSION, "Statement": list(statements)}


def _allow(actions: list[str], resource: str | list[str]) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions, "Resource": resource}


def _folder(bucket_arn: str, prefix: str) -> str:
    return f"{bucket_arn}/{prefix}/*" if prefix else f"{bucket_arn}/*"
