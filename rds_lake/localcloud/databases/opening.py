"""Opens a database by its URL: PostgreSQL is `postgres.py`, MySQL and MariaDB are `mysql.py`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from rds_lake.localcloud.databases.source import SourceDatabase


def open_database(url: str, **arguments: Any) -> SourceDatabase:
    """Returns the database of a `postgresql://` or `mysql://` URL. ValueError for other schemes. `arguments`: PostgresDatabase's."""
    from rds_lake.localcloud.databases.mysql import MySqlDatabase
    from rds_lake.localcloud.databases.postgres import PostgresDatabase

    scheme = urlsplit(url).scheme
    if scheme in ("postgresql", "postgres"):
        return PostgresDatabase(url, **arguments)
    if scheme == "mysql":
        return MySqlDatabase(url)
    raise ValueError(f"{scheme}:// is not a database that the local cloud can read; use postgresql:// or mysql://")


def freeze_all(databases: Sequence[SourceDatabase], names: Sequence[str]) -> list[SourceDatabase]:
    """Returns copies with these names; those of MySQL, which are on one server, as of one instant."""
    from rds_lake.localcloud.databases.mysql import MySqlDatabase, freeze_together

    own = [each for each in databases if isinstance(each, MySqlDatabase)]
    if len(own) == len(databases):
        return [*freeze_together(own, names)]
    return [database.freeze(name) for database, name in zip(databases, names, strict=True)]
