r"""DuckDB: views over `read_parquet`, from 1.3 on. Its extension `httpfs` reads S3, and is loaded by itself.

Facts: https://duckdb.org/docs/stable/data/parquet/overview, https://duckdb.org/docs/stable/core_extensions/httpfs/s3api
"""

from __future__ import annotations

import re

from rds_lake.model.tables.table import Column
from rds_lake.sql import quoting
from rds_lake.sql.calendars import early_days
from rds_lake.sql.duckdb_lists import list_of_texts
from rds_lake.sql.postgres_types import ARRAY_LIST, ARRAY_OTHER_DELIMITER
from rds_lake.sql.quoting import literal, qualified
from rds_lake.sql.readers.engine import MICROSECONDS, Engine, built_type
from rds_lake.sql.readers.tables import ReadDate, ReadFiles

_INTEGERS = {"tinyint", "smallint", "integer", "bigint"}
_GLOB = re.compile(r"([*?\[])")


class DuckDb:
    """SQL of DuckDB."""

    dialect = "duckdb"
    title = "DuckDB"

    def identifier(self, name: str) -> str:
        return quoting.identifier(name)

    def literal(self, text: str) -> str:
        return literal(text)

    def type(self, presto_type: str) -> str:
        return built_type(presto_type, self.dialect)

    def column(self, name: str, file_type: str) -> str:
        # Most writers mark times as instants, which DuckDB would show in the session's zone.
        value = quoting.identifier(name)
        return f"make_timestamp(epoch_us({value}))" if file_type == "timestamp" else value

    def matches(self, raw: str, pattern: str) -> str:
        return f"regexp_full_match({raw}, {literal(f'(?s){pattern}')})"

    def try_text(self, text: str, presto_type: str) -> str:
        return f"TRY_CAST({text} AS {self.type(presto_type)})"

    def try_value(self, value: str, before: str, presto_type: str) -> str:
        # DuckDB rounds halves of doubles to the even number, Athena away from zero.
        rounded = f"round({value})" if before in ("real", "double") and presto_type in _INTEGERS else value
        return f"TRY_CAST({rounded} AS {self.type(presto_type)})"

    def utc(self, text: str) -> str:
        return f"TRY_CAST({text} AS TIMESTAMPTZ) AT TIME ZONE 'UTC'"

    def array(self, raw: str) -> str:
        plain = f"{self.matches(raw, ARRAY_LIST)} AND NOT {self.matches(raw, ARRAY_OTHER_DELIMITER)}"
        return f"CASE WHEN {plain} THEN {list_of_texts(raw)} END"

    def bits(self, raw: str, presto_type: str) -> str:
        digits = f"CASE WHEN octet_length({raw}) BETWEEN 1 AND 8 THEN '0x' || hex({raw}) END"
        return f"TRY_CAST(TRY_CAST({digits} AS UBIGINT) AS {self.type(presto_type)})"

    def text(self, raw: str) -> str:
        return f"try(decode({raw}))"

    def moment(self, raw: str, column: Column) -> str:
        return early_days(column, raw, lambda days: f"CAST({raw} + to_days({days}) AS {self.type(column.hive_type)})")

    def note(self, column: Column, presto_type: str) -> str:
        if presto_type.startswith("timestamp"):
            return MICROSECONDS
        if column.hive_type == "binary" and presto_type == "varchar":
            return "bytes that are not UTF-8 are NULL, where Athena shows a replacement character"
        return ""

    def opening(self, read: ReadDate) -> list[str]:
        return [
            "-- DuckDB 1.3 or newer. It reads S3 by its extension httpfs, and finds credentials by its extension aws, both of which",
            "-- it installs by itself. Where it may not, give the keys: CREATE SECRET (TYPE s3, KEY_ID '…', SECRET '…', REGION '…');",
            f"CREATE OR REPLACE SECRET rds_lake (TYPE s3, PROVIDER credential_chain, REGION {literal(read.region)}, "
            f"SCOPE {literal(read.folder)});",
            f"CREATE SCHEMA IF NOT EXISTS {quoting.identifier(read.schema)};",
        ]

    def raw(self, read: ReadDate, files: ReadFiles, name: str) -> tuple[list[str], str]:
        relation = qualified(read.schema, name)
        # Brackets, stars and question marks in a folder's name are escaped.
        pattern = _GLOB.sub(r"[\1]", files.location) + "**/*.parquet"
        columns = ",\n  ".join(quoting.identifier(each) for each in files.names.values())
        return [
            f"CREATE OR REPLACE VIEW {relation} AS\nSELECT\n  {columns}\n"
            f"FROM read_parquet({literal(pattern)}, hive_partitioning = false, union_by_name = true);"
        ], relation


ENGINE: Engine = DuckDb()
