"""The pipeline's permissions for the lake: objects in S3 and their key, tables in Glue, Athena.

Queries run with the caller's rights: Athena reads Glue and S3, and writes its result, as the pipeline.
https://docs.aws.amazon.com/athena/latest/ug/security-iam-athena.html
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rds_lake.config.database import Aurora, Rds
from rds_lake.config.lake_yaml import LakeConfig, LakeSettings
from rds_lake.config.source import SourceSettings
from rds_lake.infra.policy.document import Resource, Statement, fixed
from rds_lake.infra.policy.names import Names, find_key, listing

# Athena asks for the database `default` of every catalogue, whichever database a query names:
# https://docs.aws.amazon.com/athena/latest/ug/fine-grained-access-to-glue-resources.html
_DEFAULT_DATABASE = "database/default"


def lake_statements(config: LakeConfig, names: Names) -> Iterator[Statement]:
    """Returns the statements of S3, KMS, Glue and Athena."""
    yield from _lists(config, names)
    lake = config.lake
    yield Statement(
        sid="ReadAndWriteTheLake",
        reason="Write Parquet, manifests and records, read them back, and remove files that a later export replaced.",
        actions=(
            "s3:AbortMultipartUpload",
            "s3:DeleteObject",
            "s3:GetObject",
            "s3:ListMultipartUploadParts",
            "s3:PutObject",
        ),
        resources=fixed(names.objects(lake.bucket, lake.prefix)),
    )
    yield from _exports(config, names)
    if key := find_key(lake, names):
        services = ["s3", *(["dynamodb"] if config.dynamodb else []), *(["sns"] if lake.notifications else [])]
        yield Statement(
            sid="UseTheKeyThroughServices",
            reason="Read and write objects that are encrypted with the lake's key, through the services that store them.",
            actions=("kms:Decrypt", "kms:GenerateDataKey"),
            resources=key.resources,
            conditions={**key.condition, **names.via(*services)},
        )
    in_athena = [source.name for source in config.sources if source.athena]
    if in_athena:
        yield from _athena(config, names, in_athena)
    if others := [source.name for source in config.sources if not source.athena]:
        yield _tables_of_before(names, others)


def _lists(config: LakeConfig, names: Names) -> Iterator[Statement]:
    lake = config.lake
    prefixes = {lake.bucket: [lake.prefix]}
    prefixes.setdefault(lake.exports_bucket, []).append(lake.export_prefix)
    for number, (bucket, listed) in enumerate(prefixes.items()):
        yield Statement(
            sid="ListTheExports" if number else "ListTheLake",
            reason="List objects below the lake's prefixes, and get 404 instead of 403 for an object that does not exist.",
            actions=("s3:ListBucket",),
            resources=fixed(names.bucket(bucket)),
            conditions=listing(*listed),
        )
    if any(source.athena or source.retention for source in config.sources):
        yield Statement(
            sid="FindUnfinishedUploads",
            reason="Find uploads that were not completed, for retention and for Athena's results. IAM cannot limit this to a prefix.",
            actions=("s3:ListBucketMultipartUploads",),
            resources=fixed(names.bucket(lake.bucket)),
        )


def _exports(config: LakeConfig, names: Names) -> Iterator[Statement]:
    exports = fixed(names.objects(config.lake.exports_bucket, config.lake.export_prefix))
    yield Statement(
        sid="ReadExports",
        reason="Read the files that AWS exported, to copy, convert or register them.",
        actions=("s3:GetObject",),
        resources=exports,
    )
    if config.dynamodb:
        yield Statement(
            sid="WriteTableExports",
            reason="DynamoDB writes an export with the rights of the caller who started it; the pipeline itself writes a scan.",
            actions=("s3:AbortMultipartUpload", "s3:PutObject", "s3:PutObjectAcl"),
            resources=exports,
        )
    if any(map(_removes_exports, config.sources)):
        yield Statement(
            sid="RemoveExports",
            reason="Remove AWS's copy once a date is published, and dates that retention does not keep.",
            actions=("s3:DeleteObject",),
            resources=exports,
        )


def _removes_exports(source: SourceSettings) -> bool:
    replaces = isinstance(source, Rds | Aurora) and source.replace
    return replaces or source.retention is not None or not (source.keep_export or source.in_place)


def _athena(config: LakeConfig, names: Names, sources: Sequence[str]) -> Iterator[Statement]:
    yield Statement(
        sid="KeepTheCatalogue",
        reason="Create databases, raw tables, partitions and views of the configured sources, and replace views.",
        actions=(
            "glue:BatchCreatePartition",
            "glue:BatchDeletePartition",
            "glue:BatchGetPartition",
            "glue:BatchUpdatePartition",
            "glue:CreateDatabase",
            "glue:CreateTable",
            "glue:DeleteTable",
            "glue:GetDatabase",
            "glue:GetPartitions",
            "glue:GetTable",
            "glue:GetTables",
            "glue:UpdateTable",
        ),
        resources=catalogue(names, sources),
    )
    yield default_database(names)
    yield Statement(
        sid="QueryWithAthena",
        reason="Count rows, create views and run queries in the lake's workgroup.",
        actions=(
            "athena:GetQueryExecution",
            "athena:GetQueryResults",
            "athena:StartQueryExecution",
            "athena:StopQueryExecution",
        ),
        resources=fixed(names.arn("athena", f"workgroup/{config.lake.workgroup}")),
    )
    yield locate_results(config, names)


def _tables_of_before(names: Names, sources: Sequence[str]) -> Statement:
    return Statement(
        sid="RemovePartitionsOfBefore",
        reason="Retention and `rds-lake prune` look for partitions of files that they remove, even if `athena: false` was set later.",
        actions=("glue:BatchDeletePartition", "glue:BatchGetPartition", "glue:GetPartitions", "glue:GetTables"),
        resources=catalogue(names, sources),
    )


def catalogue(names: Names, sources: Sequence[str]) -> tuple[Resource, ...]:
    """Returns the ARNs of the account's catalogue, the sources' databases, and everything in them."""
    return (
        *fixed(names.arn("glue", "catalog")),
        *names.named("glue", "database/", sources),
        *names.named("glue", "table/", [f"{source}/*" for source in sources]),
    )


def default_database(names: Names) -> Statement:
    """Returns what Athena needs for every caller that queries."""
    return Statement(
        sid="SeeTheDefaultDatabase",
        reason="Athena asks for the database `default` before any query, whichever database the query names.",
        actions=("glue:GetDatabase",),
        resources=fixed(names.arn("glue", "catalog"), names.arn("glue", _DEFAULT_DATABASE)),
    )


def locate_results(config: LakeConfig, names: Names) -> Statement:
    """Returns what Athena needs for every caller before it writes a result."""
    return Statement(
        sid="LocateTheBucket",
        reason="Athena asks in which Region the bucket of its results is.",
        actions=("s3:GetBucketLocation",),
        resources=fixed(names.bucket(config.lake.bucket)),
    )


def key_through_s3(settings: LakeSettings, names: Names) -> Iterator[Statement]:
    """Returns the permissions on the key to read and write the lake's objects; empty if the lake has no key."""
    if key := find_key(settings, names):
        yield Statement(
            sid="UseTheKeyThroughS3",
            reason="Read and write objects that are encrypted with the lake's key.",
            actions=("kms:Decrypt", "kms:GenerateDataKey"),
            resources=key.resources,
            conditions={**key.condition, **names.via("s3")},
        )
