"""The DuckDB that reads the lake's files: its settings, and its errors in a person's words."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa

from rds_lake.errors import PullError
from rds_lake.pull.target import UnfitError
from rds_lake.sql.pull.select import UNFIT, Reading, select_unfit
from rds_lake.sql.pull.ways import PulledColumn
from rds_lake.sql.quoting import literal
from rds_lake.threads import Cancelled


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What a pull may take of this machine: `memory` as DuckDB writes it (`300MB`), threads, a folder for files."""

    scratch: Path
    memory: str = "300MB"
    threads: int = 2


def connect(path: str, room: Room) -> duckdb.DuckDBPyConnection:
    """DuckDB over a file, or in memory: it loads no extension, and counts time in UTC."""
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": room.memory,
        "threads": room.threads,
        "preserve_insertion_order": False,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "python_enable_replacements": False,
    }
    connection = duckdb.connect(path, config=config)
    connection.execute(f"SET GLOBAL TimeZone = 'UTC'; SET temp_directory = {literal(str(room.scratch / 'spill'))}")
    return connection


@contextmanager
def translated(about: str, memory: str) -> Iterator[None]:
    """DuckDB's errors as PullError; an interrupt as the end of a thread whose caller has ended."""
    try:
        yield
    except duckdb.InterruptException as error:
        raise Cancelled from error
    except duckdb.OutOfMemoryException as error:
        raise PullError(
            f"{about}: {memory} of memory are not enough; give it more with --memory, or leave primary keys out with --no-keys"
        ) from error
    except (duckdb.Error, pa.ArrowException) as error:
        if "No space left on device" in str(error):
            # Not of one table: all of them end.
            raise OSError(errno.ENOSPC, "no space is left on the disk", about) from error
        raise PullError(f"{about}: {str(error).splitlines()[0]}") from error


@contextmanager
def fitting(
    connection: duckdb.DuckDBPyConnection,
    columns: Sequence[PulledColumn],
    chosen: Mapping[str, int],
    reading: Reading,
) -> Iterator[None]:
    """A value that cannot go its way becomes an UnfitError with all such columns of these files."""
    try:
        yield
    except (duckdb.Error, pa.ArrowException, OSError) as error:
        if UNFIT not in str(error):
            raise
        statement = select_unfit(columns, chosen, reading)
        cursor = connection.cursor()
        with cursor:
            found = cursor.execute(statement).fetchone() if statement else None
        raise UnfitError([column.name for column, unfit in zip(columns, found or (), strict=True) if unfit]) from error
