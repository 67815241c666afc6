"""The policy of readers who query the views with Athena: reading the lake, and writing the results of their queries."""

from __future__ import annotations

from collections.abc import Iterator

from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.infra.policy.document import MANAGED_LIMIT, PolicyDocument, Statement, fixed
from rds_lake.infra.policy.lake import catalogue, default_database, key_through_s3, locate_results
from rds_lake.infra.policy.names import Names, listing
from rds_lake.infra.policy.widen import fitted
from rds_lake.model.lake.layout import LakeLayout


def reader_policy(config: LakeConfig, names: Names, *, limit: int = MANAGED_LIMIT) -> PolicyDocument:
    """Returns a reader's policy, without a statement if no source has tables in Athena."""
    sources = [source.name for source in config.sources if source.athena]
    return fitted(tuple(_statements(config, names, sources)) if sources else (), limit)


def _statements(config: LakeConfig, names: Names, sources: list[str]) -> Iterator[Statement]:
    yield Statement(
        sid="QueryWithAthena",
        reason="Run queries in the lake's workgroup and read their results.",
        actions=(
            "athena:GetQueryExecution",
            "athena:GetQueryResults",
            "athena:GetWorkGroup",
            "athena:StartQueryExecution",
            "athena:StopQueryExecution",
        ),
        resources=fixed(names.arn("athena", f"workgroup/{config.lake.workgroup}")),
    )
    yield Statement(
        sid="ReadTheCatalogue",
        reason="See the views and raw tables of the configured sources.",
        actions=(
            "glue:BatchGetPartition",
            "glue:GetDatabase",
            "glue:GetPartition",
            "glue:GetPartitions",
            "glue:GetTable",
            "glue:GetTables",
        ),
        resources=catalogue(names, sources),
    )
    yield default_database(names)
    yield from _objects(config, names)
    yield from key_through_s3(config.lake, names)


def _objects(config: LakeConfig, names: Names) -> Iterator[Statement]:
    lake = config.lake
    places = [(lake.bucket, lake.prefix)]
    if any(source.in_place for source in config.sources):
        places.append((lake.exports_bucket, lake.export_prefix))
    yield Statement(
        sid="ReadTheLake",
        reason="Read the files behind the tables, and the results of queries.",
        actions=("s3:GetObject",),
        resources=fixed(*(names.objects(bucket, prefix) for bucket, prefix in places)),
    )
    for number, bucket in enumerate(dict.fromkeys(bucket for bucket, _ in places)):
        yield Statement(
            sid="ListTheExports" if number else "ListTheLake",
            reason="Athena lists the files of a table before it reads them.",
            actions=("s3:ListBucket",),
            resources=fixed(names.bucket(bucket)),
            conditions=listing(*(prefix for other, prefix in places if other == bucket)),
        )
    yield locate_results(config, names)
    results = LakeLayout(bucket=lake.bucket, prefix=lake.prefix).athena_results().split("/", 3)[3].rstrip("/")
    yield Statement(
        sid="WriteResults",
        reason="Athena writes the result of a query with the rights of the caller.",
        actions=("s3:AbortMultipartUpload", "s3:ListMultipartUploadParts", "s3:PutObject"),
        resources=fixed(names.objects(lake.bucket, results)),
    )
