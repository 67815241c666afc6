"""Everything that is not a SELECT: views, tables, partitions, SHOW and DESCRIBE.

What is not supported fails with NOT_SUPPORTED; nothing succeeds without having been done.

What belongs here: one function per statement.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import botocore.exceptions
from sqlglot import exp
from sqlglot.errors import SqlglotError

from rds_lake.localcloud.athena.dialect import parse
from rds_lake.localcloud.athena.engine import Answer, Engine, view_definition
from rds_lake.localcloud.athena.errors import QueryFailedError
from rds_lake.localcloud.athena.partitions import alter_partitions, repair_table
from rds_lake.localcloud.athena.types import trino_to_hive

_PARQUET = {
    "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
    "OutputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
    "SerdeInfo": {"SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"},
}
_UTILITY = re.compile(r"\s*(show|describe|desc|explain)\b", re.IGNORECASE)
_DDL = re.compile(r"\s*(create|drop|alter|msck|show|describe|desc)\b", re.IGNORECASE)
_NOTHING = Answer(columns=[], rows=[])


def statement_type(sql: str) -> str:
    """DDL, DML or UTILITY, as GetQueryExecution says it."""
    if _UTILITY.match(sql):
        return "UTILITY"
    return "DDL" if _DDL.match(sql) else "DML"


@dataclass(frozen=True, slots=True, kw_only=True)
class Statements:
    """Runs one statement with an engine; `database` is the query's default."""

    engine: Engine
    database: str

    def run(self, sql: str, parameters: list[str]) -> Answer:
        """The answer of any supported statement."""
        for pattern, handler in _COMMANDS:
            if match := re.fullmatch(pattern, sql.strip(), re.IGNORECASE | re.DOTALL):
                return handler(self, match)
        try:
            tree = parse(sql)
        except SqlglotError as error:
            raise QueryFailedError("SYNTAX_ERROR", f"line 1:1: {str(error).splitlines()[0]}") from error
        if isinstance(tree, exp.Query):
            return self.engine.select(tree, self.database, parameters)
        if isinstance(tree, exp.Create) and tree.kind == "VIEW":
            return self._create_view(tree)
        if isinstance(tree, exp.Create) and tree.kind in ("DATABASE", "SCHEMA"):
            return self._create_database(tree)
        if isinstance(tree, exp.Create) and tree.kind == "TABLE" and not tree.expression:
            return self._create_table(tree)
        if isinstance(tree, exp.Drop) and tree.kind in ("VIEW", "TABLE", "DATABASE", "SCHEMA"):
            return self._drop(tree)
        raise QueryFailedError("NOT_SUPPORTED", f"the local cloud does not run this statement: {sql[:80]}")

    @property
    def _glue(self) -> Any:
        return self.engine.clients.client("glue")

    def _create_view(self, tree: exp.Create) -> Answer:
        schema, name = self._name(tree.this)
        columns = self.engine.describe(tree.expression.copy(), self.database)
        try:
            hive = [{"Name": column, "Type": trino_to_hive(kind)} for column, kind in columns]
        except ValueError as error:
            raise QueryFailedError("NOT_SUPPORTED", str(error)) from error
        definition = {
            "originalSql": tree.expression.sql("athena"),
            "catalog": "awsdatacatalog",
            "schema": self.database,
            "columns": [{"name": column, "type": kind} for column, kind in columns],
        }
        encoded = base64.b64encode(json.dumps(definition).encode()).decode()
        table = {
            "Name": name,
            "TableType": "VIRTUAL_VIEW",
            "Parameters": {"presto_view": "true", "comment": "Presto View"},
            "PartitionKeys": [],
            "ViewOriginalText": f"/* Presto View: {encoded} */",
            "ViewExpandedText": "/* Presto View */",
            "StorageDescriptor": {"Columns": hive, "Location": "", "SerdeInfo": {}},
        }
        exists = self._find(schema, name)
        if exists is None:
            self._call("create_table", DatabaseName=schema, TableInput=table)
        elif not tree.args.get("replace") or exists.get("TableType") != "VIRTUAL_VIEW":
            kind = "View" if exists.get("TableType") == "VIRTUAL_VIEW" else "Table"
            raise QueryFailedError(
                "TABLE_ALREADY_EXISTS", f"line 1:1: {kind} already exists: 'awsdatacatalog.{schema}.{name}'"
            )
        else:
            self._call("update_table", DatabaseName=schema, TableInput=table)
        return _NOTHING

    def _create_database(self, tree: exp.Create) -> Answer:
        name = tree.this.name.lower() or tree.this.db.lower()
        try:
            self._glue.create_database(DatabaseInput={"Name": name})
        except botocore.exceptions.ClientError as error:
            if not tree.args.get("exists"):
                raise QueryFailedError("FAILED", f"SemanticException: Database {name} already exists") from error
        return _NOTHING

    def _create_table(self, tree: exp.Create) -> Answer:
        schema, name = self._name(tree.this.this)
        location = tree.find(exp.LocationProperty)
        if location is None:
            raise QueryFailedError("FAILED", f"SemanticException: table {name} needs a LOCATION")
        partitioned = tree.find(exp.PartitionedByProperty)
        keys = [_column(item) for item in partitioned.find_all(exp.ColumnDef)] if partitioned else []
        columns = [_column(item) for item in tree.this.expressions if isinstance(item, exp.ColumnDef)]
        if self._find(schema, name) is not None:
            if tree.args.get("exists"):
                return _NOTHING
            raise QueryFailedError("FAILED", f"AlreadyExistsException: Table {name} already exists")
        table = {
            "Name": name,
            "TableType": "EXTERNAL_TABLE",
            "Parameters": {"EXTERNAL": "TRUE", "classification": "parquet"},
            "PartitionKeys": keys,
            "StorageDescriptor": _PARQUET | {"Columns": columns, "Location": location.this.name},
        }
        self._call("create_table", DatabaseName=schema, TableInput=table)
        return _NOTHING

    def _drop(self, tree: exp.Drop) -> Answer:
        (dropped,) = tree.args["tables"]
        if tree.kind in ("DATABASE", "SCHEMA"):
            self._call("delete_database", Name=dropped.name.lower() or dropped.text("db").lower())
            return _NOTHING
        schema, name = self._name(dropped)
        found = self._find(schema, name)
        is_view = found is not None and found.get("TableType") == "VIRTUAL_VIEW"
        if found is None:
            if tree.args.get("exists"):
                return _NOTHING
            raise QueryFailedError("TABLE_NOT_FOUND", f"line 1:1: '{schema}.{name}' does not exist")
        if is_view != (tree.kind == "VIEW"):
            raise QueryFailedError("SYNTAX_ERROR", f"line 1:1: '{schema}.{name}' is {'a' if is_view else 'not a'} view")
        self._call("delete_table", DatabaseName=schema, Name=name)
        return _NOTHING

    def show_tables(self, match: re.Match[str]) -> Answer:
        """SHOW TABLES | VIEWS [IN database]."""
        schema = (match[2] or self.database).strip('`"')
        pages = self._glue.get_paginator("get_tables").paginate(DatabaseName=schema)
        tables = [table for page in pages for table in page["TableList"]]
        views = match[1].lower() == "views"
        names = [t["Name"] for t in tables if not views or t.get("TableType") == "VIRTUAL_VIEW"]
        return Answer(columns=[("tab_name", "varchar")], rows=[(name,) for name in sorted(names)])

    def show_databases(self, match: re.Match[str]) -> Answer:
        """SHOW DATABASES | SCHEMAS."""
        names = sorted(database["Name"] for database in self._glue.get_databases()["DatabaseList"])
        return Answer(columns=[("database_name", "varchar")], rows=[(name,) for name in names])

    def show_partitions(self, match: re.Match[str]) -> Answer:
        """SHOW PARTITIONS table."""
        schema, name = self._split(match[1])
        keys = [key["Name"] for key in self.engine.find_table(schema, name).get("PartitionKeys", [])]
        pages = self._glue.get_paginator("get_partitions").paginate(DatabaseName=schema, TableName=name)
        values = [partition["Values"] for page in pages for partition in page["Partitions"]]
        rows = [("/".join(f"{key}={value}" for key, value in zip(keys, row, strict=True)),) for row in sorted(values)]
        return Answer(columns=[("partition", "varchar")], rows=rows)

    def describe(self, match: re.Match[str]) -> Answer:
        """DESCRIBE table."""
        table = self.engine.find_table(*self._split(match[1]))
        columns = table["StorageDescriptor"]["Columns"] + (table.get("PartitionKeys") or [])
        rows = [(f"{column['Name']:<20}\t{column['Type']:<20}\t",) for column in columns]
        return Answer(columns=[("col_name", "varchar")], rows=rows)

    def alter_partitions(self, match: re.Match[str]) -> Answer:
        """ALTER TABLE table ADD | DROP [IF [NOT] EXISTS] PARTITION (…)."""
        table = self.engine.find_table(*self._split(match[1]))
        alter_partitions(self.engine.clients, table, verb=match[2], clauses=match[4], tolerant=bool(match[3]))
        return _NOTHING

    def repair(self, match: re.Match[str]) -> Answer:
        """MSCK REPAIR TABLE table."""
        added = repair_table(self.engine.clients, self.engine.find_table(*self._split(match[1])))
        rows = [(f"Partitions not in metastore: {folder}",) for folder in added]
        return Answer(columns=[("result", "varchar")], rows=rows)

    def show_create_view(self, match: re.Match[str]) -> Answer:
        """SHOW CREATE VIEW view."""
        schema, name = self._split(match[1])
        body = view_definition(self.engine.find_table(schema, name))["originalSql"]
        return Answer(columns=[("createview", "varchar")], rows=[(f'CREATE VIEW "{schema}"."{name}" AS {body}',)])

    def _name(self, table: exp.Expression) -> tuple[str, str]:
        return (table.text("db") or self.database).lower(), table.name.lower()

    def _split(self, text: str) -> tuple[str, str]:
        return self._name(exp.to_table(text.replace("`", '"'), dialect="athena"))

    def _find(self, schema: str, name: str) -> dict[str, Any] | None:
        try:
            return self.engine.find_table(schema, name)
        except QueryFailedError:
            return None

    def _call(self, operation: str, **arguments: Any) -> None:
        try:
            getattr(self._glue, operation)(**arguments)
        except botocore.exceptions.ClientError as error:
            details = error.response["Error"]
            raise QueryFailedError("FAILED", f"{details['Code']}: {details['Message']}") from error


def _column(definition: exp.ColumnDef) -> dict[str, str]:
    kind = definition.kind.sql("hive").lower() if definition.kind else "string"
    return {"Name": definition.name.lower(), "Type": kind}


_COMMANDS: tuple[tuple[str, Callable[[Statements, re.Match[str]], Answer]], ...] = (
    (r"show\s+(tables|views)(?:\s+in\s+(\S+))?", Statements.show_tables),
    (r"show\s+(?:databases|schemas)", Statements.show_databases),
    (r"show\s+partitions\s+(\S+)", Statements.show_partitions),
    (r"show\s+create\s+view\s+(\S+)", Statements.show_create_view),
    (
        r"alter\s+table\s+(\S+)\s+(add|drop)\s+(if\s+(?:not\s+)?exists\s+)?(partition.*)",
        Statements.alter_partitions,
    ),
    (r"msck\s+repair\s+table\s+(\S+)", Statements.repair),
    (r"desc(?:ribe)?\s+(?:formatted\s+|extended\s+)?(\S+)", Statements.describe),
)
