"""How full an outbox is, on both engines."""

import pytest

from rds_lake.database.outbox.health import outbox_health
from rds_lake.localcloud.databases.embedded import EmbeddedPostgres
from rds_lake.localcloud.databases.mariadb import EmbeddedMariaDb
from rds_lake_tests.stages.streams.outbox_database import Captured


@pytest.fixture(params=["postgres", "mysql"])
def captured(request: pytest.FixtureRequest) -> Captured:
    if request.param == "postgres":
        postgres: EmbeddedPostgres = request.getfixturevalue("postgres")
        return Captured(postgres.create_database("health")).install()
    mariadb: EmbeddedMariaDb = request.getfixturevalue("mariadb")
    return Captured(mariadb.create_database("health")).install()


def test_rows_and_the_age_of_the_oldest_are_reported_by_the_databases_own_clock(captured: Captured) -> None:
    def found() -> str:
        return str(outbox_health(captured.dsn, captured.home))

    assert found() == "empty"
    captured.fill(1, 2)
    assert found() == "4 changes, the oldest 0 min old"
    past = "UTC_TIMESTAMP(6) - INTERVAL 90 MINUTE" if captured.is_mysql else "now() - interval '90 minutes'"
    captured.run(f"UPDATE rds_lake.outbox SET at = {past} WHERE table_name = 'accounts'")
    assert found() == "4 changes, the oldest 90 min old"
    captured.run("UPDATE rds_lake.outbox SET at = '2099-01-01'")
    assert found() == "4 changes, the oldest 0 min old", "a clock that went backwards is harmless"
