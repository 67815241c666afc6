"""A database on the session's MariaDB, and nothing of capture before and after it."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from rds_lake.localcloud.databases.mariadb import EmbeddedMariaDb
from rds_lake.localcloud.databases.mysql import MySqlDatabase, identifier
from rds_lake_tests.database.capture.mysql.lab import Lab

NAME = 'we`ird %20 "größe" it\'s \\'


@contextmanager
def empty_lab(mariadb: EmbeddedMariaDb) -> Iterator[Lab]:
    """A database of latin1 under a name that needs quoting everywhere."""
    database = MySqlDatabase(mariadb.create_database(NAME))
    lab = Lab(url=database.url)
    lab.run(f"ALTER DATABASE {identifier(NAME)} CHARACTER SET latin1")
    try:
        yield lab
    finally:
        database.drop()
        MySqlDatabase(database.sibling_url("rds_lake")).drop()


@pytest.fixture
def lab(mariadb: EmbeddedMariaDb) -> Iterator[Lab]:
    with empty_lab(mariadb) as lab:
        yield lab
