"""The pipeline's permissions for DynamoDB: exports or scans of tables, and Glue's job that converts large ones."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rds_lake.config.dynamodb import DynamoDb, is_table_name
from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.infra.policy.document import Resource, Statement, anything, fixed
from rds_lake.infra.policy.names import Names


def dynamodb_statements(config: LakeConfig, names: Names) -> Iterator[Statement]:
    """Returns the statements of all DynamoDB sources; empty if lake.yaml has no such source."""
    exported = [source for source in config.dynamodb if source.method == "export"]
    scanned = [source for source in config.dynamodb if source.method == "scan"]
    if any(not is_table_name(table) for source in config.dynamodb for table in source.tables):
        yield Statement(
            sid="FindTables",
            reason="List the account's tables, to find those that a pattern of lake.yaml matches.",
            actions=("dynamodb:ListTables",),
            resources=anything(),
        )
    if config.dynamodb:
        yield Statement(
            sid="SeeTables",
            reason="See a table's size, key and capacity.",
            actions=("dynamodb:DescribeTable",),
            resources=_tables(config.dynamodb, names),
        )
    if exported:
        yield from _exports(exported, names)
    if scanned:
        yield Statement(
            sid="ScanTables",
            reason="Read tables with `method: scan`.",
            actions=("dynamodb:Scan",),
            resources=_tables(scanned, names),
        )
    if config.has_glue_job:
        yield Statement(
            sid="RunTheGlueJob",
            reason="Start the lake's Glue job, which converts large tables, and see the state of its runs.",
            actions=("glue:GetJobRun", "glue:GetJobRuns", "glue:StartJobRun"),
            resources=fixed(names.arn("glue", f"job/{config.lake.glue_job}")),
        )


def _exports(sources: list[DynamoDb], names: Names) -> Iterator[Statement]:
    yield Statement(
        sid="ExportTables",
        reason="Export the configured tables as of an instant, and find existing exports.",
        actions=("dynamodb:DescribeContinuousBackups", "dynamodb:ExportTableToPointInTime", "dynamodb:ListExports"),
        resources=_tables(sources, names),
    )
    yield Statement(
        sid="WatchTableExports",
        reason="See the state of these exports.",
        actions=("dynamodb:DescribeExport",),
        resources=_tables(sources, names, "/export/*"),
    )


def _tables(sources: tuple[DynamoDb, ...] | list[DynamoDb], names: Names, below: str = "") -> tuple[Resource, ...]:
    patterns = [f"{_iam_pattern(table)}{below}" for source in sources for table in source.tables]
    return names.named("dynamodb", "table/", patterns)


def _iam_pattern(table: str) -> str:
    """Returns a shell pattern as IAM writes it: `[abc]` becomes `?`, any one character."""
    return re.sub(r"\[!?\]?[^]]*\]", "?", table).replace("[", "?")
