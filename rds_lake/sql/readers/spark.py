r"""Spark from 3.4 on, and Databricks: a table over the folder of files, and a view over it.

Times are TIMESTAMP_NTZ, as Athena's have no zone: in a session of any time zone they read alike. Spark itself corrects early
days of files that count them by the Julian calendar, by the mark in each file.

Facts: https://spark.apache.org/docs/3.5.6/sql-data-sources-parquet.html,
https://docs.databricks.com/aws/en/tables/external, https://docs.databricks.com/aws/en/connect/unity-catalog/cloud-storage/external-locations
"""

from __future__ import annotations

from rds_lake.model.tables.table import Column
from rds_lake.sql.postgres_types import ARRAY_ELEMENT, ARRAY_LIST, ARRAY_OTHER_DELIMITER
from rds_lake.sql.quoting import backslashed_literal, backticked
from rds_lake.sql.readers.engine import MICROSECONDS, Engine, built_type, in_comment
from rds_lake.sql.readers.tables import ReadDate, ReadFiles
from rds_lake.sql.types import hive_to_presto

_INTEGERS = {"tinyint", "smallint", "integer", "bigint"}
_ESCAPED = backslashed_literal(r"(?s)\\(.)")
_EACH = backticked("array element")
# Files written by Spark name their calendar of early days. In others, Spark would refuse days before 1582 and times before 1900.
_OPTIONS = "'recursiveFileLookup' = 'true', 'datetimeRebaseMode' = 'CORRECTED'"
_SECONDS = "DECIMAL(18, 6)"


class Spark:
    """SQL of Spark. `scheme`: the URI scheme of its S3 file system."""

    def __init__(self, *, dialect: str, title: str, scheme: str, opening: tuple[str, ...]) -> None:
        self.dialect = dialect
        self.title = title
        self._scheme = scheme
        self._opening = opening

    def identifier(self, name: str) -> str:
        return backticked(name)

    def literal(self, text: str) -> str:
        return backslashed_literal(text)

    def type(self, presto_type: str) -> str:
        return "TIMESTAMP_NTZ" if presto_type.startswith("timestamp") else built_type(presto_type, self.dialect)

    def column(self, name: str, file_type: str) -> str:  # noqa: ARG002
        return backticked(name)

    def matches(self, raw: str, pattern: str) -> str:
        whole = rf"(?s)\A(?:{pattern})\z"
        return f"{raw} RLIKE {backslashed_literal(whole)}"

    def try_text(self, text: str, presto_type: str) -> str:
        return f"try_cast({text} AS {self.type(presto_type)})"

    def try_value(self, value: str, before: str, presto_type: str) -> str:
        # Spark truncates fractions, Athena rounds them.
        rounded = f"round({value})" if before in ("real", "double", "decimal") and presto_type in _INTEGERS else value
        return f"try_cast({rounded} AS {self.type(presto_type)})"

    def utc(self, text: str) -> str:
        return self._without_zone(f"try_cast({text} AS TIMESTAMP)")

    def _without_zone(self, instant: str) -> str:
        """Returns an instant as the time in UTC. A cast gives the time in the session's zone, where an hour may occur twice."""
        seconds = f"CAST(CAST(unix_micros({instant}) AS DECIMAL(20, 0)) * 0.000001 AS {_SECONDS})"
        return f"TIMESTAMP_NTZ '1970-01-01 00:00:00' + make_dt_interval(0, 0, 0, {seconds})"

    def array(self, raw: str) -> str:
        inner = f"substring({raw}, 2, length({raw}) - 2)"
        elements = f"regexp_extract_all({inner}, {backslashed_literal(f'(?s){ARRAY_ELEMENT}')}, 0)"
        bare = f"substring({_EACH}, 2, length({_EACH}) - 2)"
        unquoted = f"regexp_replace({bare}, {_ESCAPED}, {backslashed_literal('$1')})"
        element = f"CASE WHEN {_EACH} = 'NULL' THEN NULL WHEN substring({_EACH}, 1, 1) = '\"' THEN {unquoted} ELSE {_EACH} END"
        plain = f"{self.matches(raw, ARRAY_LIST)} AND NOT {self.matches(raw, ARRAY_OTHER_DELIMITER)}"
        return f"CASE WHEN {plain} THEN transform({elements}, {_EACH} -> {element}) END"

    def bits(self, raw: str, presto_type: str) -> str:
        digits = f"CASE WHEN octet_length({raw}) BETWEEN 1 AND 8 THEN conv(hex({raw}), 16, 10) END"
        return f"try_cast({digits} AS {self.type(presto_type)})"

    def text(self, raw: str) -> str:
        return f"CAST({raw} AS STRING)"

    def moment(self, raw: str, column: Column) -> str:
        return self._without_zone(raw) if column.hive_type == "timestamp" else raw

    def note(self, column: Column, presto_type: str) -> str:
        if column.hive_type in ("date", "timestamp") and column.calendar == "mixed":
            return (
                "days before 1582-10-15, which Athena shows as NULL, are right here: Spark reads the mark in each file"
            )
        return MICROSECONDS if presto_type.startswith("timestamp") else ""

    def opening(self, read: ReadDate) -> list[str]:
        # The comment about an external location names the folder.
        opening = [line.replace("{folder}", in_comment(read.folder)) for line in self._opening]
        return [*opening, f"CREATE SCHEMA IF NOT EXISTS {backticked(read.schema)};"]

    def raw(self, read: ReadDate, files: ReadFiles, name: str) -> tuple[list[str], str]:
        relation = f"{backticked(read.schema)}.{backticked(name)}"
        # The files' times are instants (UTC); the view takes the zone away.
        columns = ",\n  ".join(
            f"{backticked(each)} {built_type(hive_to_presto(files.types[key]), self.dialect)}"
            for key, each in files.names.items()
        )
        location = backslashed_literal(self._scheme + files.location.removeprefix("s3://"))
        return [
            f"DROP TABLE IF EXISTS {relation};",
            f"CREATE TABLE {relation} (\n  {columns}\n)\nUSING PARQUET\nOPTIONS ({_OPTIONS})\nLOCATION {location};",
        ], relation


SPARK: Engine = Spark(
    dialect="spark",
    title="Spark",
    scheme="s3a://",
    opening=(
        "-- Spark 3.4 or newer, with hadoop-aws and credentials: spark.hadoop.fs.s3a.aws.credentials.provider.",
        "-- While a table is dropped and made again, queries of its view fail for a moment; no file is touched.",
    ),
)
DATABRICKS: Engine = Spark(
    dialect="databricks",
    title="Databricks",
    scheme="s3://",
    opening=(
        "-- Databricks Runtime 13.3 or newer, Unity Catalog. Once, by an administrator, with a storage credential for a role",
        "-- that may read the lake (rds-lake policy --for readers):",
        "-- CREATE EXTERNAL LOCATION IF NOT EXISTS rds_lake URL '{folder}' WITH (STORAGE CREDENTIAL `<credential>`);",
        "-- GRANT READ FILES, CREATE EXTERNAL TABLE ON EXTERNAL LOCATION rds_lake TO `<who runs this>`;",
        "-- USE CATALOG `<catalog>`;",
        "-- While a table is dropped and made again, queries of its view fail for a moment; no file is touched.",
    ),
)
