"""The DuckDB that reads the lake's files: its settings, and its errors as plain messages."""

from __future__ import annotations

import errno
import os
import re
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

# The disk is full, the user's quota is used up, or the file is longer than its file system or the shell allows.
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FILE = re.compile(r'\bfile "([^"]+)"')


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """The limits of a pull on this machine: memory as DuckDB writes it (`300MB`), threads, and a folder for temporary files."""

    scratch: Path
    memory: str = "300MB"
    threads: int = 2


def connect(path: str, room: Room) -> duckdb.DuckDBPyConnection:
    """Open DuckDB on a file, or in memory (`:memory:`). It loads no extensions, and its time zone is UTC."""
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
    """Turn DuckDB's errors into PullError, and an interrupted statement into Cancelled."""
    try:
        yield
    except (duckdb.Error, pa.ArrowException) as error:
        raise _in_words(error, about, memory) from error
    except OSError as error:
        # If DuckDB fails while Arrow reads from it, Arrow raises a bare OSError with DuckDB's message.
        if type(error) is not OSError or error.errno is not None:
            raise
        raise _in_words(error, about, memory) from error


def _in_words(error: Exception, about: str, memory: str) -> BaseException:
    text = str(error)
    refuse_full(error, about)
    if isinstance(error, duckdb.InterruptException) or text.startswith("INTERRUPT Error"):
        return Cancelled()
    if isinstance(error, duckdb.OutOfMemoryException) or text.startswith("Out of Memory Error"):
        disk = ", another disk with --scratch" if "max_temp_directory_size" in text else ""
        return PullError(
            f"{about}: {memory} of memory is not enough; allow more with --memory{disk}, or leave out primary keys with --no-keys"
        )
    return PullError(f"{about}: {text.splitlines()[0]}")


def refuse_full(error: Exception, about: str) -> None:
    """Raise an OSError with the file's name if DuckDB's error says that the disk is full. It stops all tables, not only one."""
    full = next((number for number in _NO_SPACE if os.strerror(number) in str(error)), None)
    if full is not None:
        named = _FILE.search(str(error))
        raise OSError(full, os.strerror(full), named[1] if named else about) from error


@contextmanager
def fitting(
    connection: duckdb.DuckDBPyConnection,
    columns: Sequence[PulledColumn],
    chosen: Mapping[str, int],
    reading: Reading,
) -> Iterator[None]:
    """Turn the error of a value that does not fit its column's type into an UnfitError with all such columns of these files."""
    try:
        yield
    except (duckdb.Error, pa.ArrowException, OSError) as error:
        if UNFIT not in str(error):
            raise
        statement = select_unfit(columns, chosen, reading)
        cursor = connection.cursor()
        with cursor:
            flags = cursor.execute(statement).fetchone() if statement else None
        raise UnfitError([column.name for column, unfit in zip(columns, flags or (), strict=True) if unfit]) from error
