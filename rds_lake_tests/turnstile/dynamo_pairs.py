"""Who meets whom over a date of DynamoDB. One round of it is `pairs.py`'s.

What belongs here: DynamoDB's actors and pairs.
"""

import time
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from rds_lake_tests.support.world import changed_run
from rds_lake_tests.turnstile.actors import (
    Seat,
    Work,
    approve,
    prune,
    publish_tail,
    refresh,
    retention,
    roll_back,
    settle,
)
from rds_lake_tests.turnstile.dynamo_lab import MIDDLE, NEWEST, OLDEST
from rds_lake_tests.turnstile.lab import Start
from rds_lake_tests.turnstile.pairs import Make, Pair


@dataclass(slots=True)
class _Clock:
    """A clock of one actor's own, which goes on while it sleeps: to wait for the death of another takes no time."""

    seconds: float = 0.0

    def __call__(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds
        time.sleep(0.002)


def take(day: str) -> Work:
    """A date materialized by hand, or by the schedule of a scanned source: exported or scanned, and waited for."""

    def work(run: Any, _: Seat) -> None:
        when, clock = date.fromisoformat(day), _Clock()
        noon = datetime(when.year, when.month, when.day, 12, tzinfo=UTC)
        run = changed_run(run, clock=clock, sleep=clock.sleep, now=lambda: noon)
        run.accept(when, poll_seconds=0.05)
        run.relocate(when)
        publish_tail(run, when)

    return work


def increment(day: str, task: str) -> Work:
    """A date made from the one before and its changes; in full where that cannot be."""

    def work(run: Any, _: Seat) -> None:
        when = date.fromisoformat(day)
        run.accept(when, export_task=task)
        run.convert_or_export_again(when, run_kind="by_hand", poll_seconds=0.01)
        publish_tail(run, when)

    return work


def _convert(day: str) -> Make:
    return lambda tasks: settle(day, tasks[day])


def _increment(day: str) -> Make:
    return lambda tasks: increment(day, tasks[day])


def _just(work: Work) -> Make:
    return lambda _: work


def _pair(name: str, start: Start, one: Make, other: Make, *, ends_at: str | None = NEWEST, **settings: Any) -> Pair:
    return Pair(name=name, start=start, one=one, other=other, ends_at=ends_at, settings=settings)


_CONVERT, _OTHER, _AGAIN = _convert(NEWEST), _convert(MIDDLE), _convert(OLDEST)
_TAKE, _INCREMENT, _BACK = _just(take(NEWEST)), _increment(MIDDLE), _just(roll_back(OLDEST))
_PRUNE, _RETENTION = _just(prune), _just(retention(datetime.now(UTC).date().isoformat()))
_APPROVE, _REFRESH = _just(approve(NEWEST)), _just(refresh)
_SCANNED: dict[str, Any] = {"method": "scan", "on_demand_rcu": 1000}

DYNAMO_PAIRS: dict[str, Pair] = {
    pair.name: pair
    for pair in (
        _pair("convert-convert", "exported", _CONVERT, _CONVERT),
        _pair("convert-other", "early", _CONVERT, _OTHER),
        _pair("reconvert-reconvert", "holey", _AGAIN, _AGAIN),
        _pair("convert-rollback", "exported", _CONVERT, _BACK, ends_at=None),
        _pair("convert-prune", "exported", _CONVERT, _PRUNE),
        _pair("convert-retention", "early", _OTHER, _RETENTION, ends_at=None),
        _pair("reconvert-prune", "holey", _AGAIN, _PRUNE),
        _pair("reconvert-retention", "holey", _AGAIN, _RETENTION),
        _pair("take-take", "fresh", _TAKE, _TAKE),
        _pair("scan-scan", "fresh", _TAKE, _TAKE, **_SCANNED),
        _pair("scan-prune", "fresh", _TAKE, _PRUNE, **_SCANNED),
        _pair("increment-increment", "holey", _INCREMENT, _INCREMENT, incremental=True),
        _pair("increment-reconvert", "holey", _INCREMENT, _AGAIN, incremental=True),
        _pair("increment-prune", "incremental", _INCREMENT, _PRUNE, incremental=True),
        _pair("increment-retention", "incremental", _INCREMENT, _RETENTION, incremental=True),
        _pair("convert-approve", "holey", _AGAIN, _APPROVE, publish="manual"),
        _pair("convert-refresh", "exported", _CONVERT, _REFRESH),
        _pair("scan-rollback", "fresh", _TAKE, _BACK, **_SCANNED, ends_at=None),
        _pair("scan-approve", "fresh", _TAKE, _just(approve(MIDDLE)), **_SCANNED, publish="manual", ends_at=MIDDLE),
        _pair("scan-retention", "fresh", _TAKE, _RETENTION, **_SCANNED),
        _pair("scan-refresh", "fresh", _TAKE, _REFRESH, **_SCANNED),
        _pair("increment-rollback", "incremental", _INCREMENT, _BACK, incremental=True, ends_at=None),
        _pair(
            "increment-approve", "incremental", _INCREMENT, _APPROVE, incremental=True, publish="manual", ends_at=None
        ),
        _pair("increment-refresh", "incremental", _INCREMENT, _REFRESH, incremental=True),
    )
}
