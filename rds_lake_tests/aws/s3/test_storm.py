"""How long thousands of requests take while S3 refuses some, in simulated time: no socket, and the machine's noise is out of it.

The simulated S3 answers after 20 ms and, with the client on the same machine, 11,000 requests a second at most, as
`bench/relocate.py` measures it. What is left of the time are pauses and a pace that is too low, which these tests bound.
"""

import asyncio
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from rds_lake.aws.s3 import batch as s3_batch
from rds_lake.aws.s3.batch import Batch
from rds_lake.aws.s3.connection import Answer
from rds_lake.aws.s3.sign import S3Request

Refuses = Callable[[float, random.Random], bool]
Send = Callable[..., "Course"]
LATENCY, WORK = 0.02, 0.00009  # seconds until an answer, and of the busiest thread per request
REQUESTS = 8_000


class SimulatedLoop(asyncio.SelectorEventLoop):
    """An event loop whose time passes only while nothing is to be done, and then at once."""

    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0
        selector: Any = self._selector  # type: ignore[attr-defined]
        select = selector.select

        def at_once(timeout: float | None = None) -> Any:
            self._now += timeout or 0.0
            return select(0)

        selector.select = at_once

    def time(self) -> float:
        return self._now


@dataclass
class SimulatedS3:
    """Answers 503 where `refuses` says so, given the time and the dice; counts what it was asked."""

    loop: SimulatedLoop
    refuses: Refuses
    asked: int = 0
    refused: int = 0
    free_at: float = 0.0
    busy: float = 0.0
    dice: random.Random = field(default_factory=lambda: random.Random(11))

    async def answer(self) -> Answer:
        now = self.loop.time()
        self.free_at = max(now, self.free_at) + WORK
        self.busy += WORK
        self.asked += 1
        await asyncio.sleep(self.free_at - now + LATENCY)
        slow = self.refuses(self.loop.time(), self.dice)
        self.refused += slow
        return Answer(503 if slow else 200, {}, b"")

    def load(self, clock: Callable[[], float]) -> Callable[[], float]:
        """As the batch asks it of its thread: the share of the time since the last call that was work."""
        last = [clock(), self.busy]

        def load() -> float:
            passed, worked = clock() - last[0], self.busy - last[1]
            last[:] = clock(), self.busy
            return worked / passed if passed else 1.0

        return load


@dataclass(frozen=True)
class Course:
    """How a batch went: simulated seconds, requests S3 saw and refused, and requests that boto3 would have to repeat."""

    seconds: float
    asked: int
    refused: int
    left: int


@pytest.fixture
def send(monkeypatch: pytest.MonkeyPatch) -> Iterator[Send]:
    loop = SimulatedLoop()

    def send(refuses: Refuses, requests: int = REQUESTS) -> Course:
        s3, left, began = SimulatedS3(loop, refuses), list[S3Request](), loop.time()
        s3.free_at = began

        async def once(*_: Any) -> Answer:
            return await s3.answer()

        def on_answer(request: S3Request, answer: Answer | None) -> None:
            if answer is None:
                left.append(request)

        monkeypatch.setattr(Batch, "_once", once)
        monkeypatch.setattr(s3_batch, "_load", s3.load)
        batch = Batch(
            signer=None,  # type: ignore[arg-type] - `_once` would ask it
            requests=(S3Request("PUT", "lake", str(number)) for number in range(requests)),
            on_answer=on_answer,
            most=512,
            jitter=random.Random(5).random,
            clock=loop.time,
            trusted=None,
        )
        loop.run_until_complete(batch.send())
        return Course(loop.time() - began, s3.asked, s3.refused, len(left))

    yield send
    loop.close()


def at_random(share: float) -> Refuses:
    return lambda _, dice: dice.random() < share


@pytest.mark.exhaustive
@pytest.mark.parametrize(("share", "times"), [(0.01, 1.15), (0.1, 3), (0.3, 3), (0.5, 6)])
def test_a_share_refused_whatever_we_do_costs_little_more_than_its_repetitions(
    send: Send, share: float, times: float
) -> None:
    """With pauses that double up to 5 s, the few requests refused seven times made 30 % cost 8 times the time."""
    calm, storm = send(at_random(0)), send(at_random(share))
    assert (calm.asked, calm.refused) == (REQUESTS, 0)
    assert storm.refused == pytest.approx(storm.asked * share, rel=0.3)
    assert storm.seconds < times * calm.seconds
    assert storm.left <= REQUESTS * 0.0001, "boto3 repeats those, one by one"


@pytest.mark.parametrize("capacity", [500, 2_000])
def test_an_s3_that_takes_only_so_many_a_second_is_used_fully_and_asked_twice_as_often_at_most(
    send: Send, capacity: int
) -> None:
    tokens, filled_at = capacity / 10, None

    def refuses(now: float, _: random.Random) -> bool:
        nonlocal tokens, filled_at
        tokens = min(capacity / 10, tokens + (now - (now if filled_at is None else filled_at)) * capacity)
        filled_at = now
        if tokens < 1:
            return True
        tokens -= 1
        return False

    course = send(refuses)
    assert course.seconds < 1.3 * REQUESTS / capacity
    assert course.asked < 2.2 * REQUESTS


def test_an_s3_that_refuses_everything_is_given_up_after_as_few_tries_as_ever(
    send: Send,
) -> None:
    course = send(lambda *_: True, 500)
    assert (course.left, course.asked) == (500, 8 * 500)
