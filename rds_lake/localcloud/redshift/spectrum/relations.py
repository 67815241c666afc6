"""External schemas of a database, and their tables as views of one session.

Creating a schema reads nothing from Glue. A table is read when a statement names it, with the rights of the schema's role.
(https://docs.aws.amazon.com/redshift/latest/dg/r_CREATE_EXTERNAL_SCHEMA.html)
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
from botocore.exceptions import ClientError

from rds_lake.localcloud.athena.relations import FileCache, Reading, quote
from rds_lake.localcloud.athena.sql.pruning import Condition
from rds_lake.localcloud.redshift.engine.tables import SYSTEM, TEMPORARY, TableName, Tables
from rds_lake.localcloud.redshift.errors import StatementFailedError, not_here
from rds_lake.localcloud.redshift.loading.objects import Stores, refused
from rds_lake.localcloud.redshift.spectrum.options import ExternalSchema
from rds_lake.localcloud.redshift.spectrum.reading import External
from rds_lake.localcloud.redshift.sql.types import ColumnType

_MISSING = "EntityNotFoundException"
_BOUND = "lc_external_"


class Spectrum:
    """External schemas of one session. `folder`: for copies of files; `stores` returns the clients of the running statement."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, tables: Tables, folder: Path | None, stores: Callable[[], Stores]
    ) -> None:
        self._connection, self._tables, self._folder, self._stores = connection, tables, folder, stores
        self._bound = 0

    def create(self, schema: ExternalSchema) -> None:
        """Create a schema; with CREATE EXTERNAL DATABASE also Glue's database, if it does not exist."""
        if schema.name in self._tables.schemas():
            if schema.missing_only:
                return
            raise StatementFailedError(f'Schema "{schema.name}" already exists')
        glue = self._glue(schema)
        if schema.create:
            try:
                glue.create_database(DatabaseInput={"Name": schema.database})
            except ClientError as error:
                if error.response["Error"]["Code"] != "AlreadyExistsException":
                    raise refused(error, schema.database) from error
        self._connection.execute(f"CREATE SCHEMA {quote(schema.name)}")
        self._connection.execute(
            f"INSERT INTO {SYSTEM}.external_schemas VALUES (?, ?, ?, ?)",
            [schema.name, schema.database, schema.role, schema.region],
        )

    def forget(self, name: str) -> None:
        """Forget a schema that is dropped."""
        self._connection.execute(f"DELETE FROM {SYSTEM}.external_schemas WHERE schemaname = ?", [name])

    def schemas(self) -> list[ExternalSchema]:
        """Returns all external schemas, sorted by name."""
        rows = self._connection.execute(f"SELECT * FROM {SYSTEM}.external_schemas ORDER BY schemaname").fetchall()
        return [ExternalSchema(name=name, database=base, role=role, region=region) for name, base, role, region in rows]

    def find(self, name: str) -> ExternalSchema | None:
        """Returns the external schema of a name; None if there is none."""
        return next((schema for schema in self.schemas() if schema.name == name), None) if name else None

    def begin(self) -> None:
        """Begin the next statement, which uses the names of temporary views again."""
        self._bound = 0

    def bound(
        self, schema: ExternalSchema, name: str, conditions: tuple[Condition, ...], *, pseudo: bool
    ) -> tuple[TableName, dict[str, ColumnType | None]]:
        """Returns a view of a table's rows, and the types of its columns. StatementFailedError if it cannot be read."""
        if self._folder is None:
            raise not_here("this session has no access to S3")
        glue = self._glue(schema)
        external = External.of(self._entry(glue, schema, name))
        s3 = self._stores()(schema.role, "s3")
        cache = FileCache(s3=s3, folder=self._folder, permit=lambda b, k: s3.head_object(Bucket=b, Key=k))
        try:
            sql = external.sql(glue, cache, Reading(columns=None, conditions=conditions), pseudo=pseudo)
        except ClientError as error:
            raise refused(error, external.entry["StorageDescriptor"]["Location"]) from error
        self._bound += 1
        view = TableName(schema=TEMPORARY, name=f"{_BOUND}{self._bound}")
        self._connection.execute(f"CREATE OR REPLACE TEMP VIEW {quote(view.name)} AS {sql}")
        return view, dict(external.columns + external.keys)

    def entries(self, schema: ExternalSchema, name: str | None = None) -> list[dict[str, Any]]:
        """Returns Glue's entries of all tables and views of a schema, or of the one with this name."""
        glue = self._glue(schema)
        try:
            if name is not None:
                return [glue.get_table(DatabaseName=schema.database, Name=name)["Table"]]
            pages = glue.get_paginator("get_tables").paginate(DatabaseName=schema.database)
            return [table | {"DatabaseName": schema.database} for page in pages for table in page["TableList"]]
        except ClientError as error:
            if error.response["Error"]["Code"] == _MISSING:
                return []
            raise refused(error, schema.database) from error

    def glue(self, schema: ExternalSchema) -> Any:
        """Returns a client of Glue with the rights of the schema's role."""
        return self._glue(schema)

    def _glue(self, schema: ExternalSchema) -> Any:
        return self._stores()(schema.role, "glue", schema.region)

    def _entry(self, glue: Any, schema: ExternalSchema, name: str) -> dict[str, Any]:
        try:
            return glue.get_table(DatabaseName=schema.database, Name=name)["Table"] | {"DatabaseName": schema.database}
        except ClientError as error:
            if error.response["Error"]["Code"] != _MISSING:
                raise refused(error, f"{schema.database}.{name}") from error
            raise StatementFailedError(f'relation "{schema.name}.{name}" does not exist') from error
