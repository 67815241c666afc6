"""A turnstile before the local cloud: of all actors' AWS calls it lets one through at a time, in an order that dice decide.

    play([Actor(name="run", work=…), Actor(name="prune", work=…)], turnstile, dice=Random(1072), after_call=…)

An actor is a stage in a thread of its own, with clients of its own; its calls wait here until they are granted. So what two
processes may do to each other is tried call by call, and tried again by the same seed. An actor may die: from some call on
nothing of it reaches AWS any more, and nothing of it is cleaned up, as after SIGKILL.

What belongs here: the order of calls. What the actors do is `actors.py`, what must hold `lab.py`.
"""

import json
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Literal

from rds_lake.localcloud.athena.executions import ACTIVE
from rds_lake.localcloud.cloud import LocalCloud
from rds_lake.localcloud.http.app import StartResponse
from rds_lake.localcloud.redshift.data.statements import ACTIVE as REDSHIFT_ACTIVE
from rds_lake_tests.support.door import Call, _call

Strategy = Literal["uniform", "bursts", "switches", "meeting"]
_STRATEGIES: tuple[Strategy, ...] = ("uniform", "bursts", "switches")
# Calls at which actors that do much the same may wait until the other comes to it, or to his end.
MEETINGS = (
    "PutObject", "CopyObject", "DeleteObjects", "CreateStack", "UpdateStack", "DeleteStack", "ExecuteStatement",
    "BatchExecuteStatement", "CancelStatement", "CreateUsageLimit",
)  # fmt: skip
_QUIET_SECONDS = 0.05  # an actor that asks for nothing so long computes, or waits for another
_TOGETHER_SECONDS = 0.001  # calls that an actor makes side by side arrive within
_ROUND_SECONDS = 120.0
_STATEMENT_SECONDS = 2.0


class KilledError(BaseException):
    """The process is gone: no `except` of a stage sees it, and no `finally` reaches AWS."""


@dataclass(slots=True, eq=False)
class Actor:
    """A stage. `work` is called in a thread; `die_before` is the number of the call it does not come to make."""

    name: str
    work: Callable[[], object]
    die_before: int | None = None
    steps: int = 0
    dead: bool = False
    done: bool = False
    error: BaseException | None = None
    waiting: list["_Ticket"] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class _Ticket:
    call: Call
    state: Literal["waiting", "granted", "refused", "made"] = "waiting"


class Turnstile:
    """Between actors' clients and the cloud. Open until a round begins and after it has ended."""

    def __init__(self, cloud: LocalCloud) -> None:
        self.cloud = cloud
        self.changed = threading.Condition()
        self._actors: dict[int, Actor] = {}

    def seat(self, number: int) -> Callable[[dict[str, Any], StartResponse], Iterable[bytes]]:
        """The application that the clients of the n-th actor call."""

        def app(environ: dict[str, Any], start: StartResponse) -> Iterable[bytes]:
            actor = self._actors.get(number)
            if actor is None:
                return self.cloud.app(environ, start)
            ticket = self._ticket(actor, _call(environ))
            try:
                body = b"".join(self.cloud.app(environ, start))
                if ticket.call.operation == "StartQueryExecution":
                    self._until_ended(body)
                if ticket.call.operation in ("ExecuteStatement", "BatchExecuteStatement"):
                    self.until_statements_ended()
            finally:
                with self.changed:
                    ticket.state = "made"
                    self.changed.notify_all()
            return [body]

        return app

    def begin(self, actors: Sequence[Actor]) -> None:
        """From now on the n-th seat is the n-th actor's."""
        self._actors = dict(enumerate(actors))

    def end(self) -> None:
        """Kill whoever is left: a thread of theirs must not reach the next round."""
        with self.changed:
            for actor in self._actors.values():
                actor.dead = True
                _refuse(actor)
            self.changed.notify_all()

    def _ticket(self, actor: Actor, call: Call) -> _Ticket:
        ticket = _Ticket(call)
        with self.changed:
            if actor.dead:
                raise KilledError
            actor.waiting.append(ticket)
            self.changed.notify_all()
            while ticket.state == "waiting":
                self.changed.wait(_ROUND_SECONDS)
            if ticket.state == "refused":
                raise KilledError
        return ticket

    def _until_ended(self, answer: bytes) -> None:
        """A statement's effect belongs to the call that starts it, or an order of calls would not be repeatable."""
        query = json.loads(answer).get("QueryExecutionId")
        # Looked up where the local cloud keeps it: by a call, a look costs as much as most statements.
        execution = self.cloud.athena._executions.find(query) if query else None
        while execution is not None and execution.state in ACTIVE:
            time.sleep(0.002)

    def until_statements_ended(self) -> None:
        """The same for Redshift's; one that takes long is not waited for."""
        known, until = self.cloud.redshift._data._book, time.monotonic() + _STATEMENT_SECONDS
        while time.monotonic() < until and any(each.status in REDSHIFT_ACTIVE for each in list(known._by_id.values())):
            time.sleep(0.002)


