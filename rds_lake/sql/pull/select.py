"""DuckDB's statements over files of a table's date: its values as the target wants them, and which columns do not fit their way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rds_lake.sql.pull.copy_text import copy_line
from rds_lake.sql.pull.ways import PulledColumn, raw_value
from rds_lake.sql.quoting import identifier, literal

# How DuckDB's error begins when a value cannot go the way its column was to go.
UNFIT = "rds-lake: a value does not fit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Files, by their paths on this machine, that are read together.

    `names`: what they call each column, by its name in the target; `constants`: texts of columns that no file has.
    """

    paths: tuple[str, ...]
    names: Mapping[str, str | None]
    constants: Mapping[str, str]


def select_values(columns: Sequence[PulledColumn], chosen: Mapping[str, int], reading: Reading) -> str:
    """A query of all columns, in order, each the way that `chosen` says (0 where it does not); UNFIT where a value cannot."""
    values = ", ".join(_checked(number, column, chosen) for number, column in enumerate(columns))
    return f"SELECT {values} FROM ({_raw(columns, reading)})"


def select_lines(columns: Sequence[PulledColumn], chosen: Mapping[str, int], reading: Reading) -> str:
    """The same as one column: each row as a line of PostgreSQL's COPY."""
    ways = [column.ways[chosen.get(column.name, 0)] for column in columns]
    line = copy_line([(f"v{number}", way.is_plain) for number, way in enumerate(ways)])
    return f"SELECT {line} AS line FROM ({select_values(columns, chosen, reading)})"


def select_unfit(columns: Sequence[PulledColumn], chosen: Mapping[str, int], reading: Reading) -> str | None:
    """One row with a boolean per column: whether these files have a value that cannot go its way. None where all can."""
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
    """`"id" BIGINT, "total" DECIMAL(24,12)`: the columns of the table to make."""
    return ", ".join(f"{identifier(column.name)} {column.ways[chosen.get(column.name, 0)].kind}" for column in columns)
