"""From a JSON in S3 to a published file with nobody at the keyboard: S3's event, the queue, and Dagster's daemon."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
import yaml

from rds_lake.config.lake_yaml import load_config
from rds_lake.defs.warehouse.metadata import WAREHOUSE_TAG
from rds_lake.localcloud.cloud import LocalCloud
from rds_lake_tests.defs.processes.crowd import until
from rds_lake_tests.defs.processes.daemon import Dagster, running_dagster
from rds_lake_tests.defs.warehouse.mart import SETTINGS, STEP, Mart
from rds_lake_tests.support.world import World


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Iterator[World]:
    """A lake of one table of DynamoDB, and a warehouse."""
    folder = tmp_path_factory.mktemp("mart")
    body = yaml.safe_load((root / "lake.yaml").read_text(encoding="utf-8"))
    sources = [{"name": "reviews", "kind": "dynamodb", "tables": ["Reviews"], "freshness_hours": 0}]
    file = folder / "lake.yaml"
    file.write_text(yaml.safe_dump(body | {"sources": sources, "warehouses": [SETTINGS]}), encoding="utf-8")
    (folder / "steps").mkdir()
    (folder / "steps" / "count.sql").write_text(STEP, encoding="utf-8")
    with LocalCloud({}) as cloud:
        yield World.of(cloud, url="", config=load_config(file))


@pytest.fixture(scope="module")
def dagster(lake: World, root: Path) -> Iterator[Dagster]:
    work = lake.config.directory
    with running_dagster(endpoint=lake.cloud.url, config=work / "lake.yaml", work=work, root=root) as running:
        yield running


@pytest.mark.exhaustive
@pytest.mark.timeout(1_000)
def test_a_json_becomes_a_published_file_and_leaves_nothing_though_the_daemon_is_killed(
    lake: World, dagster: Dagster
) -> None:
    mart = Mart(world=lake, shell=None)  # type: ignore[arg-type]
    for bucket in ("acme-drop", "acme-results"):
        mart.s3.create_bucket(Bucket=bucket)
    mart.tell_of_objects()
    mart.hide_messages_for(30)  # the daemon is killed, perhaps right after it received one
    mart.put("data/usage.gz", gzip.compress(b"1|one\n1|uno\n2|two\n"))
    mart.put("jobs/wrong.json", {"version": 1, "parameters": {"lest": "2"}})
    mart.put("jobs/a.json", {"version": 1, "parameters": {"least": "2"}})
    (run,) = until(mart.open, what="a run of the warehouse")
    dagster.restart_daemon()
    with dg.DagsterInstance.from_config(str(dagster.home)) as instance:
        ended = dg.RunsFilter(tags={WAREHOUSE_TAG: "mart"}, statuses=[dg.DagsterRunStatus.SUCCESS])
        until(lambda: instance.get_runs(ended), seconds=800, what="the report of the run in Dagster")
        assert len(instance.get_runs(dg.RunsFilter(tags={WAREHOUSE_TAG: "mart"}))) == 1
        for name in ("usage", "count", "result"):
            assert instance.get_latest_materialization_event(dg.AssetKey(["mart", name])) is not None, name
    assert mart.result() == "account,notes\n2,1\n"
    assert mart.left() == [] and mart.record(run).error is None
    assert "$.parameters.lest" in json.dumps(mart.errors("wrong.json"))
    _until_nothing_is_left(mart, dagster)
    assert not [tick.error for tick in dagster.ticks("mart__turns") if tick.status == "FAILURE"]


def _until_nothing_is_left(mart: Mart, dagster: Dagster) -> None:
    try:
        until(lambda: not mart.open() and not mart.messages(), seconds=600, what="an empty queue and list of open runs")
    except AssertionError as error:
        last = {name: dagster.ticks(name)[:5] for name in ("mart__turns", "rds_lake_events")}
        log = "\n".join((dagster.home.parent / "daemon.log").read_text().splitlines()[-60:])
        raise AssertionError(f"{error}: open {mart.open()}, {mart.messages()} messages, {last}\n{log}") from error
