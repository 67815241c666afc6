"""CREATE and DROP of databases and tables, without rows. Partitions are `partitions.py`."""

from __future__ import annotations

import re
from typing import Any

import botocore.exceptions
from sqlglot import exp

from rds_lake.localcloud.athena.engine import Answer
from rds_lake.localcloud.athena.errors import QueryFailedError
from rds_lake.localcloud.athena.metadata import list_tables
from rds_lake.localcloud.athena.session import NOTHING, Session
from rds_lake.localcloud.athena.sql.types import hive_to_duck
from rds_lake.localcloud.athena.statements.views import is_view

PARQUET = {
    "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
    "OutputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
    "SerdeInfo": {
        "SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe",
        "Parameters": {"serialization.format": "1"},
    },
}

_PROPERTY = re.compile(r"'([^']+)'\s*=\s*'([^']*)'")
_PROPERTIES = re.compile(rf"{_PROPERTY.pattern}(?:\s*,\s*{_PROPERTY.pattern})*")
_TABLE_INPUT = {
    "Name",
    "Description",
    "Owner",
    "TableType",
    "Parameters",
    "PartitionKeys",
    "StorageDescriptor",
    "Retention",
}


def create_database(session: Session, tree: exp.Create) -> Answer:
    """CREATE DATABASE | SCHEMA [IF NOT EXISTS]."""
    name = _database(tree.this)
    try:
        session.glue.create_database(DatabaseInput={"Name": name})
    except botocore.exceptions.ClientError as error:
        if not tree.args.get("exists"):
            raise QueryFailedError("FAILED", f"SemanticException: Database {name} already exists") from error
    return NOTHING


def drop_database(session: Session, tree: exp.Drop) -> Answer:
    """DROP DATABASE | SCHEMA [IF EXISTS] [CASCADE]; a database with tables needs CASCADE."""
    name = _database(_dropped(tree))
    try:
        session.glue.get_database(Name=name)
    except botocore.exceptions.ClientError as error:
        if tree.args.get("exists"):
            return NOTHING
        raise QueryFailedError("FAILED", f"SemanticException [Error 10072]: Database does not exist: {name}") from error
    if list_tables(session.glue, name) and not tree.args.get("cascade"):
        raise QueryFailedError(
            "FAILED", f"InvalidOperationException: Database {name} is not empty. One or more tables exist."
        )
    session.call("delete_database", Name=name)
    return NOTHING


def create_table(session: Session, tree: exp.Create) -> Answer:
    """CREATE EXTERNAL TABLE in Hive's syntax, of Parquet."""
    schema, name = session.name(tree.this)
    location = tree.find(exp.LocationProperty)
    if location is None or not location.this.name.startswith("s3://"):
        raise QueryFailedError("FAILED", f"SemanticException: table {name} needs a LOCATION 's3://…'")
    _refuse_other_formats(tree)
    partitioned = tree.find(exp.PartitionedByProperty)
    keys = [_column(item) for item in partitioned.find_all(exp.ColumnDef)] if partitioned else []
    columns = [_column(item) for item in tree.this.expressions if isinstance(item, exp.ColumnDef)]
    if session.find(schema, name) is not None:
        if tree.args.get("exists"):
            return NOTHING
        raise QueryFailedError("FAILED", f"AlreadyExistsException: Table {name} already exists")
    table = table_input(name, columns=columns, keys=keys, location=location.this.name)
    session.call("create_table", DatabaseName=schema, TableInput=table)
    return NOTHING


def set_properties(session: Session, match: re.Match[str]) -> Answer:
    """ALTER TABLE t SET TBLPROPERTIES ('name' = 'value', …): adds to Glue's parameters, and keeps the others.

    https://docs.aws.amazon.com/athena/latest/ug/alter-table-set-tblproperties.html
    """
    table = session.engine.find_table(*session.split(match[1]))
    given = _PROPERTIES.fullmatch(match[2].strip())
    if given is None or is_view(table):
        raise QueryFailedError("FAILED", f"ParseException: cannot recognize input near '{match[2][:40]}'")
    parameters = dict(_PROPERTY.findall(given[0]))
    kept = {key: value for key, value in table.items() if key in _TABLE_INPUT}
    kept["Parameters"] = (table.get("Parameters") or {}) | parameters
    session.call("update_table", DatabaseName=table["DatabaseName"], TableInput=kept)
    return NOTHING


def table_input(
    name: str, *, columns: list[dict[str, str]], keys: list[dict[str, str]], location: str
) -> dict[str, Any]:
    """Returns Glue's TableInput of a Parquet table."""
    return {
        "Name": name,
        "TableType": "EXTERNAL_TABLE",
        "Parameters": {"EXTERNAL": "TRUE", "classification": "parquet"},
        "PartitionKeys": keys,
        "StorageDescriptor": PARQUET | {"Columns": columns, "Location": location},
    }


def drop_relation(session: Session, tree: exp.Drop) -> Answer:
    """DROP TABLE | VIEW [IF EXISTS]; refuses a relation of the other kind."""
    schema, name = session.name(_dropped(tree))
    entry = session.find(schema, name)
    if entry is None:
        if tree.args.get("exists"):
            return NOTHING
        raise QueryFailedError("TABLE_NOT_FOUND", f"line 1:1: '{schema}.{name}' does not exist")
    if is_view(entry) != (tree.kind == "VIEW"):
        raise QueryFailedError(
            "SYNTAX_ERROR", f"line 1:1: '{schema}.{name}' is {'a' if is_view(entry) else 'not a'} view"
        )
    session.call("delete_table", DatabaseName=schema, Name=name)
    return NOTHING


def _dropped(tree: exp.Drop) -> exp.Expr:
    (dropped,) = tree.args["tables"]
    return dropped


def _database(node: exp.Expr) -> str:
    return (node.name or node.text("db")).lower()


def _refuse_other_formats(tree: exp.Create) -> None:
    """Refuse every format but Parquet: a table of another format could be created but never read here."""
    for kind in (exp.FileFormatProperty, exp.RowFormatSerdeProperty):
        part = tree.find(kind)
        if part is not None and "parquet" not in part.this.name.lower() and "Parquet" not in part.sql("athena"):
            raise QueryFailedError("NOT_SUPPORTED", "the local cloud reads tables STORED AS PARQUET only")


def _column(definition: exp.ColumnDef) -> dict[str, str]:
    kind = definition.kind.sql("hive").lower().replace(", ", ",").replace(": ", ":") if definition.kind else "string"
    try:
        hive_to_duck(kind)
    except ValueError as error:
        raise QueryFailedError("FAILED", f"ParseException: column {definition.name}: {error}") from error
    column = {"Name": definition.name.lower(), "Type": kind}
    comment = definition.find(exp.CommentColumnConstraint)
    return column | ({"Comment": comment.this.name} if comment is not None else {})
