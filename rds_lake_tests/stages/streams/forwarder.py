"""A forwarder over a captured database and a lake, what readers see of it, and its death after any of its steps."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import count
from threading import RLock
from typing import Any
from uuid import uuid4

from rds_lake.aws.s3.gateway import S3Gateway
from rds_lake.database.dsn import Dsn
from rds_lake.database.outbox.link import Link
from rds_lake.database.outbox.outbox import dialect_of, open_outbox
from rds_lake.model.streams.event import ChangeEvent
from rds_lake.model.streams.forwarded import ForwardedCuts
from rds_lake.stages.lake.lake import Lake
from rds_lake.stages.streams.cuts import complete_cuts, events_of, forwarded
from rds_lake.stages.streams.forward import Forwarded, Forwarding, forward_once
from rds_lake_tests.stages.streams.outbox_database import Captured, replay


class Killed(BaseException):
    """SIGKILL: nothing that follows in this process has an effect."""


@dataclass
class Steps:
    """Counts statements and writes; kills after the one with number `die_after`, 0 before the first. `seen` are all of them."""

    die_after: int | None = None
    seen: list[str] = field(default_factory=list)
    before: Callable[[str], object] = lambda step: None
    _one: Any = field(default_factory=RLock)

    def __call__(self, step: str, work: Callable[[], Any]) -> Any:
        """One at a time, also of steps in threads."""
        with self._one:
            return self._take(step, work)

    def _take(self, step: str, work: Callable[[], Any]) -> Any:
        if self.die_after is not None and len(self.seen) >= self.die_after:
            raise Killed(step)
        self.before(step)
        answer = work()
        self.seen.append(step)
        if self.die_after == len(self.seen):
            raise Killed(step)
        return answer


@dataclass
class StepLink:
    """A connection whose statements are steps."""

    link: Link
    steps: Steps

    def rows(self, sql: str, args: Sequence[object] = ()) -> list[tuple]:
        return self.steps(sql, lambda: self.link.rows(sql, args))

    def change(self, sql: str, args: Sequence[object] = ()) -> int:
        return self.steps(sql, lambda: self.link.change(sql, args))

    def close(self) -> None:
        self.link.close()


class StepS3(S3Gateway):
    """S3 whose writes are steps."""

    def __init__(self, s3: S3Gateway, steps: Steps) -> None:
        super().__init__(s3.client, s3.wire, s3.deletable)
        self._steps = steps

    def put_bytes(self, bucket: str, key: str, body: bytes, **more: Any) -> None:
        self._steps(f"PUT {key}", lambda: S3Gateway.put_bytes(self, bucket, key, body, **more))

    def replace_bytes(self, bucket: str, key: str, body: bytes, **more: Any) -> str:
        return self._steps(f"PUT {key}", lambda: S3Gateway.replace_bytes(self, bucket, key, body, **more))

    def delete(self, bucket: str, keys: Sequence[str]) -> None:
        self._steps("DELETE", lambda: S3Gateway.delete(self, bucket, keys))


@dataclass
class Forwarder:
    """The source `shop` of a test. `lines` are what the forwarder logs."""

    captured: Captured
    lake: Lake
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    lines: list[str] = field(default_factory=list)

    def work(self, steps: Steps | None = None, **changes: Any) -> Forwarding:
        """What `forward_once` takes; its statements and writes are `steps`."""
        lake, captured = self.lake, self.captured
        taken = steps or Steps()
        if steps is not None:
            lake = replace(lake, s3=StepS3(lake.s3, steps))

        def connect(dsn: Dsn, database: str) -> Link:
            return StepLink(dialect_of(dsn.engine).connect(dsn, database), taken)

        work = Forwarding(
            lake=lake,
            source="shop",
            database=captured.home,
            open_outbox=lambda: open_outbox(captured.dsn, captured.home, connect=connect),
            clock=self.now,
            new_attempt=lambda: uuid4().hex[:12],
            log=self.lines.append,
        )
        return replace(work, **changes)

    def forward(self, steps: Steps | None = None, **changes: Any) -> Forwarded:
        return forward_once(self.work(steps, **changes))

    def deaths(self) -> Iterator[tuple[int, Steps]]:
        """Forward again and again, killed before its first step, after it, after the second, …, until it comes to its end."""
        for number in count():
            steps = Steps(die_after=number)
            with suppress(Killed):
                self.forward(steps)
            if len(steps.seen) < number:
                return
            yield number, steps

    def record(self) -> ForwardedCuts:
        (record,) = forwarded(self.lake, "shop")
        return record

    def events_by_cut(self) -> Iterator[list[tuple[str, ChangeEvent]]]:
        """What readers see: the events of each final cut, of all epochs, with their tables."""
        record = self.record()
        for epoch in record.epochs:
            for cut in complete_cuts(self.lake, record, epoch=epoch.epoch):
                yield [(each.table.target.table, event) for each in cut.tables for event in events_of(self.lake, each)]

    def events(self) -> list[tuple[str, ChangeEvent]]:
        """All of them."""
        return [event for events in self.events_by_cut() for event in events]

    def require_exact(self) -> None:
        """Every change is in one final cut, once, and together they are the tables."""
        events = self.events()
        assert len({event.seq for _, event in events}) == len(events), "a change is there twice"
        assert self.captured.outbox_rows() == 0
        assert replay({}, events) == self.captured.rows()

    def keys(self) -> list[str]:
        return sorted(item.key for item in self.lake.s3.list_objects(self.lake.layout.bucket, ""))
