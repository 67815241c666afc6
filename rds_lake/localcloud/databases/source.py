"""The protocol of a source database behind the local RDS, of any engine: what snapshots and exports need.

A database of PostgreSQL is `postgres.py`, of MySQL and MariaDB `mysql.py`; `opening.py` chooses by URL.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

import pyarrow as pa


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceColumn:
    """One column as in information_schema. `arrow`, `expected`: the Parquet type of the column in AWS's exports."""

    name: str
    data_type: str
    expected: str
    arrow: pa.DataType
    char_max_length: int | None = None
    num_precision: int | None = None
    datetime_precision: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceTable:
    """One table with its columns in order. In MySQL the schema is the database."""

    schema: str
    name: str
    columns: tuple[SourceColumn, ...]


class SourceDatabase(Protocol):
    """One database of a server. `engine` as RDS names it: postgres, mysql, mariadb."""

    @property
    def engine(self) -> str: ...

    @property
    def name(self) -> str:
        """The database's own name, which a frozen copy does not have."""
        ...

    def tables(self) -> list[SourceTable]:
        """Returns every table that RDS would export."""
        ...

    def batches(self, table: SourceTable) -> Iterator[pa.RecordBatch]:
        """Returns the table's rows. Every column can be cast to its `arrow` type."""
        ...

    def opened(self) -> AbstractContextManager[SourceDatabase]:
        """Returns the same database for many reads by one thread, with one connection."""
        ...

    def freeze(self, name: str) -> SourceDatabase:
        """Returns a real copy of the present content under another name on the same server."""
        ...

    def drop(self) -> None:
        """Remove this (frozen) database."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class FrozenDatabase:
    """The content of one database in a snapshot, with its original name."""

    name: str
    content: SourceDatabase


def shown(url: str) -> str:
    """Returns a URL for errors: scheme, host and port, never user or password.

    If a password contains a `/` or `#` that is not percent-encoded, a part of it is read as the port.
    """
    parts = urlsplit(url)
    try:
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        port = ""
    return f"{parts.scheme}://{parts.hostname or ''}{port}"


def checked_port(url: str) -> int | None:
    """Returns the port of a URL. ValueError, without its secrets, if it has no valid port."""
    try:
        return urlsplit(url).port
    except ValueError:
        # Its message would show a part of the password.
        raise ValueError(
            f"the port of {shown(url)} is not a number; percent-encode / # ? @ and : in user and password"
        ) from None
