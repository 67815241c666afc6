"""SHOW and DESCRIBE: the catalogue as rows."""

from __future__ import annotations

import re
from typing import Any

import botocore.exceptions

from rds_lake.localcloud.athena.engine import Answer
from rds_lake.localcloud.athena.errors import QueryFailedError
from rds_lake.localcloud.athena.metadata import list_databases, list_tables
from rds_lake.localcloud.athena.relations import list_partitions
from rds_lake.localcloud.athena.session import Session
from rds_lake.localcloud.athena.statements.views import ViewDefinition, is_view


def show_tables(session: Session, match: re.Match[str]) -> Answer:
    """SHOW TABLES | VIEWS [IN database] ['pattern']."""
    schema = (match[2] or session.database).strip('`"').lower()
    try:
        tables = list_tables(session.glue, schema)
    except botocore.exceptions.ClientError as error:
        raise QueryFailedError(
            "FAILED", f"SemanticException [Error 10072]: Database does not exist: {schema}"
        ) from error
    views = match[1].lower() == "views"
    return _list("tab_name", [t["Name"] for t in tables if not views or is_view(t)], match[3])


def show_databases(session: Session, match: re.Match[str]) -> Answer:
    """SHOW DATABASES | SCHEMAS ['pattern']."""
    return _list("database_name", list_databases(session.glue), match[1])


def show_partitions(session: Session, match: re.Match[str]) -> Answer:
    """SHOW PARTITIONS table."""
    table = session.engine.find_table(*session.split(match[1]))
    keys = [key["Name"] for key in table.get("PartitionKeys") or []]
    if not keys:
        raise QueryFailedError("FAILED", f"SemanticException: Table {table['Name']} is not a partitioned table")
    values = sorted(partition["Values"] for partition in list_partitions(session.glue, table))
    return _list("partition", ["/".join(f"{k}={v}" for k, v in zip(keys, row, strict=True)) for row in values])


def show_columns(session: Session, match: re.Match[str]) -> Answer:
    """SHOW COLUMNS IN table [IN database]."""
    name = f"{match[2]}.{match[1]}" if match[2] else match[1]
    return _list("field", [column["Name"] for column in _columns(session.engine.find_table(*session.split(name)))])


def show_create_view(session: Session, match: re.Match[str]) -> Answer:
    """SHOW CREATE VIEW."""
    schema, name = session.split(match[1])
    entry = session.engine.find_table(schema, name)
    if not is_view(entry):
        raise QueryFailedError("NOT_SUPPORTED", f"line 1:1: Relation '{schema}.{name}' is not a view")
    return _list("create view", [f'CREATE VIEW "{name}" AS', *ViewDefinition.of(entry).sql.splitlines()])


def show_create_table(session: Session, match: re.Match[str]) -> Answer:
    """SHOW CREATE TABLE, in the syntax of CREATE EXTERNAL TABLE."""
    table = session.engine.find_table(*session.split(match[1]))
    if is_view(table):
        raise QueryFailedError("FAILED", f"SemanticException: {table['Name']} is a view: use SHOW CREATE VIEW")
    lines = [f"CREATE EXTERNAL TABLE `{table['Name']}`("]
    lines += _listed(table["StorageDescriptor"]["Columns"])
    if table.get("PartitionKeys"):
        lines += ["PARTITIONED BY ( ", *_listed(table["PartitionKeys"])]
    lines += ["STORED AS PARQUET", "LOCATION", f"  '{table['StorageDescriptor']['Location']}'"]
    return _list("createtab_stmt", lines)


def describe(session: Session, match: re.Match[str]) -> Answer:
    """DESCRIBE table."""
    columns = _columns(session.engine.find_table(*session.split(match[1])))
    rows = [f"{column['Name']:<20}\t{column['Type']:<20}\t{column.get('Comment', ''):<20}" for column in columns]
    return _list("col_name", rows)


def _list(column: str, values: list[str], pattern: str | None = None) -> Answer:
    """Returns one column: the names that match a Hive pattern (`*` and `|`)."""
    if pattern:
        wanted = "|".join(re.escape(part).replace(r"\*", ".*").replace(r"\.\.*", ".*") for part in pattern.split("|"))
        values = [value for value in values if re.fullmatch(wanted, value, re.IGNORECASE)]
    return Answer(columns=[(column, "varchar")], rows=[(value,) for value in values])


def _columns(table: dict[str, Any]) -> list[dict[str, Any]]:
    return table["StorageDescriptor"]["Columns"] + (table.get("PartitionKeys") or [])


def _listed(columns: list[dict[str, Any]]) -> list[str]:
    last = len(columns) - 1
    return [f"  `{c['Name']}` {c['Type']}{')' if number == last else ', '}" for number, c in enumerate(columns)]
