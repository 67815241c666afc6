r"""Snowflake: an external table over a stage, of which every row is one VARIANT, and a view that gives it names and types.

Names are in capital letters, so that they need no quotes. A regular expression has to match the whole text; non-capturing
groups and `\A` are not supported.

Facts: https://docs.snowflake.com/en/sql-reference/sql/create-external-table,
https://docs.snowflake.com/en/sql-reference/sql/create-file-format (BINARY_AS_TEXT),
https://docs.snowflake.com/en/sql-reference/functions-regexp, https://docs.snowflake.com/en/sql-reference/functions/transform
"""

from __future__ import annotations

from rds_lake.model.tables.nested_types import is_nested
from rds_lake.model.tables.table import Column
from rds_lake.sql import quoting
from rds_lake.sql.calendars import early_days
from rds_lake.sql.postgres_types import ARRAY_ELEMENT, ARRAY_LIST, ARRAY_OTHER_DELIMITER
from rds_lake.sql.quoting import backslashed_literal
from rds_lake.sql.readers.engine import MICROSECONDS, Engine, built_type, in_comment
from rds_lake.sql.readers.tables import ReadDate, ReadFiles
from rds_lake.sql.types import hive_to_presto

_INTEGERS = {"tinyint", "smallint", "integer", "bigint"}
_ESCAPED = r"\\(.)"
_KEPT, _WITH_MINUTES = backslashed_literal(r"\1"), backslashed_literal(r"\1:00")
_STAGE = "RDS_LAKE"


