"""What the doctor says of a Dagster that does not do what the lake asks for."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml

from rds_lake.console.doctor.dagster_rows import examinations, sensor_names
from rds_lake.defs.build import build_definitions
from rds_lake.infra.doctor.findings import Seen, Verdict
from rds_lake.infra.doctor.patient import Patient
from rds_lake_tests.infra.template.lakes import LAKES, config_of

NOW = datetime.now(UTC)


@pytest.fixture
def home(tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A DAGSTER_HOME with our dagster.yaml."""
    shutil.copy(root / "dagster.yaml", tmp_path)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    return tmp_path


def seen(home: Path | str | None, *, now: datetime = NOW, only: str = "") -> dict[str, Seen]:
    config = config_of("rds")
    patient = Patient(config=config, answers=None, now=lambda: now)  # type: ignore[arg-type]
    return {
        one.row.id: one.look(patient) for one in examinations(config, str(home) if home else None) if only in one.row.id
    }


def changed(home: Path, change: Callable[[dict[str, Any]], None]) -> None:
    path = home / "dagster.yaml"
    body = yaml.safe_load(path.read_text(encoding="utf-8"))
    change(body)
    path.write_text(yaml.safe_dump(body), encoding="utf-8")


def test_our_own_dagster_yaml_asks_only_for_a_daemon_and_a_real_database(home: Path) -> None:
    verdicts = {name: one.verdict for name, one in seen(home).items() if one.verdict is not Verdict.PASS}
    assert verdicts == {
        "dagster.storage": Verdict.WARN,
        "dagster.daemon": Verdict.FAIL,
        "dagster.sensors": Verdict.WARN,
    }


def test_without_a_limit_of_backfills_or_a_queue_it_says_so(home: Path) -> None:
    changed(home, lambda body: body["concurrency"]["runs"].pop("tag_concurrency_limits"))
    assert seen(home)["dagster.backfills"].verdict is Verdict.WARN


def test_runs_that_all_start_at_once_are_a_failure(home: Path) -> None:
    def unqueued(body: dict[str, Any]) -> None:
        for key in ("concurrency", "run_queue"):
            body.pop(key)
        body["run_coordinator"] = {"module": "dagster._core.run_coordinator", "class": "DefaultRunCoordinator"}

    changed(home, unqueued)
    assert seen(home, only="coordinator")["dagster.coordinator"].verdict is Verdict.FAIL


def test_a_daemon_is_alive_for_five_minutes_after_its_last_sign(home: Path) -> None:
    from dagster._daemon.types import DaemonHeartbeat

    with dg.DagsterInstance.get() as instance:
        instance.add_daemon_heartbeat(DaemonHeartbeat(NOW.timestamp(), "SENSOR", "one"))
    assert seen(home, now=NOW + timedelta(minutes=1))["dagster.daemon"].verdict is Verdict.PASS
    assert seen(home, now=NOW + timedelta(minutes=6))["dagster.daemon"].verdict is Verdict.FAIL


def test_a_dagster_that_cannot_be_opened_fails_and_one_that_is_not_named_is_not_looked_at(home: Path) -> None:
    changed(home, lambda body: body.update(storage={"sqlite": {"base_dir": "/proc/none"}}))
    assert seen(home, only="instance")["dagster.instance"].verdict is Verdict.FAIL
    assert [one.verdict for one in seen(None).values()] == [Verdict.SKIPPED]


@pytest.mark.parametrize("name", LAKES)
def test_the_sensors_that_are_looked_for_are_those_that_a_lake_has(name: str) -> None:
    if name == "200 sources":
        return
    config = config_of(name)
    assert set(sensor_names(config)) == {sensor.name for sensor in build_definitions(config).sensors or ()}
