"""Who meets whom over a warehouse, and one round of it.

What belongs here: the actors, the pairs, and when what must hold is asked (`lab.py`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from time import sleep
from typing import Any

from rds_lake.errors import RdsLakeError, TransientError
from rds_lake.model.warehouse.record import Phase
from rds_lake.stages.warehouse.reap import reap
from rds_lake.stages.warehouse.records import cancel_run, find_run
from rds_lake.stages.warehouse.turn import take_turn
from rds_lake_tests.stages.warehouse.standing.yard import Yard
from rds_lake_tests.support.door import Call
from rds_lake_tests.turnstile.engine import MEETINGS, Actor, play
from rds_lake_tests.turnstile.pairs import Outcome
from rds_lake_tests.turnstile.warehouse.lab import FIRST, SECOND, Start, WarehouseLab, works_of

Work = Callable[[WarehouseLab, Yard], object]
_TURNS, _PASSES = 60, 8
_WHY = "a person does not want it"
_OVERTAKEN = "a later run, started at"
_LATE = "no longer has warehouse nightly|did not continue within its lease|the lease of run|longer than `most_hours"


@dataclass(frozen=True, slots=True, kw_only=True)
class WarehousePair:
    """Two actors and the morning they meet in. `right`: how a run may end badly, as a pattern; None where it may not.

    `meets`: calls at which the actors wait for each other, in some rounds.
    """

    name: str
    start: Start
    one: Work
    other: Work
    right: str | None = None
    meets: Sequence[str] = MEETINGS
    most_calls: int = 70  # of who dies


def turns(*runs: str) -> Work:
    """Begin each run, or find it begun, and take its turns until it has ended, as a sensor or a waiting asset does."""

    def work(lab: WarehouseLab, yard: Yard) -> None:
        works = works_of(yard)
        for run in runs:
            lab.begin_run(run, by=yard)
            for _ in range(_TURNS):
                if _turned(works, run) is Phase.ENDED:
                    break
                _pause(yard, minutes=1)

    return work


def _turned(works: object, run: str) -> Phase | None:
    try:
        return take_turn(works, run).phase  # type: ignore[arg-type]
    except TransientError:
        return None


def cancel(lab: WarehouseLab, yard: Yard) -> None:
    """A person who waits for the run presses Ctrl-C; the sensor takes the turns after it."""
    works = works_of(yard)
    lab.begin_run(FIRST, by=yard)
    for _call in range(lab.patience):
        find_run(works.lake, "nightly", FIRST)  # calls that pass until then
    cancel_run(works.lake, "nightly", FIRST, why=_WHY)
    for _ in range(_TURNS):
        if _turned(works, FIRST) is Phase.ENDED:
            break
        _pause(yard, minutes=1)


def reaper(*, minutes: float) -> Work:
    """The reaper comes every so many minutes."""

    def work(lab: WarehouseLab, yard: Yard) -> None:
        del lab
        for _ in range(_PASSES):
            yard.wait(minutes)
            for found in reap([yard.warehouse], apply=True):
                if found.error is not None:
                    raise AssertionError(found.error)
            _pause(yard, minutes=0)

    return work


def _pause(yard: Yard, *, minutes: float) -> None:
    yard.wait(minutes)
    sleep(0.003)


def _pair(name: str, start: Start, one: Work, other: Work, **more: Any) -> WarehousePair:
    return WarehousePair(name=name, start=start, one=one, other=other, **more)


_PUBLISHING = ("CopyObject", "PutObject", "ListObjectsV2")
_TURN, _NEXT = turns(FIRST), turns(FIRST, SECOND)

WAREHOUSE_PAIRS: dict[str, WarehousePair] = {
    pair.name: pair
    for pair in (
        _pair("turn-turn", "standing", _TURN, _TURN),
        _pair("turn-next", "standing", _TURN, _NEXT),
        _pair("next-next", "standing", _NEXT, _NEXT),
        _pair("turn-cancel", "standing", _TURN, cancel, right=_WHY),
        _pair("turn-reap", "standing", _TURN, reaper(minutes=31), right=_LATE),
        _pair("one.turn-turn", "one", _TURN, _TURN, meets=_PUBLISHING),
        _pair("one.turn-next", "one", _TURN, _NEXT, meets=_PUBLISHING),
        _pair("one.turn-cancel", "one", _TURN, cancel, right=_WHY),
        _pair("one.turn-reap", "one", _TURN, reaper(minutes=31), right=_LATE),
        _pair("many.turn-turn", "many", _TURN, _TURN, meets=_PUBLISHING),
        _pair("many.turn-next", "many", _TURN, _NEXT, meets=_PUBLISHING),
        _pair("stack.turn-turn", "fresh", _TURN, _TURN),
        _pair("stack.turn-next", "fresh", _TURN, _NEXT),
        _pair("stack.turn-other", "fresh", _TURN, turns(SECOND), right=f"{_OVERTAKEN}|{_LATE}"),
        _pair("stack.turn-cancel", "fresh", _TURN, cancel, right=_WHY),
        _pair("stack.turn-reap", "fresh", _TURN, reaper(minutes=5), right=_LATE),
        _pair("stack.turn-late", "fresh", _TURN, reaper(minutes=31), right=_LATE),
        _pair("kept.turn-turn", "kept", _TURN, _TURN),
        _pair("kept.turn-next", "kept", _TURN, _NEXT),
        _pair("kept.turn-cancel", "kept", _TURN, cancel, right=_WHY),
        _pair("kept.turn-late", "kept", _TURN, reaper(minutes=31), right=_LATE),
        _pair("limited.turn-turn", "limited", _TURN, _TURN),
    )
}


@dataclass(slots=True)
class WarehouseRounds:
    """Plays rounds in one lab."""

    lab: WarehouseLab

    def play(self, pair: WarehousePair, seed: int) -> Outcome:
        """One round of the pair, in an order that the seed decides; half of the rounds kill one of the two."""
        dice, lab = Random(seed), self.lab
        lab.patience = Random(-seed).randrange(60)
        lab.begin(pair.start)
        actors = [
            Actor(name=f"{number}:{name}", work=_bound(work, lab, worker))
            for number, (name, work, worker) in enumerate(
                zip(pair.name.rpartition(".")[2].split("-"), (pair.one, pair.other), lab.workers, strict=True)
            )
        ]
        if dice.random() < 0.5:
            dice.choice(actors).die_before = dice.randrange(1, pair.most_calls)
        watch = _Watch(lab)
        problems = (
            play(actors, lab.turnstile, dice=dice, after_call=watch.after_call, meets=pair.meets) + watch.problems
        )
        lab.turnstile.begin([])
        killed = [actor for actor in actors if actor.dead and not isinstance(actor.error, RdsLakeError | None)]
        problems += [f"{a.name} broke: {a.error!r}" for a in actors if not a.dead and a.error is not None]
        problems += self._judged(pair)
        return Outcome(
            pair=pair.name,
            seed=seed,
            steps={actor.name: actor.steps for actor in actors},
            killed=tuple(actor.name for actor in killed),
            errors={run: lab.record(run).error or "" for run in lab.runs() if lab.record(run).error},
            problems=tuple(problems),
        )

    def _judged(self, pair: WarehousePair) -> list[str]:
        """Once the turns of every run, and the reaper, came to their end."""
        lab = self.lab
        problems = lab.always()
        good: list[str] = []
        for run in lab.runs():
            error = lab.finish(run).error
            if error is None:
                good.append(run)
            elif pair.right is None or not re.search(pair.right, error):
                problems.append(f"{run} ended with: {error}")
        if good and lab.results() != (good[-1], good[-1]):
            problems.append(f"{good} ended well, and the results are of {lab.results()}")
        lab.reaped()
        problems += [f"left: {thing}" for thing in lab.left()]
        return problems + lab.touched() + lab.doubled() + lab.broken_results() + lab.wrong_rows(good)


@dataclass(slots=True)
class _Watch:
    """What must hold after every single call."""

    lab: WarehouseLab
    problems: list[str] = field(default_factory=list)
    _reported: set[str] = field(default_factory=set)

    def after_call(self, actor: Actor, call: Call, step: int) -> None:
        if not call.is_write:
            return
        for problem in self.lab.always():
            if problem not in self._reported:
                self._reported.add(problem)
                self.problems.append(f"{problem} (step {step}: {actor.name} {call.operation})")


def _bound(work: Work, lab: WarehouseLab, worker: Yard) -> Callable[[], object]:
    return lambda: work(lab, worker)