class Snowflake:
    """SQL of Snowflake."""

    dialect = "snowflake"
    title = "Snowflake"

    def identifier(self, name: str) -> str:
        return quoting.identifier(name.upper())

    def literal(self, text: str) -> str:
        return backslashed_literal(text)

    def type(self, presto_type: str) -> str:
        if presto_type.startswith("timestamp"):
            return "TIMESTAMP_NTZ"
        if presto_type.startswith("array("):
            return "ARRAY"
        if presto_type.startswith(("row(", "map(")):
            return "OBJECT"
        return built_type(presto_type, self.dialect)

    def column(self, name: str, file_type: str) -> str:
        value = f"VALUE[{backslashed_literal(name)}]"
        if is_nested(file_type):
            return f"CAST({value} AS {self.type(hive_to_presto(file_type))})"
        if file_type == "timestamp":  # a number of microseconds, if the type of the Parquet column is ignored
            number = f"TO_TIMESTAMP_NTZ(CAST({value} AS DECIMAL(38, 0)), 6)"
            return f"CASE WHEN TYPEOF({value}) = 'INTEGER' THEN {number} ELSE CAST({value} AS TIMESTAMP_NTZ) END"
        return f"CAST({value} AS {self.type(hive_to_presto(file_type))})"

    def matches(self, raw: str, pattern: str) -> str:
        return f"REGEXP_LIKE({raw}, {_pattern(pattern)}, 's')"

    def try_text(self, text: str, presto_type: str) -> str:
        return f"TRY_CAST({text} AS {self.type(presto_type)})"

    def try_value(self, value: str, before: str, presto_type: str) -> str:
        rounded = f"ROUND({value})" if before in ("real", "double") and presto_type in _INTEGERS else value
        text = f"CAST({rounded} AS VARCHAR)"
        return text if presto_type == "varchar" else self.try_text(text, presto_type)

    def utc(self, text: str) -> str:
        # An offset of whole hours gets its minutes: 03:04:05+00 becomes 03:04:05+00:00.
        full = f"REGEXP_REPLACE({text}, {_pattern('([+-][0-9]{2})$')}, {_WITH_MINUTES})"
        return f"CAST(CONVERT_TIMEZONE('UTC', TRY_CAST({full} AS TIMESTAMP_TZ)) AS TIMESTAMP_NTZ)"

    def array(self, raw: str) -> str:
        elements = f"REGEXP_SUBSTR_ALL(SUBSTR({raw}, 2, LENGTH({raw}) - 2), {_pattern(ARRAY_ELEMENT)}, 1, 1, 's')"
        bare = "SUBSTR(element, 2, LENGTH(element) - 2)"
        unquoted = f"REGEXP_REPLACE({bare}, {_pattern(_ESCAPED)}, {_KEPT}, 1, 0, 's')"
        element = (
            f"CASE WHEN element = 'NULL' THEN NULL WHEN SUBSTR(element, 1, 1) = '\"' THEN {unquoted} ELSE element END"
        )
        plain = f"{self.matches(raw, ARRAY_LIST)} AND NOT {self.matches(raw, ARRAY_OTHER_DELIMITER)}"
        return f"CASE WHEN {plain} THEN TRANSFORM({elements}, element VARCHAR -> {element}) END"

    def bits(self, raw: str, presto_type: str) -> str:
        digits = f"LPAD(HEX_ENCODE({raw}), 16, '0')"
        number = f"TRY_TO_NUMBER({digits}, {backslashed_literal('X' * 16)}, 20, 0)"
        return f"CAST(CASE WHEN LENGTH({raw}) BETWEEN 1 AND 8 THEN {number} END AS {self.type(presto_type)})"

    def text(self, raw: str) -> str:
        return f"TO_VARCHAR({raw}, 'UTF-8')"

    def moment(self, raw: str, column: Column) -> str:
        return early_days(column, raw, lambda days: f"DATEADD(day, {days}, {raw})")

    def note(self, column: Column, presto_type: str) -> str:
        if presto_type.startswith("timestamp"):
            return f"{MICROSECONDS}; years beyond 9999 are NULL"
        if presto_type == "date":
            return "years beyond 9999 are NULL"
        if presto_type == "real":
            return "a double: Snowflake has no float of four bytes, so 0.1 reads as 0.10000000149011612"
        if presto_type.startswith(("array(", "row(", "map(")):
            return "its elements are VARIANT, as in every ARRAY and OBJECT: cast them"
        if column.hive_type == "binary" and presto_type == "varchar":
            return "bytes that are not UTF-8 fail the query, where Athena shows a replacement character"
        return ""

    def opening(self, read: ReadDate) -> list[str]:
        schema = self.identifier(read.schema)
        folder = in_comment(read.folder)
        return [
            "-- Once, by an administrator: an integration for a role that may read the lake (rds-lake policy --for readers), which",
            "-- trusts what DESC INTEGRATION rds_lake shows.",
            "-- CREATE STORAGE INTEGRATION IF NOT EXISTS rds_lake TYPE = EXTERNAL_STAGE STORAGE_PROVIDER = 'S3' ENABLED = TRUE",
            f"--   STORAGE_AWS_ROLE_ARN = '<arn of that role>' STORAGE_ALLOWED_LOCATIONS = ('{folder}');",
            "-- Texts become times by the session's default, TIMESTAMP_INPUT_FORMAT = AUTO.",
            f"CREATE SCHEMA IF NOT EXISTS {schema};",
            f"CREATE OR REPLACE STAGE {schema}.{quoting.identifier(_STAGE)} URL = {backslashed_literal(read.folder)} "
            "STORAGE_INTEGRATION = rds_lake;",
        ]

    def raw(self, read: ReadDate, files: ReadFiles, name: str) -> tuple[list[str], str]:
        schema = self.identifier(read.schema)
        relation = f"{schema}.{self.identifier(name)}"
        path = files.location.removeprefix(read.folder)
        stage = backslashed_literal(f"@{schema}.{quoting.identifier(_STAGE)}/{path}")
        return [
            f"CREATE OR REPLACE EXTERNAL TABLE {relation}\nLOCATION = {stage}\nAUTO_REFRESH = FALSE "
            f"PATTERN = '.*[.]parquet'\nFILE_FORMAT = (TYPE = PARQUET BINARY_AS_TEXT = FALSE);"
        ], relation


def _pattern(pattern: str) -> str:
    """Returns a pattern as a literal, with real white space instead of escape codes, and with groups that are kept."""
    portable = pattern.replace("(?:", "(").replace(r"\x09-\x0D", "\t-\r")
    return backslashed_literal(portable)


ENGINE: Engine = Snowflake()
