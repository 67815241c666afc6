"""The demo waits for a date: as long as its stages go on, and no longer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import cast

import dagster as dg
import pytest

from rds_lake.config.source import SourceSettings
from rds_lake.demo.stack import Stack
from rds_lake.demo.watch import DayWatch, Step
from rds_lake.errors import RdsLakeError


def watched(monkeypatch: pytest.MonkeyPatch, *, stage_seconds: float) -> list[str]:
    """The stages that are seen to end, each so many seconds after the one before."""
    now, ended = [0.0], [0]

    def ends(*_: object) -> float | None:
        if now[0] < (ended[0] + 1) * stage_seconds:
            return None
        ended[0] += 1
        return now[0]

    for name in ("_export_started", "_export_complete", "_materialized", "_published"):
        monkeypatch.setattr(DayWatch, name, ends)
    monkeypatch.setattr(DayWatch, "_raise_failures", lambda _: None)
    monkeypatch.setattr(DayWatch, "_status", lambda *_: "")
    watch = DayWatch(
        stack=cast(Stack, None),
        source=cast(SourceSettings, None),
        instance=cast(dg.DagsterInstance, None),
        day=date(2026, 11, 28),
        snapshot_arn="",
        clock=lambda: now[0],
        sleep=cast(Callable[[float], None], lambda seconds: now.__setitem__(0, now[0] + seconds)),
    )
    return [step.name for step in watch.steps(180) if isinstance(step, Step)]


def test_a_slow_machine_is_waited_for_while_its_stages_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(watched(monkeypatch, stage_seconds=170)) == 6


def test_a_stage_that_does_not_end_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RdsLakeError, match="still waiting for 'export started by the snapshot event' after 180 s"):
        watched(monkeypatch, stage_seconds=181)
