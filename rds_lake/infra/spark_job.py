"""The Glue job that converts large tables: its definition and its security configuration, as data.

Nothing here calls AWS: the template has the job, and `existing/job.py` brings one that is there to this release. What the job's
role may do: `policy/service_roles.py`.
"""

from __future__ import annotations

from typing import Any

from rds_lake.config.lake_yaml import LakeSettings

_HOURS = 24 * 60


def job_definition(settings: LakeSettings, *, script: str, rules: str) -> dict[str, Any]:
    """What CreateJob and UpdateJob take, except the name. `script`, `rules`: their s3:// URIs.

    Glue 5.1 is Spark 3.5.6 on Python 3.11 (https://docs.aws.amazon.com/glue/latest/dg/release-notes.html). Glue does not
    retry a run: a second run of the same request would write into the folder of the first.
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
