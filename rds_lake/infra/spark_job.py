"""The Glue job that converts large tables: its definition and its security configuration, as data.

Nothing here calls AWS: the template has the job, and `existing/job.py` updates an existing one to this release. The job's
permissions: `policy/service_roles.py`.
"""

from __future__ import annotations

from typing import Any

from rds_lake.config.lake_yaml import LakeSettings

_HOURS = 24 * 60


def job_definition(settings: LakeSettings, *, script: str, rules: str) -> dict[str, Any]:
    """Returns the arguments of CreateJob and UpdateJob, except the name. `script`, `rules`: their s3:// URIs.

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
    """Returns the configuration with which Spark encrypts files with the lake's key; logs keep CloudWatch's encryption."""
    return {
        "S3Encryption": [{"S3EncryptionMode": "SSE-KMS", "KmsKeyArn": kms_key_arn}],
        "CloudWatchEncryption": {"CloudWatchEncryptionMode": "DISABLED"},
        "JobBookmarksEncryption": {"JobBookmarksEncryptionMode": "DISABLED"},
    }
