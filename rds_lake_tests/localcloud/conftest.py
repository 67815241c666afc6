"""A MySQL source for the tests of reading and of freezing one."""

from collections.abc import Iterator

import pytest

from rds_lake.localcloud.mariadb import EmbeddedMariaDb
from rds_lake.localcloud.mysql import MySqlDatabase

MYSQL_NAME = 'we`ird %20 "größe"'


@pytest.fixture
def mysql_source(mariadb: EmbeddedMariaDb) -> Iterator[MySqlDatabase]:
    """An empty database under a name that needs quoting everywhere."""
    database = MySqlDatabase(mariadb.create_database(MYSQL_NAME))
    yield database
    database.drop()
