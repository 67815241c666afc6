"""A warehouse that is made for the live tests by its own stack, under the pipeline's role, and removed whole."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from rds_lake.aws.warehouse.redshift_data import StatementState
from rds_lake.defs.warehouse.opened import open_works
from rds_lake.model.warehouse.plan import Load, Mode, Plan, Step, Unload
from rds_lake.model.warehouse.record import RunRecord
from rds_lake.model.warehouse.target import Target
from rds_lake.stages.warehouse.remove import take_down
from rds_lake.stages.warehouse.stack import NotYet, bring_up
from rds_lake.stages.warehouse.turn import Works
from rds_lake.stages.warehouse.work.advance import advance
from rds_lake_tests.live.lake.made import LiveLake
from rds_lake_tests.stages.warehouse.running import record_of

# Two RPU-hours a day: what Redshift refuses to go beyond, and what the run costs at most.
WAREHOUSE = """
warehouses:
  - name: facts
    mode: serverless
    serverless: {{base_capacity: 8, max_capacity: 8, usage_limit: {{rpu_hours: 2, per: daily}}}}
    keep: false
    input: s3://{name}-{account}/drop/
    unload:
      - {{name: facts, query: SELECT 1 AS n, to: "s3://{name}-{account}/results/"}}
"""
_RUN = "live"
_MINUTES = 75  # the stack's own 60, and what comes before


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveWarehouse:
    """A warehouse that is up. `seconds`: how long it took."""

    lake: LiveLake
    works: Works
    target: Target
    seconds: float

    @property
    def bucket(self) -> str:
        return self.lake.config.lake.bucket

    def put(self, key: str, body: bytes) -> str:
        """An object of the lake's bucket; its URI."""
        self.lake.place.clients.s3.put_object(Bucket=self.bucket, Key=key, Body=body)
        return f"s3://{self.bucket}/{key}"

    def text(self, uri: str) -> str:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        return self.lake.place.clients.s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode()

    def run(self, *pieces: Load | Step | Unload) -> RunRecord:
        """A run of these, until each has ended; its staging stays."""
        plan = Plan(
            warehouse="facts",
            run=f"live-{uuid4().hex[:8]}",
            mode=Mode.SERVERLESS,
            loads=tuple(piece for piece in pieces if isinstance(piece, Load)),
            steps=tuple(piece for piece in pieces if isinstance(piece, Step)),
            unloads=tuple(piece for piece in pieces if isinstance(piece, Unload)),
        )
        record = record_of(plan, began_at=datetime.now(UTC))
        deadline = time.monotonic() + 900
        while not all(piece.has_ended for piece in record.pieces):
            assert time.monotonic() < deadline, f"after 15 minutes: {record.pieces}"
            record = advance(record, self.target, self.works.context(record))
        return record

    def statement(self, *sqls: str, together: bool = True, session: str | None = None, keep: bool = False) -> Any:
        """What was begun, and its state once it has ended."""
        data, name = self.works.warehouse.statements, f"rds-lake/live/{uuid4().hex}"
        begun = data.begin(self.target, sqls, name=name, together=together, session=session, keep_session=keep)
        return begun, self.ended(begun.id)

    def ended(self, statement: str) -> StatementState:
        deadline = time.monotonic() + 600
        while True:
            state = self.works.warehouse.statements.look(statement, wait_seconds=10)
            assert state is not None, "Redshift forgot a statement of now"
            if not state.is_active:
                return state
            assert time.monotonic() < deadline, state

    def rows(self, sql: str) -> Sequence[tuple[Any, ...]]:
        begun, state = self.statement(sql)
        assert state.is_good, state
        return self.works.warehouse.statements.rows(begun.id)


def plan_of_stack() -> Plan:
    return Plan(warehouse="facts", run=_RUN, mode=Mode.SERVERLESS, loads=(), steps=(), unloads=(), keep_minutes=0)


def opened(lake: LiveLake) -> Works:
    """The warehouse for an hour, as the pipeline's role."""
    gateways = lake.gateways()
    (settings,) = lake.config.warehouses
    return open_works(
        lake.config, settings, gateways.clients(), gateways.lake, clock=lambda: datetime.now(UTC), wait_seconds=10
    )


@contextmanager
def live_warehouse(lake: LiveLake) -> Iterator[LiveWarehouse]:
    """Made by the warehouse's stack, as a run makes it; everything of it goes when the block ends, however it ends."""
    works, began = opened(lake), time.monotonic()
    try:
        target = until(lambda: bring_up(works.warehouse, plan_of_stack()), lake, wanted=Target)
        yield LiveWarehouse(lake=lake, works=works, target=target, seconds=time.monotonic() - began)
    finally:
        warehouse, ending = opened(lake).warehouse, time.monotonic()  # the first hour may be over
        until(lambda: take_down(warehouse, _RUN), lake, wanted=tuple)
        print(f"the warehouse was removed within {time.monotonic() - ending:.0f} s")


def until(step: Callable[[], Any], lake: LiveLake, *, wanted: type) -> Any:
    """What the step gives, once it is of this type and, of a tuple, empty."""
    deadline, found = time.monotonic() + _MINUTES * 60, None
    while time.monotonic() < deadline:
        found = step()
        if isinstance(found, wanted) and not (isinstance(found, tuple) and found):
            return found
        time.sleep(lake.place.pause)
    raise AssertionError(f"not within {_MINUTES} minutes: {found.why if isinstance(found, NotYet) else found}")
