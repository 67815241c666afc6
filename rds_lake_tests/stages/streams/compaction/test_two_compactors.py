"""Two compactors at once, one that was killed, and one over many tables: every change is read once, and little is asked of AWS."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from rds_lake.errors import ConflictError
from rds_lake.model.streams.captured import CapturedTable
from rds_lake.model.streams.forwarded import EpochCuts
from rds_lake.model.tables.table import Column, TableTarget
from rds_lake.sql.changes.table import ChangedTable
from rds_lake.sql.changes.views import render_changes
from rds_lake.stages.lake.lake import Lake, open_lake
from rds_lake.stages.streams.compaction import compact as module
from rds_lake.stages.streams.compaction.compact import Compactor
from rds_lake.stages.streams.compaction.reading import next_cuts
from rds_lake.stages.streams.cuts import forwarded
from rds_lake_tests.stages.streams.simple_capture import event, write_cut
from rds_lake_tests.stages.streams.test_live import CAPTURED, NOTES
from rds_lake_tests.support.world import World
from rds_lake_tests.turnstile.actors import Seat
from rds_lake_tests.turnstile.engine import Actor, Turnstile, play

EPOCH = "e"


class Killed(BaseException):
    """SIGKILL."""


def table_of(number: int) -> tuple[CapturedTable, ChangedTable]:
    """One of many tables that are alike."""
    target = TableTarget(database="shop", schema="public", table=f"notes{number}")
    names = replace(NOTES.names, target=target, view=f"notes{number}")
    return replace(CAPTURED, target=target), replace(NOTES, names=names)


def change(seq: int, key: int, text: str | None) -> Any:
    return event(seq, "I", None, {"a": "x", "b": str(key), "v": text})


def final(lake: Lake, epoch: str = EPOCH) -> EpochCuts:
    (record,) = forwarded(lake, "shop")
    found = record.find(epoch)
    assert found is not None
    return found


def compactor(lake: Lake) -> Compactor:
    return Compactor(lake=lake, source="shop", log=lambda _: None)


def compacted(lake: Lake, *tables: ChangedTable, epoch: str = EPOCH) -> int:
    """What a turn does about these tables."""
    one = compactor(lake)
    return one.compact(final(lake, epoch), one.versioned(tables)).rows


def numbers(world: World, epoch: str = EPOCH, table: ChangedTable = NOTES) -> list[int]:
    """The numbers of the changes that readers see."""
    world.root.athena.run(render_changes("shop", table), database="shop")
    return [
        int(str(seq)) for (seq,) in world.query(f"SELECT seq FROM {table.changes} WHERE epoch = '{epoch}' ORDER BY 1")
    ]


@pytest.fixture
def lake(world: World) -> Lake:
    world.root.glue.ensure_database("shop", description="")
    return world.gateways.lake


@pytest.mark.exhaustive
def test_a_run_that_was_killed_before_glue_had_its_table_is_completed_and_not_begun_anew(
    world: World, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same between two runs at once: what the record has, and Glue not yet, is no table that somebody dropped."""
    write_cut(lake, EPOCH, 1, [(CAPTURED, [change(1, 1, "one")])])

    def killed(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as broken:
        broken.setattr(module, "catalogue_changes", killed)
        with suppress(Killed):
            compacted(lake, NOTES)
    write_cut(lake, EPOCH, 2, [(CAPTURED, [change(2, 2, "two")])])
    assert [table.version for table in compactor(lake).versioned([NOTES])] == [1]
    compacted(lake, NOTES)
    assert numbers(world) == [1, 2]


@pytest.mark.exhaustive
def test_a_run_whose_table_another_has_begun_anew_gives_way_and_nothing_is_lost(world: World, lake: Lake) -> None:
    write_cut(lake, EPOCH, 1, [(CAPTURED, [change(1, 1, "12")])])
    slow = compactor(lake)
    settled = slow.versioned([NOTES])
    slow.compact(final(lake), settled)
    number = replace(NOTES.columns[2], column=Column(name="v", hive_type="bigint"))
    retyped = replace(NOTES, columns=(*NOTES.columns[:2], number))
    (anew,) = compactor(lake).versioned([retyped])
    assert anew.version == 2
    compactor(lake).record.begin_all({NOTES.names.target: 2}, EPOCH)
    write_cut(lake, EPOCH, 2, [(CAPTURED, [change(2, 2, "13")])])
    with pytest.raises(ConflictError):
        slow.compact(final(lake), settled)
    compacted(lake, retyped)
    assert numbers(world, table=anew) == [1, 2]


def test_a_turn_over_many_tables_asks_as_much_of_aws_as_one_over_few(lake: Lake) -> None:
    """With 800 tables a turn every five minutes would otherwise take longer than that."""
    pairs = [table_of(number) for number in range(12)]
    tables = [table for _, table in pairs]
    write_cut(lake, EPOCH, 1, [(captured, [change(number + 1, 1, "a")]) for number, (captured, _) in enumerate(pairs)])
    compacted(lake, *tables)
    with counted(lake) as calls:
        compacted(lake, *tables)
    assert sum(calls.values()) <= 8, calls
    write_cut(lake, EPOCH, 2, [(pairs[0][0], [change(100, 2, "b")]), *((captured, []) for captured, _ in pairs[1:])])
    with counted(lake) as calls:
        assert compacted(lake, *tables) == 1
    assert sum(calls.values()) <= 25, calls


@contextmanager
def counted(lake: Lake) -> Iterator[Counter[str]]:
    """Requests to S3 and Glue, by operation."""
    calls: Counter[str] = Counter()

    def note(model: Any, **_: object) -> None:
        calls[model.name] += 1

    clients = (lake.s3.client, lake.glue._client)
    for client in clients:
        client.meta.events.register("before-call", note)
    try:
        yield calls
    finally:
        for client in clients:
            client.meta.events.unregister("before-call", note)


@pytest.mark.exhaustive
def test_tables_without_changes_are_not_held_while_cuts_are_read(lake: Lake) -> None:
    """Each manifest describes every captured table: of 500 of them, with 800 tables, gigabytes."""
    pairs = [table_of(number) for number in range(12)]
    write_cut(lake, EPOCH, 1, [(pairs[0][0], [change(1, 1, "a")]), *((captured, []) for captured, _ in pairs[1:])])
    (cut,) = next_cuts(lake, "shop", final(lake), after=0, most=10)
    assert [table.table.target.table for table in cut.tables] == ["notes0"]


@pytest.mark.exhaustive
@pytest.mark.slow
def test_whatever_two_compactors_do_call_by_call_every_change_is_read_once(world: World, lake: Lake) -> None:
    """Half of the rounds kill one of the two; then a third one comes."""
    turnstile = Turnstile(world.cloud)
    seats = [Seat.of(turnstile, number) for number in range(2)]
    lakes = [open_lake(seat.clients, world.config.lake, sleep=lambda _: None, clock=lambda: 0.0) for seat in seats]
    for seed in range(12):
        dice, epoch = Random(seed), f"round-{seed}"
        for number in range(1, 5):
            write_cut(lake, epoch, number, [(CAPTURED, [change(number * 10 + k, k, "t") for k in range(2)])])

        def work(mine: Lake, epoch: str = epoch) -> Callable[[], object]:
            return lambda: compacted(mine, NOTES, epoch=epoch)

        actors = [Actor(name=f"{number}", work=work(one)) for number, one in enumerate(lakes)]
        if dice.random() < 0.5:
            dice.choice(actors).die_before = dice.randrange(1, 30)
        assert play(actors, turnstile, dice=dice, after_call=lambda *_: None) == []
        turnstile.begin([])
        for actor in actors:
            assert actor.dead or actor.error is None, (seed, actor.error)
        write_cut(lake, epoch, 5, [(CAPTURED, [change(50, 9, "last")])])
        compacted(lake, NOTES, epoch=epoch)
        right = sorted([number * 10 + k for number in range(1, 5) for k in range(2)] + [50])
        assert numbers(world, epoch) == right, seed
        assert compactor(lake).record.read().version_of(NOTES.names.target) == 1, seed