def play(
    actors: Sequence[Actor],
    turnstile: Turnstile,
    *,
    dice: Random,
    after_call: Callable[[Actor, Call, int], None],
    meets: Sequence[str] = (),
) -> list[str]:
    """Let the actors work to their end. `after_call` sees every call that was made; problems of the round itself are returned.

    `meets`: operations of which, in every second round, one is where the actors wait for each other.
    """
    turnstile.begin(actors)
    threads = [threading.Thread(target=_work, args=(actor, turnstile), daemon=True) for actor in actors]
    for thread in threads:
        thread.start()
    order = _Order(dice, dice.choice(_STRATEGIES))
    if meets and dice.random() < 0.5:
        order = _Order(dice, "meeting", place=dice.choice(meets))
    until, step = time.monotonic() + _ROUND_SECONDS, 0
    try:
        while ready := _ready(actors, turnstile):
            if time.monotonic() > until:
                return [f"the round did not end within {_ROUND_SECONDS:.0f} s"]
            if ready == "nobody yet":
                continue
            actor = order.next(ready)
            call = _grant(actor, turnstile, dice)
            step += 1
            if call is not None:
                after_call(actor, call, step)
    finally:
        turnstile.end()
        for thread in threads:
            thread.join(10)
    return []


def _work(actor: Actor, turnstile: Turnstile) -> None:
    try:
        actor.work()
    except BaseException as error:  # noqa: BLE001 - a thread's boundary: whatever it was is judged by the round
        actor.error = error
    with turnstile.changed:
        actor.done = True
        turnstile.changed.notify_all()


def _ready(actors: Sequence[Actor], turnstile: Turnstile) -> list[Actor] | Literal["nobody yet"] | None:
    """Who waits for a call, once everybody does who is at work; None when all have ended."""
    until = time.monotonic() + _QUIET_SECONDS
    with turnstile.changed:
        while True:
            live = [actor for actor in actors if not actor.done]
            if not live:
                return None
            if all(actor.waiting for actor in live):
                turnstile.changed.wait(_TOGETHER_SECONDS)
                break
            if time.monotonic() >= until:
                break
            turnstile.changed.wait(max(until - time.monotonic(), 0.0))
        return [actor for actor in actors if actor.waiting] or "nobody yet"


def _grant(actor: Actor, turnstile: Turnstile, dice: Random) -> Call | None:
    """Let one call of the actor through and wait for its answer; None where the actor dies instead."""
    with turnstile.changed:
        # Calls made side by side arrive in no order: sorted, the dice mean the same again.
        actor.waiting.sort(key=lambda ticket: (ticket.call.service, ticket.call.operation, ticket.call.sql))
        ticket = actor.waiting.pop(dice.randrange(len(actor.waiting)))
        actor.steps += 1
        if actor.steps == actor.die_before:
            actor.dead = True
            ticket.state = "refused"
            _refuse(actor)
            turnstile.changed.notify_all()
            return None
        ticket.state = "granted"
        turnstile.changed.notify_all()
        while ticket.state != "made":
            turnstile.changed.wait(_ROUND_SECONDS)
    return ticket.call


def _refuse(actor: Actor) -> None:
    for ticket in actor.waiting:
        ticket.state = "refused"
    actor.waiting.clear()


@dataclass(slots=True)
class _Order:
    """Who is next: anybody, somebody for a while, the same one but for a few changes, or who is not yet where they meet."""

    dice: Random
    strategy: Strategy
    current: Actor | None = None
    left: int = 0
    step: int = 0
    switches: frozenset[int] = frozenset()

    place: str = ""

    def __post_init__(self) -> None:
        self.switches = frozenset(self.dice.randrange(150) for _ in range(self.dice.randrange(1, 5)))

    def next(self, ready: Sequence[Actor]) -> Actor:
        self.step += 1
        if self.strategy == "meeting":
            return self._meeting(ready)
        if self.strategy == "uniform" or self.current not in ready:
            change = True
        elif self.strategy == "bursts":
            self.left -= 1
            change = self.left <= 0
        else:
            change = self.step in self.switches
        if change:
            others = [actor for actor in ready if actor is not self.current]
            self.current = self.dice.choice(ready if self.strategy != "switches" or not others else others)
            self.left = self.dice.randrange(1, 40)
        assert self.current is not None
        return self.current

    def _meeting(self, ready: Sequence[Actor]) -> Actor:
        """Who is not there goes on; of two who are there one is the first, and the other is then ahead of him for a while."""
        if self.left > 0 and self.current in ready and self.current is not None:
            self.left -= 1
            return self.current
        there = [actor for actor in ready if any(one.call.operation == self.place for one in actor.waiting)]
        if len(there) < 2:
            return self.dice.choice([actor for actor in ready if actor not in there] or there)
        first, self.current = self.dice.sample(there, 2)
        self.left = self.dice.randrange(1, 12)
        return first
