"""docs/streams-triggers.md shows the SQL that is generated now, and nothing else."""

from rds_lake.localcloud.databases.embedded import EmbeddedPostgres
from rds_lake.localcloud.databases.mariadb import EmbeddedMariaDb
from rds_lake.model.aws.engine import Engine
from rds_lake_tests.database.capture.shown import COMMAND, PAGE, replaced, sections


def test_the_page_shows_what_postgresql_gets(postgres: EmbeddedPostgres) -> None:
    _compared(Engine.POSTGRES, postgres.create_database("flights"))


def test_the_page_shows_what_mysql_gets(mariadb: EmbeddedMariaDb) -> None:
    _compared(Engine.MYSQL, mariadb.create_database("flights"))


def _compared(engine: Engine, url: str) -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert replaced(page, sections(engine, url)) == page, f"the page is made again by `{COMMAND}`"
