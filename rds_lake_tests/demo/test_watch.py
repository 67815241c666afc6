"""How long the demo waits for its steps."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg
import pytest

from rds_lake.config.lake_yaml import load_config
from rds_lake.demo.watch import DayWatch, Step
from rds_lake.errors import RdsLakeError


def test_a_slow_machine_has_its_time_for_each_step_and_then_hears_where_the_logs_are(root: Path) -> None:
    now = [0.0]

    def tasks(**_: Any) -> dict[str, Any]:
        ended = {"Status": "COMPLETE", "TaskEndTime": datetime.now(UTC)} if now[0] > 150 else {"Status": "STARTING"}
        return {"ExportTasks": [ended] if now[0] > 90 else []}

    rds = SimpleNamespace(describe_export_tasks=tasks)
    processes = SimpleNamespace(dead=list, log_folder=Path("the-logs"))
    stack: Any = SimpleNamespace(clients=SimpleNamespace(rds=rds), processes=processes)

    def sleep(seconds: float) -> None:
        now[0] += seconds

    watch = DayWatch(
        stack=stack,
        source=load_config(root / "lake.yaml").sources[0],
        instance=dg.DagsterInstance.ephemeral(),
        day=date(2026, 11, 28),
        snapshot_arn="arn",
        clock=lambda: now[0],
        sleep=sleep,
    )
    steps: list[str] = []
    with pytest.raises(RdsLakeError, match=r"'export inspected: complete' after 100 s; see the logs in the-logs"):
        for step in watch.steps(100):
            steps += [step.name] if isinstance(step, Step) else []
    assert steps == ["export started by the snapshot event", "AWS wrote the Parquet"]
    assert now[0] == pytest.approx(250, abs=1), "a hundred seconds after the last step"
