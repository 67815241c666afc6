"""A turn beside another turn, a forwarder, a publication and a removal, call by call: live views end where the database is.

`make test` plays two orders of calls of each pair, `make test-exhaustive` twenty.
"""

from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import psycopg
import pytest

from rds_lake.config.streams import Streams
from rds_lake.errors import RdsLakeError
from rds_lake.stages.streams.live.follow import LiveViews
from rds_lake_tests.stages.streams import simple_capture
from rds_lake_tests.support.world import World, execute
from rds_lake_tests.turnstile.actors import Seat, prune, tail
from rds_lake_tests.turnstile.engine import Actor, Turnstile, play

pytestmark = pytest.mark.slow

FIRST, SECOND = "2026-11-19", "2026-11-20"
_MEETINGS = ("PutObject", "CreateTable", "BatchCreatePartition", "StartQueryExecution")
Does = Callable[[World, Seat], object]


def take_turn(world: World, seat: Seat) -> object:
    lake = seat.run(world).shared.lake
    return LiveViews(lake=lake, source=world.config.sources[0], log=world.lines.append).bring_up()


def forward(world: World, seat: Seat) -> object:
    return simple_capture.forward(world.url, seat.run(world).shared.lake)


def publish_again(world: World, seat: Seat) -> object:
    return tail(SECOND)(seat.run(world), seat)


def remove(world: World, seat: Seat) -> object:
    return prune(seat.run(world), seat)


@pytest.fixture
def notes(world: World) -> Iterator[World]:
    execute(
        world.url,
        "DROP SCHEMA public, sales CASCADE; CREATE SCHEMA public; CREATE TABLE notes (id bigint PRIMARY KEY, v bigint); "
        "INSERT INTO notes SELECT i, 0 FROM generate_series(1, 9) i",
    )
    simple_capture.capture(world.url, "notes")
    world.with_source(streams=Streams(tables=("shop.public.notes",)), check_casts=False)
    for day in (FIRST, SECOND):
        world.snapshot(day)
        world.publish(day)
    yield world
    execute(world.url, "DROP SCHEMA rds_lake CASCADE")


@pytest.mark.exhaustive
@pytest.mark.parametrize("other", [take_turn, forward, publish_again, remove])
def test_whoever_is_at_work_beside_a_turn_live_views_end_where_the_database_is(notes: World, other: Does) -> None:
    turnstile = Turnstile(notes.cloud)
    seats = [Seat.of(turnstile, number) for number in range(2)]
    for seed in range(20):
        dice = Random(seed)
        for value in (2 * seed + 1, 2 * seed + 2):
            execute(
                notes.url,
                f"UPDATE notes SET v = {value} WHERE id <> {seed + 1}; DELETE FROM notes WHERE id IN ({seed + 5}, {seed + 97})",
            )
            simple_capture.forward(notes.url, notes.gateways.lake)
        execute(notes.url, f"INSERT INTO notes VALUES ({100 + seed}, {seed})")
        actors = [
            Actor(name=does.__name__, work=_bound(does, notes, seat))
            for does, seat in zip((take_turn, other), seats, strict=True)
        ]
        if dice.random() < 0.5:
            dice.choice(actors).die_before = dice.randrange(1, 60)
        assert play(actors, turnstile, dice=dice, after_call=lambda *_: None, meets=_MEETINGS) == []
        turnstile.begin([])
        for actor in actors:
            assert actor.dead or actor.error is None or isinstance(actor.error, RdsLakeError), (seed, actor.error)
        _repeat(notes, other, seats[1])
        with psycopg.connect(notes.url) as connection:
            expected = connection.execute("SELECT id::text, v::text FROM notes ORDER BY notes.id").fetchall()
        assert (
            notes.query("SELECT CAST(id AS varchar), CAST(v AS varchar) FROM notes_live ORDER BY notes_live.id")
            == expected
        )


def _bound(does: Does, world: World, seat: Seat) -> Callable[[], Any]:
    return lambda: does(world, seat)


def _repeat(world: World, other: Does, seat: Seat) -> None:
    """What a schedule does about who was killed; at the end a turn, as there is every few minutes."""
    if other is not take_turn:
        other(world, seat)
    simple_capture.forward(world.url, world.gateways.lake)
    assert take_turn(world, seat).problems == ()  # type: ignore[attr-defined]
