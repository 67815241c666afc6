"""The bar of streams: whatever writers do, each snapshot says which changes it has, and live views are the database at their cut.

For each of several snapshots at random moments, while writers and a forwarder work:

    exact   the changes that are inside by the rule, replayed from the beginning, are the snapshot's own rows
    live    the live views, on that snapshot, are what the database had in the transaction that read the newest cut
    sum     the money in the live views is what it was at the beginning
    drift   tables whose rows differ from what the snapshot before and the changes in between predict

`by max id` says whether a rule that takes every change up to the highest exported number would have rebuilt it, too.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

import psycopg
import pymysql

from rds_lake_tests.stages.streams.whole.lab import Event, Lab
from rds_lake_tests.stages.streams.whole.shop import ADDED, Shop, State
from rds_lake_tests.stages.streams.whole.writers import writing

FIRST_DAY = date(2026, 10, 1)
HEADER = "   at s   cut  outbox   inside    rows  exact   live    sum  drift  by max id"
_TOTAL = 20_000
_BUSY = (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected, pymysql.err.OperationalError)


@dataclass(slots=True, kw_only=True)
class Line:
    """One snapshot. `moment`: seconds since the writers began. `cut`: of its position. `outbox`: the numbers in it."""

    moment: float
    cut: int
    outbox: frozenset[int]
    found: State
    live: State
    expected: State
    drift: int
    inside: int = 0
    exact: bool = False
    by_max_id: bool = False

    @property
    def is_live(self) -> bool:
        return self.live == self.expected

    @property
    def has_its_sum(self) -> bool:
        return money(self.live) == _TOTAL

    @property
    def holds(self) -> bool:
        return self.exact and self.is_live and self.has_its_sum and not self.drift

    def judge(self, shop: Shop, start: State, events: Sequence[Event]) -> None:
        """Whether the changes that are inside rebuild the snapshot; and those of the wrong rule."""
        found, highest = shop.widened(self.found), max(self.outbox, default=0)
        inside = [each[1:] for each in events if each[0] <= self.cut or each[2].seq in self.outbox]
        self.inside, self.exact = len(inside), shop.replayed(start, inside) == found
        self.by_max_id = shop.replayed(start, [each[1:] for each in events if each[2].seq <= highest]) == found

    def __str__(self) -> str:
        judged = "".join(f"  {'yes' if word else 'NO':>5}" for word in (self.exact, self.is_live, self.has_its_sum))
        rows = sum(len(rows) for state in (self.found, self.live) for rows in state.values())
        return (
            f"{self.moment:7.1f} {self.cut:5} {len(self.outbox):7,} {self.inside:8,} {rows:7,}{judged}  {self.drift:5}  "
            f"{'yes' if self.by_max_id else 'no':>9}"
        )


@dataclass(slots=True, kw_only=True)
class Played:
    """What became of it. `ends_equal`: all changes together are the database as it is in the end."""

    lines: list[Line] = field(default_factory=list)
    changes: int = 0
    cuts: int = 0
    seconds: float = 0.0
    ends_equal: bool = False

    @property
    def holds(self) -> bool:
        return self.ends_equal and all(line.holds for line in self.lines)


def play(
    lab: Lab,
    *,
    changes: int,
    snapshots: int,
    seed: int,
    longest: float = 2.0,
    pause: float = 0.0,
    say: Callable[[str], object] = lambda _: None,
) -> Played:
    """Play it all. `changes`: so many at least, of eight writers. `longest` and `pause`: see `writing`."""
    rnd, begun, played, start = random.Random(seed), time.monotonic(), Played(), lab.shop.now()
    added = threading.Event()
    with (
        writing(lab.shop, seed=seed, writers=6, bankers=2, added=added, longest=longest, pause=pause),
        lab.forwarding(seed),
    ):
        for number in range(snapshots):
            _until(lab, changes * (number + rnd.random()) / snapshots)
            time.sleep(rnd.random() * 0.3)
            played.lines.append(_snapshot(lab, FIRST_DAY + timedelta(days=number), time.monotonic() - begun))
            if number == (snapshots - 1) // 2:
                _add_column(lab)
                added.set()
        _until(lab, changes)
    lab.forward()
    events = lab.events()
    say(HEADER)
    for line in played.lines:
        line.judge(lab.shop, start, events)
        say(str(line))
    played.changes, played.cuts = len(events), max(cut for cut, _, _ in events)
    played.seconds = time.monotonic() - begun
    played.ends_equal = lab.shop.replayed(start, [each[1:] for each in events]) == lab.shop.now()
    return played


def money(state: State) -> object:
    """What is in both tables of the bank."""
    return sum(row[1] for table in ("accounts", "savings") for row in state[table].values())


def _snapshot(lab: Lab, day: date, moment: float) -> Line:
    """Take a snapshot, publish it, and bring the live views up to a cut at which the database is looked at."""
    lab.world.snapshot(day.isoformat())
    lab.world.publish(day.isoformat())
    found, outbox = lab.shown(), frozenset(lab.numbers("rds_lake_outbox", "seq"))
    (cut,) = lab.numbers("rds_lake_position", "cut")
    lab.bring_up()  # beside the forwarder, once
    with lab.resting():
        done = lab.forward(witness=True)
        brought = lab.bring_up()
    assert brought.shown is not None
    assert [one.cut for one in brought.shown.cuts] == [done.cut]
    return Line(
        moment=moment,
        cut=cut,
        outbox=outbox,
        found=found,
        live=lab.shown("_live"),
        expected=lab.seen,
        drift=len(lab.drift(brought).problems),
    )


def _add_column(lab: Lab) -> None:
    """ALTER TABLE while writers are at work, and the triggers again."""
    shop = lab.shop
    kind, waits = (ADDED.mysql, "lock_wait_timeout = 2") if shop.is_mysql else (ADDED.postgres, "lock_timeout = '1s'")
    for attempt in range(30):
        try:
            shop.run(
                f"SET {waits}", f"ALTER TABLE {shop.quoted('customers')} ADD COLUMN {shop.quoted(ADDED.name)} {kind}"
            )
            break
        except _BUSY:
            if attempt == 29:
                raise
    lab.shop = replace(shop, added=True)
    lab.shop.capture()


def _until(lab: Lab, changes: float) -> None:
    """Wait until so many changes are forwarded."""
    end = time.monotonic() + 3600
    while lab.forwarded < changes:
        assert time.monotonic() < end, "the writers do not come this far"
        time.sleep(0.02)
