"""The bar of streams, small: `python -m bench.streams` plays it with 100,000 changes and 20 snapshots."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from rds_lake.localcloud.databases.postgres import PostgresDatabase
from rds_lake_tests.stages.streams.whole.bar import play
from rds_lake_tests.stages.streams.whole.lab import Lab, open_lab
from rds_lake_tests.stages.streams.whole.shop import Shop
from rds_lake_tests.stages.streams.whole.sums import sums_at_every_cut


def drop(shop: Shop) -> None:
    """Take its databases away, of the shared server."""
    if shop.is_mysql:
        shop.run("DROP DATABASE rds_lake", "DROP DATABASE bar")
    else:
        with psycopg.connect(PostgresDatabase(shop.url).sibling_url("postgres"), autocommit=True) as connection:
            connection.execute("DROP DATABASE bar WITH (FORCE)")


@pytest.fixture(params=["postgres", "mariadb"])
def lab(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Lab]:
    server = request.getfixturevalue(request.param)
    # The schema has the database's name, as that of many applications has.
    shop = Shop(url=server.create_database("bar"), schema="bar").create()
    with open_lab(shop, tmp_path) as lab:
        yield lab
    drop(shop)


@pytest.mark.exhaustive
def test_every_snapshot_under_load_says_which_changes_it_has_and_live_views_are_the_database_at_every_cut(
    lab: Lab,
) -> None:
    played = play(lab, changes=400, snapshots=3, seed=1, longest=0.3, pause=0.2)
    assert played.changes >= 400
    assert played.holds, "\n".join(map(str, played.lines))
    sums = sums_at_every_cut(lab, cuts=5, seed=1)
    assert len(sums) > 5
    assert set(sums.values()) == {20_000}, "money moved between two tables"
