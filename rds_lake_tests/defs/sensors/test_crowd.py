"""A dozen databases whose snapshots finish at the same moment, and AWS's quota of five exports."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from rds_lake.localcloud.cloud import LocalCloud
from rds_lake.localcloud.databases.embedded import EmbeddedPostgres
from rds_lake.localcloud.rds.export import ExportSettings
from rds_lake_tests.defs.shell import Shell, quick_instance
from rds_lake_tests.defs.storm import paid_twice
from rds_lake_tests.support.crowd import write_crowd
from rds_lake_tests.support.world import World, execute

NAMES = tuple(f"db-{number:02}" for number in range(12))
DAY = datetime.now(UTC).date() - timedelta(days=1)


@pytest.fixture
def crowd(postgres: EmbeddedPostgres, tmp_path: Path, root: Path) -> Iterator[Shell]:
    url = postgres.create_database("crowded")
    execute(url, "CREATE TABLE t AS SELECT i AS id FROM generate_series(1, 3) i")
    config = write_crowd(root, tmp_path, NAMES)
    settings = ExportSettings(starting_seconds=3, progress_seconds=1)
    with (
        LocalCloud(dict.fromkeys(NAMES, url), exports=settings) as cloud,
        quick_instance() as instance,
    ):
        yield Shell(World.of(cloud, url=url, config=config), instance)


@pytest.mark.exhaustive
def test_a_dozen_sources_at_once_all_finish_and_never_more_than_five_exports_are_in_progress(crowd: Shell) -> None:
    world, most, begun = crowd.world, 0, []
    for name in NAMES:
        world.snapshot(str(DAY), database=name)
    for request in crowd.tick():
        crowd.run(request)
        most = max(most, len(world.gateways.rds.list_running_exports()))
    finished: set[str] = set()
    deadline = datetime.now(UTC) + timedelta(seconds=200)
    while len(finished) < len(NAMES) and datetime.now(UTC) < deadline:
        for request in [*crowd.tick(), *crowd.reconcile()]:
            result: Any = crowd.run(request)
            assert result.success
            if request.tags["rds_lake/trigger"] == "settle":
                finished.add(request.tags["rds_lake/source"])
            else:
                begun.append(request.tags["rds_lake/source"])
            most = max(most, len(world.gateways.rds.list_running_exports()))
    tasks = world.gateways.rds.list_export_tasks()
    assert len(finished) == len(tasks) == len(NAMES)
    assert paid_twice(tasks) == []
    assert most <= 5
    names = [key.rpartition("/")[2] for key in world.keys("lake/_manifests/")]
    assert {date.fromisoformat(name[:10]) for name in names if not name.startswith("_")} == {DAY}
    assert begun, "some had to wait for a place"
