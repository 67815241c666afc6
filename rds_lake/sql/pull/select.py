"""DuckDB statements that read a table's files of a date in the types of the target, and find columns that do not fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rds_lake.sql.pull.copy_text import copy_line
from rds_lake.sql.pull.ways import PulledColumn, raw_value
from rds_lake.sql.quoting import identifier, literal

# The beginning of DuckDB's error for a value that does not fit its column's chosen way.
UNFIT = "rds-lake: a value does not fit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Files that are read together, by their paths on this machine.

    `names`: each column's name in the files, by its name in the target; `constants`: texts of columns that no file has.
    """

    paths: tuple[str, ...]
    names: Mapping[str, str | None]
    constants: Mapping[str, str]


def select_values(columns: Sequence[PulledColumn], chosen: Mapping[str, int], reading: Reading) -> str:
    """Renders a query of all columns in the way that `chosen` gives (default 0).

    It fails with UNFIT for a value that does not fit.
    """
    values = ", ".join(_checked(number, column, chosen) for number, column in enumerate(columns))
    return f"SELECT {values} FROM ({_raw(columns, reading)})"


def select_lines(columns: Sequence[PulledColumn], chosen: Mapping[str, int], reading: Reading) -> str:
    """Renders a query with one column: each row as a line for PostgreSQL's COPY."""
    ways = [column.ways[chosen.get(column.name, 0)] for column in columns]
    line = copy_line([(f"v{number}", way.is_plain) for number, way in enumerate(ways)])
    return f"SELECT {line} AS line FROM ({select_values(columns, chosen, reading)})"


def select_unfit(columns: Sequence[PulledColumn], chosen: Mapping[str, int], reading: Reading) -> str | None:
    """Renders a query for one row with a boolean per column: whether a value does not fit its way. None if every value fits."""
    conditions = [
        column.ways[chosen.get(column.name, 0)].lossy(f"r{number}") or "false" for number, column in enumerate(columns)
    ]
    if all(condition == "false" for condition in conditions):
        return None
    asked = ", ".join(f"COALESCE(bool_or({condition}), false)" for condition in conditions)
    return f"SELECT {asked} FROM ({_raw(columns, reading)})"


def _checked(number: int, column: PulledColumn, chosen: Mapping[str, int]) -> str:
    way, raw = column.ways[chosen.get(column.name, 0)], f"r{number}"
    value, lossy = way.value_of(raw), way.lossy(raw)
    if lossy is not None:
        value = f"CASE WHEN {lossy} THEN error({literal(f'{UNFIT}: {column.name}')}) ELSE {value} END"
    return f"{value} AS v{number}"


def _raw(columns: Sequence[PulledColumn], reading: Reading) -> str:
    selected = ", ".join(
        f"{literal(reading.constants[column.name])} AS r{number}"
        if column.name in reading.constants
        else f"{raw_value(column.column, reading.names.get(column.name))} AS r{number}"
        for number, column in enumerate(columns)
    )
    return f"SELECT {selected} FROM {_files(reading.paths)}"


def _files(paths: Sequence[str]) -> str:
    return f"read_parquet([{', '.join(map(literal, paths))}], union_by_name = true, hive_partitioning = false)"


def column_list(columns: Sequence[PulledColumn], chosen: Mapping[str, int]) -> str:
    """Returns the columns of the table to create: `"id" BIGINT, "total" DECIMAL(24,12)`."""
    return ", ".join(f"{identifier(column.name)} {column.ways[chosen.get(column.name, 0)].kind}" for column in columns)
