"""A run whose worker is killed after any call of AWS comes to the same end, with no statement sent twice."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from rds_lake.model.warehouse.plan import Column, FileFormat, Files, Load, LoadBy, Plan, Step, Unload
from rds_lake.model.warehouse.record import PieceState, RunRecord
from rds_lake.stages.warehouse.work.advance import advance
from rds_lake_tests.stages.warehouse.running import REPORTS, Running, csv_result, plan_of, record_of

COLUMNS = (Column(name="id", type="int"), Column(name="name", type="varchar(10)"))


class Killed(BaseException):
    """What no code catches."""


@contextmanager
def killed_after(running: Running, calls: int) -> Iterator[list[str]]:
    """Die after so many calls of AWS; gives the operations that were called."""
    made: list[str] = []

    def count(model: Any, **_: Any) -> None:
        made.append(model.name)
        if len(made) == calls:
            raise Killed

    clients = [running.client(service) for service in ("s3", "redshift-data")]
    for client in clients:
        client.meta.events.register_last("after-call", count, unique_id="mortal")
    try:
        yield made
    finally:
        for client in clients:
            client.meta.events.unregister("after-call", unique_id="mortal")


def plan(number: int) -> Plan:
    files = Files(uris=("s3://acme-lake/in/",), format=FileFormat.TEXT, columns=COLUMNS)
    many = Unload(name="all", query="select * from items", to=f"s3://{REPORTS}/{number}/all/", format=FileFormat.CSV)
    return plan_of(
        Load(name="items", origin=files, by=LoadBy.COPY),
        Step(
            name="count",
            sql="create table if not exists log (n int); insert into log select count(*) from items",
            needs=("items",),
        ),
        many,
        csv_result("one", "select id, name from items order by id", to=f"s3://{REPORTS}/{number}/"),
        run=f"run-{number}",
    )


def finish(running: Running, record: RunRecord) -> RunRecord:
    """Turn after turn; the record is what the last turn that was not killed said."""
    for _ in range(50):
        if all(piece.has_ended for piece in record.pieces):
            return record
        try:
            record = advance(record, running.target, running.context(record.plan.run))
        except Killed:
            continue
    raise AssertionError(record)


def seen(running: Running, number: int) -> dict[str, bytes]:
    """What was published, with the run's own words made equal."""
    found = running.objects(prefix=f"{number}/")
    return {
        key.removeprefix(f"{number}/").replace(f"run-{number}/", "run/"): body.replace(
            b"run-%d" % number, b"run"
        ).replace(b"/%d/" % number, b"/n/")
        for key, body in found.items()
    }


@pytest.mark.parametrize("every", [7, pytest.param(1, marks=pytest.mark.exhaustive)])
def test_a_run_killed_after_any_call_ends_as_if_it_was_not(running: Running, every: int) -> None:
    running.put("in/a.txt", b"1|one\n2|two\n3|three\n")
    with killed_after(running, 0) as made:
        finish(running, record_of(plan(0)))
    expected = seen(running, 0)
    assert len(expected) == 4 and len(made) > 20
    made = made[every - 1 :: every]
    for number, operation in enumerate(made, 1):
        with killed_after(running, number * every):
            record = finish(running, record_of(plan(number)))
        where = f"killed after call {number * every}, {operation}"
        assert {piece.state for piece in record.pieces} == {PieceState.DONE}, (where, [p.error for p in record.pieces])
        assert seen(running, number) == expected, where
    # What was sent twice would show: in rows that were inserted twice, and by its name.
    assert running.rows("select count(*), min(n), max(n) from log") == [(len(made) + 1, 3, 3)]
    sent = Counter(one.name for one in running.context().data.named("rds-lake/abc/usage/"))
    assert set(sent.values()) == {1} and len(sent) == 6 * (len(made) + 1)
    assert running.rows("select id, name from items order by id") == [(1, "one"), (2, "two"), (3, "three")]
