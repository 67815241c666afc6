"""The inputs of every statement: an engine, a default database, Glue's tables by name, and Athena's errors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import botocore.exceptions
from sqlglot import exp
from sqlglot.errors import SqlglotError

from rds_lake.localcloud.athena.engine import Answer, Engine
from rds_lake.localcloud.athena.errors import QueryFailedError
from rds_lake.localcloud.athena.sql.dialect import parse

NOTHING = Answer(columns=[], rows=[])
ROWS = ("rows", "bigint")


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """The session of one statement. `results`: the folder of its result; `prepared`: statements of its workgroup."""

    engine: Engine
    database: str
    results: str = ""
    parameters: Sequence[str] = ()
    prepared: dict[str, str] = field(default_factory=dict)

    @property
    def glue(self) -> Any:
        return self.engine.clients.client("glue")

    @property
    def s3(self) -> Any:
        return self.engine.clients.client("s3")

    def name(self, table: exp.Expr) -> tuple[str, str]:
        """Returns database and name of a table node, in lower case as in Athena."""
        table = table.this if isinstance(table, exp.Schema) else table
        return (table.text("db") or self.database).lower(), table.name.lower()

    def split(self, text: str) -> tuple[str, str]:
        """Returns database and name of a table's name in DDL."""
        try:
            return self.name(exp.to_table(text.replace("`", '"'), dialect="athena"))
        except SqlglotError as error:
            raise QueryFailedError("SYNTAX_ERROR", f"line 1:1: {text!r} is not a table's name") from error

    def find(self, schema: str, name: str) -> dict[str, Any] | None:
        """Returns Glue's entry, or None."""
        try:
            return self.engine.find_table(schema, name)
        except QueryFailedError as error:
            if error.code not in ("TABLE_NOT_FOUND", "SCHEMA_NOT_FOUND"):
                raise
            return None

    def call(self, operation: str, **arguments: Any) -> dict[str, Any]:
        """Call Glue. QueryFailedError if it refuses."""
        try:
            return getattr(self.glue, operation)(**arguments)
        except botocore.exceptions.ClientError as error:
            details = error.response["Error"]
            raise QueryFailedError("FAILED", f"{details['Code']}: {details['Message']}") from error


def parse_statement(sql: str) -> exp.Expr:
    """Returns the statement's tree. SYNTAX_ERROR if it cannot be parsed."""
    try:
        return parse(sql)
    except SqlglotError as error:
        raise QueryFailedError("SYNTAX_ERROR", f"line 1:1: {str(error).splitlines()[0]}") from error
