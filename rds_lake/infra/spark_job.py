"""The Glue job that converts large tables: its definition, and what its role may do.

What belongs here: documents as data. Applying them is `provision_job.py`.
"""

from __future__ import annotations

from typing import Any

from rds_lake.config.lake_yaml import LakeSettings

_HOURS = 24 * 60
_KEY_ACTIONS = ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey", "kms:DescribeKey"]


def job_definition(settings: LakeSettings, *, script: str, rules: str) -> dict[str, Any]:
    """What CreateJob and UpdateJob take, but for the name. Glue 5.1 is Spark 3.5.6 on Python 3.11.

    No retries of Glue's own: a second run of the same request would write into the folder of the first.
    """
    return {
        "Description": "rds-lake: DynamoDB exports to Parquet, for tables that outgrow a machine",
        "Role": settings.glue_role,
        "GlueVersion": "5.1",
        "Command": {"Name": "glueetl", "PythonVersion": "3", "ScriptLocation": script},
        "DefaultArguments": {
            "--extra-py-files": rules,
            "--job-language": "python",
            "--enable-metrics": "true",
            "--enable-continuous-cloudwatch-log": "true",
            "--enable-auto-scaling": "true",
        },
        "WorkerType": "G.1X",
        "NumberOfWorkers": settings.glue_workers,
        "MaxRetries": 0,
        "Timeout": _HOURS,
        "ExecutionProperty": {"MaxConcurrentRuns": settings.glue_runs},
    } | ({"SecurityConfiguration": settings.glue_job} if settings.kms_key else {})


def security_configuration(kms_key_arn: str) -> dict[str, Any]:
    """Spark writes with the lake's key, as everything else does; logs stay as CloudWatch encrypts them."""
    return {
        "S3Encryption": [{"S3EncryptionMode": "SSE-KMS", "KmsKeyArn": kms_key_arn}],
        "CloudWatchEncryption": {"CloudWatchEncryptionMode": "DISABLED"},
        "JobBookmarksEncryption": {"JobBookmarksEncryptionMode": "DISABLED"},
    }


def job_role_trust() -> dict[str, Any]:
    """Lets Glue assume the role."""
    service = {"Effect": "Allow", "Principal": {"Service": "glue.amazonaws.com"}, "Action": "sts:AssumeRole"}
    return {"Version": "2012-10-17", "Statement": [service]}


def job_role_policy(settings: LakeSettings, *, partition: str, kms_key_arn: str | None) -> dict[str, Any]:
    """Read the exports, read and write the lake, use its key, write logs and metrics. Nothing of DynamoDB."""
    lake, exports = (f"arn:{partition}:s3:::{name}" for name in (settings.bucket, settings.exports_bucket))
    written = _folder(lake, settings.prefix)
    return {
        "Version": "2012-10-17",
        "Statement": [
            _allow(["s3:ListBucket", "s3:GetBucketLocation"], sorted({lake, exports})),
            _allow(["s3:GetObject"], _folder(exports, settings.export_prefix)),
            _allow(["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"], written),
            *([_allow(_KEY_ACTIONS, kms_key_arn)] if kms_key_arn else []),
            _allow(
                ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
                f"arn:{partition}:logs:*:*:log-group:/aws-glue/*",
            ),
            _allow(["glue:GetSecurityConfiguration", "cloudwatch:PutMetricData"], "*"),
        ],
    }


def _allow(actions: list[str], resource: str | list[str]) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions, "Resource": resource}


def _folder(bucket_arn: str, prefix: str) -> str:
    return f"{bucket_arn}/{prefix}/*" if prefix else f"{bucket_arn}/*"
