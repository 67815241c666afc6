"""The policies of the roles that AWS services assume, RDS's export service and Glue's job, and their trust policies."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rds_lake.config.lake_yaml import LakeConfig, LakeSettings
from rds_lake.infra.policy.databases import EXPORT_SERVICE
from rds_lake.infra.policy.document import PolicyDocument, Statement, anything, fixed, trust
from rds_lake.infra.policy.lake import key_through_s3
from rds_lake.infra.policy.names import Names, listing


def export_role_trust() -> dict[str, Any]:
    """Returns the policy that lets RDS's export service assume the role.

    https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora-export-snapshot.Setup.html
    """
    return trust(EXPORT_SERVICE)


def export_role_policy(config: LakeConfig, names: Names) -> PolicyDocument:
    """Returns the policy of RDS's export service, without a statement if lake.yaml has no database."""
    return _export_policy(config.lake, names) if config.databases else PolicyDocument(statements=())


def _export_policy(settings: LakeSettings, names: Names) -> PolicyDocument:
    """AWS's page has `s3:PutObject*`, `s3:GetObject*` and `s3:DeleteObject*` on the whole bucket; this has only those of them
    that write, read back and remove the files of an export.

    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_StartExportTask.html
    """
    bucket, prefix = settings.exports_bucket, settings.export_prefix
    find = Statement(
        sid="FindTheBucket",
        reason="RDS checks the bucket before an export begins. AWS does not document the prefix, so there is no condition.",
        actions=("s3:GetBucketLocation", "s3:ListBucket"),
        resources=fixed(names.bucket(bucket)),
    )
    write = Statement(
        sid="WriteExports",
        reason="Write the files of an export, and read them back or remove them.",
        actions=("s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject", "s3:PutObject"),
        resources=fixed(names.objects(bucket, prefix)),
    )
    return PolicyDocument(statements=(find, write))


def job_role_trust() -> dict[str, Any]:
    """Returns the policy that lets Glue assume the role."""
    return trust("glue.amazonaws.com")


def job_role_policy(config: LakeConfig, names: Names) -> PolicyDocument:
    """Returns the policy of Glue's job, without a statement if Glue converts no source."""
    return _job_policy(config.lake, names) if config.has_glue_job else PolicyDocument(statements=())


def _job_policy(settings: LakeSettings, names: Names) -> PolicyDocument:
    """Read exports, read and write the lake, write logs. Nothing with DynamoDB."""
    return PolicyDocument(statements=(*_job_files(settings, names), *_job_logs(settings, names)))


def _job_files(settings: LakeSettings, names: Names) -> Iterator[Statement]:
    lake, exports = (settings.bucket, settings.prefix), (settings.exports_bucket, settings.export_prefix)
    for number, bucket in enumerate(dict.fromkeys((lake[0], exports[0]))):
        yield Statement(
            sid="ListTheExports" if number else "ListTheLake",
            reason="Spark lists the folders that it reads and writes, and Glue the folder of the job's script.",
            actions=("s3:ListBucket",),
            resources=fixed(names.bucket(bucket)),
            conditions=listing(*(prefix for other, prefix in (lake, exports) if other == bucket)),
        )
    yield Statement(
        sid="LocateTheBuckets",
        reason="Spark asks in which Region a bucket is.",
        actions=("s3:GetBucketLocation",),
        resources=fixed(*dict.fromkeys((names.bucket(lake[0]), names.bucket(exports[0])))),
    )
    yield Statement(
        sid="ReadExports",
        reason="Read the items that DynamoDB exported.",
        actions=("s3:GetObject",),
        resources=fixed(names.objects(*exports)),
    )
    yield Statement(
        sid="ReadAndWriteTheLake",
        reason="Read the job's script and request, write Parquet, and remove Spark's temporary files.",
        actions=("s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject", "s3:PutObject"),
        resources=fixed(names.objects(*lake)),
    )
    yield from key_through_s3(settings, names)


def _job_logs(settings: LakeSettings, names: Names) -> Iterator[Statement]:
    yield Statement(
        sid="MakeLogGroups",
        reason="Glue creates the log groups of its jobs if they do not exist.",
        actions=("logs:CreateLogGroup",),
        resources=fixed(names.arn("logs", "log-group:/aws-glue/*")),
    )
    yield Statement(
        sid="WriteLogs",
        reason="Glue writes the job's output as its role.",
        actions=("logs:CreateLogStream", "logs:PutLogEvents"),
        resources=fixed(names.arn("logs", "log-group:/aws-glue/*:log-stream:*")),
    )
    yield Statement(
        sid="WriteMetrics",
        reason="Glue reports the job's metrics as its role. CloudWatch has no narrower resource for this action.",
        actions=("cloudwatch:PutMetricData",),
        resources=anything(),
        conditions={"StringEquals": {"cloudwatch:namespace": "Glue"}},
    )
    if settings.kms_key:
        yield Statement(
            sid="ReadTheSecurityConfiguration",
            reason="Glue looks up the key that the job encrypts with.",
            actions=("glue:GetSecurityConfiguration",),
            resources=anything(),
        )
