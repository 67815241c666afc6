"""Trino: Athena's own SQL over the raw tables in Glue, by Trino's Hive connector.

Athena's views themselves name the catalog `awsdatacatalog`, which no other Trino has.

Facts: https://trino.io/docs/current/object-storage/metastores.html#aws-glue-catalog-configuration-properties
"""

from __future__ import annotations

from rds_lake.sql.quoting import date_literal, identifier, literal, qualified
from rds_lake.sql.readers.engine import in_comment
from rds_lake.sql.readers.tables import ReadDate, ReadTable

TITLE = "Trino"


def render(read: ReadDate) -> list[str]:
    """Statements and comments, in order."""
    statements = [
        "-- A catalog of Trino that reads Glue, in etc/catalog/hive.properties:",
        "--   connector.name=hive",
        "--   hive.metastore=glue",
        f"--   hive.metastore.glue.region={in_comment(read.region)}",
        "--   fs.native-s3.enabled=true",
        f"--   s3.region={in_comment(read.region)}",
        "-- Run this in a session of that catalog (trino --catalog hive). The schema is a database of Glue beside the lake's, which",
        "-- is rds-lake's own; where a new one needs a place, add WITH (location = 's3://<bucket>/<folder>/').",
        f"CREATE SCHEMA IF NOT EXISTS {identifier(read.schema)};",
    ]
    return statements + [_view(read, table) for table in read.tables]


def _view(read: ReadDate, table: ReadTable) -> str:
    listed = [f"{column.view.expression} AS {identifier(column.view.alias)}" for column in table.columns]
    if table.member_key:
        listed.append(identifier(table.member_key))
    listed.append(f"{date_literal(read.day)} AS {identifier('snapshot_date')}")
    columns = ",\n  ".join(listed)
    return (
        f"CREATE OR REPLACE VIEW {qualified(read.schema, table.view)} AS\nSELECT\n  {columns}\n"
        f"FROM {qualified(read.database, table.raw)}\n"
        f"WHERE {identifier(table.partition_key)} = {literal(read.day.isoformat())};"
    )
