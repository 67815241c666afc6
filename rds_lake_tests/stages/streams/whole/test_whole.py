"""The bar of streams, small: `python -m bench.streams` plays it with 100,000 changes and 20 snapshots."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from rds_lake_tests.stages.streams.whole.bar import play
from rds_lake_tests.stages.streams.whole.lab import Lab, open_lab
from rds_lake_tests.stages.streams.whole.shop import Shop


@pytest.fixture(params=["postgres", "mariadb"])
def lab(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Lab]:
    server = request.getfixturevalue(request.param)
    # The schema has the database's name, as that of many applications has.
    with open_lab(Shop(url=server.create_database("bar"), schema="bar").create(), tmp_path) as lab:
        yield lab


def test_every_snapshot_under_load_says_which_changes_it_has_and_live_views_are_the_database_at_their_cut(
    lab: Lab,
) -> None:
    played = play(lab, changes=400, snapshots=3, seed=1, longest=0.3, pause=0.2)
    assert played.changes >= 400
    assert played.holds, "\n".join(map(str, played.lines))
