"""The databases of each instance and cluster of the local RDS, and frozen copies of their content.

What belongs here: real databases, and how long a frozen copy is kept. Snapshots are `snapshots.py`.
"""

from __future__ import annotations

import threading
import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from urllib.parse import urlsplit

import psycopg
import pymysql
from psycopg import conninfo

from rds_lake.localcloud.databases.opening import freeze_all, open_database
from rds_lake.localcloud.databases.source import FrozenDatabase, SourceDatabase, shown
from rds_lake.localcloud.http.app import ApiError
from rds_lake.localcloud.rds.kinds import CLUSTER, INSTANCE, SourceKind

Urls = Mapping[str, Sequence[str]]
# Errors of the drivers if a server has stopped or refuses.
_DRIVER_ERRORS = (psycopg.Error, pymysql.Error, OSError)


class SourceUrlError(ValueError):
    """An instance or cluster that cannot be served. The text never contains a URL, which may have a password."""


class Content:
    """Frozen databases, with a count of the snapshots, copies and exports that need them; dropped when it reaches 0."""

    def __init__(self, databases: Sequence[FrozenDatabase]) -> None:
        self.databases = tuple(databases)
        self._holders = 1
        self._lock = threading.Lock()

    def hold(self) -> None:
        """Count one more user of the content."""
        with self._lock:
            self._holders += 1

    def release(self) -> None:
        """Count one user less; drop the databases at 0."""
        with self._lock:
            self._holders -= 1
            unwanted = self._holders == 0
        if unwanted:
            # Drop the others even if one fails.
            with ExitStack() as every:
                for database in self.databases:
                    every.callback(database.content.drop)


class Sources:
    """The databases of every instance and cluster."""

    def __init__(self, databases: Urls, clusters: Urls) -> None:
        self._urls = {INSTANCE: dict(databases), CLUSTER: dict(clusters)}
        self._databases: dict[SourceKind, dict[str, list[SourceDatabase]]] = {}
        for kind, sources in self._urls.items():
            self._databases[kind] = {name: _opened(kind, name, urls) for name, urls in sources.items()}
        # A database that is copied must have no other session: one copy at a time of each, however many sources share it.
        self._copying: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    def require_reachable(self) -> None:
        """SourceUrlError with every database that does not answer now, and the driver's error."""
        problems: list[str] = []
        for kind, sources in self._databases.items():
            for identifier, databases in sources.items():
                for url, database in zip(self._urls[kind][identifier], databases, strict=True):
                    try:
                        database.tables()
                    except _DRIVER_ERRORS as error:
                        problems.append(f"{kind.word} {identifier!r}, {shown(url)}: {str(error).strip()}")
        if problems:
            raise SourceUrlError("; ".join(["these databases cannot be read", *problems]))

    def names(self, kind: SourceKind) -> list[str]:
        """Returns the identifiers of the instances or clusters."""
        return sorted(self._databases[kind])

    def databases(self, kind: SourceKind, identifier: str) -> Sequence[SourceDatabase]:
        """Returns the live databases of a source; empty if it does not exist."""
        return self._databases[kind].get(identifier, ())

    def freeze(self, kind: SourceKind, identifier: str) -> Content:
        """Returns a copy of the source's present content."""
        urls, databases = self._urls[kind][identifier], self._databases[kind][identifier]
        frozen: list[FrozenDatabase] = []
        with ExitStack() as failed:
            failed.callback(lambda: Content(frozen).release())
            try:
                for group in _of_one_server(databases):
                    names = [f"frozen_{uuid.uuid4().hex[:16]}" for _ in group]
                    with ExitStack() as alone:
                        # Always in the same order, so that two copies never wait for each other.
                        for url in sorted(url for url, each in zip(urls, databases, strict=True) if each in group):
                            alone.enter_context(self._copying[url])
                        copies = freeze_all(group, names)
                    frozen += [
                        FrozenDatabase(name=database.name, content=copy)
                        for database, copy in zip(group, copies, strict=True)
                    ]
            except _DRIVER_ERRORS as error:
                raise ApiError("StorageFailure", f"{identifier} could not be copied: {error}", 502) from error
            failed.pop_all()
        return Content(frozen)


def _of_one_server(databases: Sequence[SourceDatabase]) -> list[Sequence[SourceDatabase]]:
    """Returns groups of databases that are copied as of one instant: all of a MySQL server; for PostgreSQL each alone."""
    return [databases] if databases[0].engine != "postgres" else [[each] for each in databases]


def _opened(kind: SourceKind, identifier: str, urls: Sequence[str]) -> list[SourceDatabase]:
    about = f"{kind.word} {identifier!r}"
    if not kind.is_name(identifier) or len(identifier) > 63:
        raise SourceUrlError(f"{about}: RDS identifiers are 1 to 63 lower-case letters, digits and single hyphens")
    if not urls:
        raise SourceUrlError(f"{about} has no database; give it a URL")
    opened = [_open(about, url) for url in urls]
    names = [database.name for database in opened]
    if len(set(names)) < len(names):
        raise SourceUrlError(f"{about} has the same database twice: {', '.join(names)}")
    if len({_engine(url) for url in urls}) > 1:
        raise SourceUrlError(f"{about} has databases of several engines; a source of RDS has one")
    return opened


def _engine(url: str) -> str:
    scheme = urlsplit(url).scheme
    return "postgresql" if scheme == "postgres" else scheme


def _open(about: str, url: str) -> SourceDatabase:
    try:
        # libpq and urllib read a URL with an unquoted `/` or `@` in its password in ways of their own, and quote it.
        _ = urlsplit(url).port
        if urlsplit(url).scheme.startswith("postgres"):
            conninfo.conninfo_to_dict(url)
    except (ValueError, psycopg.ProgrammingError):
        raise SourceUrlError(
            f"{about}: its URL cannot be read; percent-encode the special characters of user and password, and check its options"
        ) from None
    try:
        return open_database(url)
    except ValueError as error:
        raise SourceUrlError(f"{about}: {error}") from error
