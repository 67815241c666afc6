"""What the actors do: each a stage as an event, a schedule or a person starts it, with clients behind the turnstile.

What belongs here: the stages, called as `defs/`, `cli.py` and `console/` call them.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from rds_lake.aws.clients import AwsClients
from rds_lake.aws.dynamodb import DynamoGateway
from rds_lake.aws.rds import RdsGateway
from rds_lake.config.shared import Retention
from rds_lake.errors import RdsLakeError
from rds_lake.localcloud.http.loop import InProcessClients
from rds_lake.stages.lake.lake import open_lake
from rds_lake.stages.lake.pointer import read_state, repairs_due
from rds_lake.stages.lake.refresh import newest_tables
from rds_lake.stages.publish import by_hand
from rds_lake.stages.upkeep.folders import Exports
from rds_lake.stages.upkeep.prune import apply_prune, plan_prune
from rds_lake.stages.upkeep.retention import apply_retention, busy_by_marks, plan_retention
from rds_lake.stages.watch.sources import run_of
from rds_lake_tests.support.in_process import in_process
from rds_lake_tests.support.world import World, changed_run
from rds_lake_tests.turnstile.engine import Turnstile

Work = Callable[[Any, "Seat"], object]
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
_KEEP_ONE = Retention(daily=1, weekly=0, monthly=0)


class BlockedError(RdsLakeError):
    """A blocking check: the run ends before it publishes."""


@dataclass(frozen=True, slots=True)
class Seat:
    """One place at the turnstile; kept for many rounds, as clients take longer to build than a round."""

    clients: AwsClients

    @classmethod
    def of(cls, turnstile: Turnstile, number: int) -> "Seat":
        """The seat: every call goes through the turnstile, none through a socket."""
        return cls(in_process(InProcessClients(turnstile.seat(number))))  # type: ignore[arg-type]

    @property
    def rds(self) -> RdsGateway:
        return RdsGateway(self.clients.rds)

    def run(self, world: World) -> Any:
        """The stages of the world's source, from this seat."""
        lake = open_lake(self.clients, world.config.lake, sleep=lambda _: time.sleep(0.001), clock=lambda: 0.0)
        run = run_of(
            world.config,
            world.config.sources[0],
            rds=self.rds,
            dynamodb=DynamoGateway(self.clients.client("dynamodb")),
            lake=lake,
            log=lambda _: None,
        )
        return changed_run(run, sleep=lambda _: time.sleep(0.002))


def settle(day: str, task: str | None = None) -> Work:
    """What the event that an export ended starts: all stages of the date, and its blocking checks."""

    def work(run: Any, _: Seat) -> None:
        when = date.fromisoformat(day)
        run.accept(when, export_task=task, poll_seconds=0.01)
        run.relocate(when)
        publish_tail(run, when)

    return work


def tail(day: str) -> Work:
    """A run whose Parquet is in the lake already: catalogue and publish."""
    return lambda run, _: publish_tail(run, date.fromisoformat(day))


def publish_tail(run: Any, when: date) -> None:
    """What follows the Parquet, with the checks that block."""
    wrong = [table.table for table in run.shared.catalogue(when).quality if not table.rows_match]
    if wrong:
        raise BlockedError(f"rows_readable: {wrong}")
    if run.shared.compare_rows(when).blocking:
        raise BlockedError("rows_against_previous")
    run.shared.publish(when, now=NOON)


def roll_back(day: str) -> Work:
    """`rds-lake rollback`."""
    return lambda run, _: by_hand.roll_back(run.shared.publisher(NOON), date.fromisoformat(day))


def approve(day: str) -> Work:
    """`rds-lake publish`."""
    return lambda run, _: by_hand.approve(run.shared.publisher(NOON), date.fromisoformat(day))


def prune(run: Any, seat: Seat) -> None:
    """`rds-lake prune --apply` of somebody who keeps one date, a day later: no mark of today protects anything."""
    source = run.shared.source.model_copy(update={"retention": _KEEP_ONE})
    now = datetime.now(UTC) + timedelta(hours=25)
    exports = Exports.read(run.shared.config, seat.rds, run.shared.lake.s3)
    plan = plan_prune(run.shared.config, source, exports, rds=seat.rds, lake=run.shared.lake, now=now)
    busy = lambda: busy_by_marks(run.shared.lake.s3, run.shared.lake.layout, run.shared.source.name, now=now)  # noqa: E731
    apply_prune(run.shared.lake, plan, busy=busy, log=run.shared.log)


def retention(today: str) -> Work:
    """The schedule of `retention:` on that day, dates alone."""

    def work(run: Any, _: Seat) -> None:
        source = run.shared.source.model_copy(update={"retention": _KEEP_ONE})
        plan = plan_retention(run.shared.lake, source, today=date.fromisoformat(today), busy=())
        apply_retention(run.shared.lake, plan, busy=lambda: (), log=run.shared.log)

    return work


def refresh(run: Any, _: Seat) -> None:
    """`rds-lake refresh`: the newest manifest's tables."""
    newest_tables(run.shared.lake.s3, run.shared.config, run.shared.source)


def tick(run: Any, _: Seat) -> None:
    """What reconciliation does about a publication that was killed: an hour later the published date is published again."""
    state = read_state(run.shared.lake.s3, run.shared.lake.layout, run.shared.source.name)
    repair = repairs_due(state, run.shared.source.name, now=NOON + timedelta(hours=1))
    if repair is not None:
        run.shared.catalogue(repair.snapshot_date)
        run.shared.publish(repair.snapshot_date, now=NOON + timedelta(hours=1))
