"""Who meets whom at the turnstile, and one round of it.

What belongs here: the pairs, and when the invariants of `lab.py` are asked.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any

import pytest

from rds_lake.errors import RdsLakeError
from rds_lake_tests.support.door import Call
from rds_lake_tests.turnstile.actors import (
    Seat,
    Work,
    approve,
    prune,
    refresh,
    retention,
    roll_back,
    settle,
    tail,
    tick,
)
from rds_lake_tests.turnstile.engine import Actor, Turnstile, play
from rds_lake_tests.turnstile.lab import FIRST, SECOND, THIRD, Lab, Start

# A round's order of calls follows from its seed.
SEEDS = (1000, *(pytest.param(seed, marks=pytest.mark.exhaustive) for seed in range(1001, 1020)))


def exhaustive(names: Sequence[str]) -> list[Any]:
    """Parameters that `make test` leaves out altogether: pairs that meet in few calls."""
    return [pytest.param(name, marks=pytest.mark.exhaustive) for name in names]


Make = Callable[[dict[str, str]], Work]  # an actor's work, of the names of the lab's exports


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two actors and the morning they meet in. `settings` are the source's; `ends_at` is what is published at the very end."""

    name: str
    start: Start
    one: Make
    other: Make
    settings: dict[str, Any] = field(default_factory=dict)
    ends_at: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A round. `problems` are broken invariants, `errors` how actors ended that were not killed."""

    pair: str
    seed: int
    steps: dict[str, int]
    killed: tuple[str, ...]
    errors: dict[str, str]
    problems: tuple[str, ...]


def _run(day: str, name: str | None = None) -> Make:
    return lambda tasks: settle(day, tasks[name or day])


def _just(work: Work) -> Make:
    return lambda _: work


def _pair(name: str, start: Start, one: Make, other: Make, *, ends_at: str | None = None, **settings: Any) -> Pair:
    return Pair(name=name, start=start, one=one, other=other, ends_at=ends_at, settings=settings)


_RUN, _LATER, _OTHER = _run(THIRD), _run(THIRD, "later"), _run(SECOND)
_TAIL, _PRUNE, _RETENTION, _REFRESH = _just(tail(THIRD)), _just(prune), _just(retention("2026-11-21")), _just(refresh)
_BACK_ONE, _BACK_TWO = _just(roll_back(SECOND)), _just(roll_back(FIRST))
_APPROVE, _BEGIN = _just(approve(THIRD)), _just(settle(THIRD))

PAIRS: dict[str, Pair] = {
    pair.name: pair
    for pair in (
        _pair("run-same", "exported", _RUN, _RUN, ends_at=THIRD),
        _pair("run-other", "early", _RUN, _OTHER, ends_at=THIRD),
        _pair("run-replace", "exported", _RUN, _LATER, ends_at=THIRD),
        _pair("catalogue-replace", "relocated", _TAIL, _LATER, ends_at=THIRD),
        _pair("republish-replace", "published", _TAIL, _LATER, ends_at=THIRD),
        _pair("replace-replace", "relocated", _LATER, _LATER, ends_at=THIRD),
        _pair("run-rollback", "exported", _RUN, _BACK_TWO),
        _pair("replace-rollback", "published", _LATER, _BACK_ONE),
        _pair("rollback-rollback", "published", _BACK_TWO, _BACK_ONE),
        _pair("run-approve", "relocated", _TAIL, _just(approve(SECOND)), publish="manual", replace=False),
        _pair("replace-approve", "published", _LATER, _APPROVE, ends_at=THIRD),
        _pair("approve-rollback", "published", _APPROVE, _BACK_TWO, publish="manual", replace=False),
        _pair("approve-approve", "published", _APPROVE, _APPROVE, publish="manual", replace=False),
        _pair("run-prune", "exported", _RUN, _PRUNE, ends_at=THIRD),
        _pair("other-prune", "early", _OTHER, _PRUNE),
        _pair("replace-prune", "published", _LATER, _PRUNE, ends_at=THIRD),
        _pair("rollback-prune", "published", _BACK_ONE, _PRUNE),
        _pair("approve-prune", "published", _APPROVE, _PRUNE, publish="manual", replace=False),
        _pair("prune-prune", "published", _PRUNE, _PRUNE, ends_at=THIRD),
        _pair("rollback-retention", "published", _BACK_TWO, _RETENTION),
        _pair("replace-retention", "published", _LATER, _RETENTION, ends_at=THIRD),
        _pair("prune-retention", "published", _PRUNE, _RETENTION, ends_at=THIRD),
        _pair("refresh-run", "exported", _REFRESH, _RUN, ends_at=THIRD),
        _pair("refresh-prune", "published", _REFRESH, _PRUNE, ends_at=THIRD),
        _pair("begin-begin", "fresh", _BEGIN, _BEGIN, ends_at=THIRD),
        _pair("run-retention", "exported", _RUN, _RETENTION, ends_at=THIRD),
        _pair("other-other", "early", _OTHER, _OTHER, ends_at=SECOND),
        _pair("other-replace", "behind", _OTHER, _LATER, ends_at=THIRD),
        _pair("other-rollback", "exported", _just(tail(SECOND)), _BACK_TWO),
        _pair("other-approve", "published", _just(tail(SECOND)), _APPROVE, publish="manual", replace=False),
        _pair("other-retention", "early", _OTHER, _RETENTION),
        _pair("approve-retention", "published", _APPROVE, _RETENTION, publish="manual", replace=False),
        _pair("retention-retention", "published", _RETENTION, _RETENTION, ends_at=THIRD),
        _pair("refresh-refresh", "published", _REFRESH, _REFRESH, ends_at=THIRD),
        _pair("refresh-other", "early", _REFRESH, _OTHER, ends_at=SECOND),
        _pair("refresh-replace", "published", _REFRESH, _LATER, ends_at=THIRD),
        _pair("refresh-rollback", "published", _REFRESH, _BACK_ONE),
        _pair("refresh-approve", "published", _REFRESH, _APPROVE, publish="manual", replace=False),
        _pair("refresh-retention", "published", _REFRESH, _RETENTION, ends_at=THIRD),
    )
}


@dataclass(slots=True)
class Rounds:
    """Plays rounds in one lab, seats and all made once."""

    lab: Lab
    turnstile: Turnstile
    seats: tuple[Seat, Seat]

    @classmethod
    def of(cls, lab: Lab) -> "Rounds":
        turnstile = Turnstile(lab.world.cloud)
        one, other = (Seat.of(turnstile, number) for number in range(2))
        return cls(lab, turnstile, (one, other))

    def play(self, pair: Pair, seed: int) -> Outcome:
        """One round of the pair, in an order that the seed decides; half of the rounds kill one of the two."""
        dice, lab = Random(seed), self.lab
        config = lab.world.config
        lab.begin(pair.start)
        lab.world.with_source(**{"publish": "auto"} | pair.settings)
        try:
            works = [make(lab.tasks) for make in (pair.one, pair.other)]
            actors = [
                Actor(name=f"{number}:{name}", work=_bound(work, seat, lab))
                for number, (name, work, seat) in enumerate(zip(pair.name.split("-"), works, self.seats, strict=True))
            ]
            if dice.random() < 0.5:
                dice.choice(actors).die_before = dice.randrange(1, 110)
            watch = _Watch(lab)
            problems = play(actors, self.turnstile, dice=dice, after_call=watch.after_call)
            problems += watch.problems
            self.turnstile.begin([])
            killed = [actor for actor in actors if actor.dead and not isinstance(actor.error, RdsLakeError | None)]
            problems += [f"{a.name} broke: {a.error!r}" for a in actors if not a.dead and not _is_told(a.error)]
            ended = not killed and all(actor.error is None for actor in actors)
            problems += self._judged(pair, works, anybody_killed=bool(killed), ended=ended)
        finally:
            lab.world.config = config
        return Outcome(
            pair=pair.name,
            seed=seed,
            steps={actor.name: actor.steps for actor in actors},
            killed=tuple(actor.name for actor in killed),
            errors={a.name: str(a.error)[:200] for a in actors if isinstance(a.error, RdsLakeError)},
            problems=tuple(problems),
        )

    def _judged(self, pair: Pair, works: Sequence[Work], *, anybody_killed: bool, ended: bool) -> list[str]:
        """At once when nobody died; where one did not come to its end, after the next tick, and once both were repeated."""
        lab = self.lab
        problems = lab.paid_twice() + lab.lost()
        if not anybody_killed:
            problems += [f"nobody died, and {problem}" for problem in lab.mixed() + lab.not_whole()]
        if not ended:
            run = self.seats[0].run(lab.world)
            tick(run, self.seats[0])
            problems += [f"after a tick {problem}" for problem in lab.mixed() + lab.missing_rows() + lab.not_whole()]
            for work in works:
                # A person or a sensor repeats what was killed; that a repetition is refused with a sentence is no fault.
                with suppress(RdsLakeError):
                    work(run, self.seats[0])
            problems += [f"repeated: {problem}" for problem in lab.mixed() + lab.missing_rows() + lab.not_whole()]
            problems += [f"repeated: {problem}" for problem in lab.paid_twice() + lab.lost()]
        shown = {day for day, _ in lab.views().values()}
        if pair.ends_at is not None and shown != {pair.ends_at}:
            problems.append(f"at the end readers see {shown}, not {pair.ends_at}")
        return problems


@dataclass(slots=True)
class _Watch:
    """What must hold after every single call."""

    lab: Lab
    problems: list[str] = field(default_factory=list)
    _copies: dict[str, int] = field(default_factory=dict)
    _told: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._copies = self.lab.copies()

    def after_call(self, actor: Actor, call: Call, step: int) -> None:
        if not call.is_write:
            return
        found, now = self.lab.missing_rows(), self.lab.copies()
        for task, before in self._copies.items():
            day = self.lab.day_of(task)
            if now[task] < before and not self.lab.is_decided(day):
                found.append(f"AWS's copy of {day} goes before the date is published")
        for problem in found:
            if problem not in self._told:
                self._told.add(problem)
                self.problems.append(f"{problem} (step {step}: {actor.name} {call.operation})")


def _bound(work: Work, seat: Seat, lab: Lab) -> Callable[[], object]:
    return lambda: work(seat.run(lab.world), seat)


def _is_told(error: BaseException | None) -> bool:
    """Whether a stage ended well, or with a sentence."""
    return error is None or isinstance(error, RdsLakeError)
