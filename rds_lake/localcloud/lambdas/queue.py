"""Asynchronous invocations: events wait here, are attempted, tried again after one and two minutes, and recorded.

Delivery is at least once. Times are those of the local cloud's clock: moving it by two minutes makes waiting events due.
(https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html)
"""

from __future__ import annotations

import heapq
import threading
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Any

from rds_lake.localcloud.faults.faults import Faults
from rds_lake.localcloud.http.app import ApiError
from rds_lake.localcloud.http.clock import Clock
from rds_lake.localcloud.lambdas.attempts import Attempts, ThrottledError
from rds_lake.localcloud.lambdas.destinations import deliver, record_of
from rds_lake.localcloud.lambdas.environment import Outcome
from rds_lake.localcloud.lambdas.functions import EventSettings, Function, event_settings, find_function
from rds_lake.localcloud.permissions.acting import Actors

_SECOND = 1_000_000
_FIRST_THROTTLED, _LONGEST_THROTTLED = 1, 300
# Seconds: how often the clock is checked while events wait, and how long events are held to be shuffled.
_LOOK, _HELD = 0.05, 0.2
Json = dict[str, Any]


@dataclass(slots=True, kw_only=True)
class Event:
    """One asynchronous invocation. Times in microseconds; `throttled`: how often there was no capacity."""

    function: str
    region: str
    payload: Any
    request: str
    received: int
    attempts: int = 0
    throttled: int = 0


@dataclass(slots=True)
class _State:
    """All state that a reset clears. `held`: events that are to be shuffled; `counts`: results of events."""

    waiting: list[tuple[int, int, Event]] = field(default_factory=list)
    held: list[Event] = field(default_factory=list)
    number: int = 0
    running: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)


class EventQueue:
    """Events until they are finished. Every method may be called from any thread."""

    def __init__(
        self,
        clock: Clock,
        faults: Faults,
        attempts: Attempts,
        actors: Actors,
        *,
        pauses: tuple[float, float],
        workers: int,
    ) -> None:
        self._clock, self._faults, self._attempts, self._actors, self._pauses = clock, faults, attempts, actors, pauses
        self._state = _State()
        self._changed = threading.Condition()
        self._closed = False
        # Started with the first event: most local clouds have none.
        self._workers, self._threads = workers, list[threading.Thread]()

    def add(self, event: Event) -> None:
        """Accept an event. A fault may lose it, repeat it, or hold it to change the order of events."""
        if self._faults.of_lambda(event.function, "lose_percent"):
            self._count("lost")
            return
        events = [event] * (2 if self._faults.of_lambda(event.function, "repeat_percent") else 1)
        shuffle = self._faults.of_lambda(event.function, "shuffle")
        with self._changed:
            self._start_workers()
            self._state.counts["received"] += 1
            self._state.counts["repeated"] += len(events) - 1
            for each in [_copy(event) for event in events]:
                if shuffle is None:
                    self._push(each, each.received)
                    continue
                self._state.held.append(each)
                if len(self._state.held) >= (shuffle.shuffle or 0):
                    self._release()
            self._changed.notify_all()

    def reset(self) -> None:
        """Forget all events; running attempts have no effect."""
        with self._changed:
            self._state = _State()

    def close(self) -> None:
        """Reset, and end the threads."""
        self.reset()
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    @property
    def idle(self) -> bool:
        """Whether no event is running or due; events may still wait for another attempt."""
        with self._changed:
            return not (self._state.running or self._state.held or self._due())

    def shown(self) -> Json:
        """Returns the state for `GET /_local/lambda`: counts, the number of waiting events, and refusals of destinations."""
        with self._changed:
            state = self._state
            waiting = {"waiting": len(state.waiting) + len(state.held), "running": state.running}
            return waiting | {"counts": dict(state.counts), "destination_failures": list(state.problems)}

    def _start_workers(self) -> None:
        for number in range(len(self._threads), self._workers):
            thread = threading.Thread(target=self._work, name=f"lambda-{number}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def _count(self, what: str) -> None:
        with self._changed:
            self._state.counts[what] += 1

    def _push(self, event: Event, due: int) -> None:
        self._state.number += 1
        heapq.heappush(self._state.waiting, (due, self._state.number, event))

    def _release(self) -> None:
        """Release held events, always in the same order."""
        held, self._state.held = self._state.held, []
        Random(len(held)).shuffle(held)  # noqa: S311 - an order, not a secret
        now = self._clock.now()
        for event in held:
            self._push(event, now)

    def _due(self) -> bool:
        return bool(self._state.waiting) and self._state.waiting[0][0] <= self._clock.now()

    def _next(self) -> tuple[_State, Event] | None:
        """Returns the next due event, waiting for one; None at the end."""
        with self._changed:
            while not self._closed:
                if self._due():
                    self._state.running += 1
                    return self._state, heapq.heappop(self._state.waiting)[2]
                held, state = len(self._state.held), self._state
                woken = self._changed.wait(_HELD if held else _LOOK if state.waiting else None)
                if held and not woken and state is self._state and held == len(state.held):
                    self._release()
            return None

    def _work(self) -> None:
        while (taken := self._next()) is not None:
            state, event = taken
            try:
                self._attempt(state, event)
            finally:
                with self._changed:
                    state.running -= 1
                    self._changed.notify_all()

    def _attempt(self, state: _State, event: Event) -> None:
        if state is not self._state:
            return
        try:
            function = find_function(event.function, event.region)
            settings = event_settings(event.function, event.region)
        except ApiError:
            with self._changed:
                state.counts["without_function"] += 1
            return
        if self._clock.now() - event.received > settings.age_seconds * _SECOND:
            self._finish(state, function, settings, event, "EventAgeExceeded", None)
            return
        if function.reserved == 0:
            self._finish(state, function, settings, event, "ZeroReservedConcurrency", None)
            return
        try:
            outcome = self._attempts.invoke(function, event.payload, event.request)
        except ThrottledError:
            pause = min(_FIRST_THROTTLED * 2**event.throttled, _LONGEST_THROTTLED)
            event.throttled += 1
            self._again(state, event, pause)
            return
        event.attempts += 1
        if not outcome.error:
            self._finish(state, function, settings, event, "Success", outcome)
        elif event.attempts > settings.retries:
            self._finish(state, function, settings, event, "RetriesExhausted", outcome)
        else:
            self._again(state, event, self._pauses[event.attempts - 1])

    def _again(self, state: _State, event: Event, seconds: float) -> None:
        with self._changed:
            if state is self._state:
                self._push(event, self._clock.now() + round(seconds * _SECOND))

    def _finish(
        self,
        state: _State,
        function: Function,
        settings: EventSettings,
        event: Event,
        condition: str,
        outcome: Outcome | None,
    ) -> None:
        destination = settings.on_success if condition == "Success" else settings.on_failure
        problem = None
        if destination and state is self._state:
            moment = datetime.fromtimestamp(self._clock.now() / _SECOND, UTC)
            about = {"payload": event.payload, "request": event.request, "attempts": event.attempts}
            record = record_of(function, about, condition, outcome, moment)
            problem = deliver(self._actors, function, destination, record, moment)
        with self._changed:
            state.counts[condition] += 1
            state.problems += [problem] if problem else []


def _copy(event: Event) -> Event:
    return Event(
        function=event.function,
        region=event.region,
        payload=event.payload,
        request=event.request,
        received=event.received,
    )
