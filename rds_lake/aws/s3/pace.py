"""How many requests may be sent at once, and when a refused request is repeated.

The number follows S3's answers. While S3 answers, the number grows as long as the sending thread has time left: 256 requests of
20 ms keep a thread busy, 256 of 50 ms leave it idle half of the time. When S3 refuses more than a few requests (503 SlowDown), the
number is halved.

A few 503 are no reason to slow down: S3 sends them while it moves a busy prefix to more machines, so the request is only
repeated. If halving does not lower the share of refused requests, this process is not the cause: others use the same bucket, or
S3 has a problem. Slowing down would then cost hours and change nothing, so the number grows again, and a refused request is
repeated after a short pause. A long pause would not improve its chance, and at its end a run would wait for the few requests that
were refused six or seven times.

What belongs here: arithmetic. Nothing here waits or sends.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

_SHARE = 0.05  # a larger share of 503 among the last answers means: slow down
_UNBEARABLE = (
    0.6  # above this share the limit is always halved: if the requests are the cause, half of them get a third of it
)
_MENDED = 0.8  # part of the share before; chance alone changes a window's share less
_LEAST = 8
_SHORTEST_WINDOW = 32
_FIRST = 256  # requests at once at the beginning
_BUSY = 0.9  # load above which more requests at once do not make a thread faster


@dataclass(frozen=True, slots=True)
class Patience:
    """How often a request is attempted, and the longest pause before a repetition, in seconds."""

    tries: int
    longest: float


YIELDING = Patience(tries=8, longest=5.0)  # S3 may need the time: pauses grow
BEARING = Patience(
    tries=16, longest=0.2
)  # some 503 cannot be avoided: with 3 in 10, 8 tries lose 66 requests of a million


@dataclass(slots=True)
class Pace:
    """The `limit` of requests at once, at most `most`, recomputed after every window of answers.

    `load` returns the share of the time since its last call in which the sending thread was busy, from 0 to 1.
    """

    most: int
    load: Callable[[], float] = lambda: 0.0
    limit: int = field(init=False)
    lowest: int = field(init=False)
    _answers: int = 0
    _slow: int = 0
    _before: float = 0.0  # the share at the last halving, otherwise 0
    _borne: float = _SHARE
    _halved: bool = False

    def __post_init__(self) -> None:
        self.limit = self.lowest = min(self.most, _FIRST)

    @property
    def patience(self) -> Patience:
        """Returns how to repeat a refused request, based on S3's answers so far."""
        return BEARING if self._borne > _SHARE else YIELDING

    def answered(self, *, slow: bool) -> bool:
        """Count one answer; `slow` for a 503. Returns whether the limit changed."""
        self._answers += 1
        self._slow += slow
        if self._answers < max(self.limit, _SHORTEST_WINDOW):
            return False
        before = self.limit
        self._judge(self._slow / self._answers)
        self.lowest = min(self.lowest, self.limit)
        self._answers = self._slow = 0
        return self.limit != before

    def _judge(self, share: float) -> None:
        """Halve the limit, double it again, or raise it a little, by the share of 503 among the last answers."""
        if share <= self._borne:
            self._borne = max(_SHARE, min(self._borne, 2 * share))
            self._before = 0.0
            self.limit = min(self.most, max(self.limit, self._grown()))
        elif _MENDED * self._before <= share < _UNBEARABLE and self._before:
            # Halving may have seemed useless by chance only, so a growing share is tested again.
            self._borne, self._before, self._halved = min(2 * share, _UNBEARABLE), 0.0, False
            self.limit = min(self.most, self.limit * 2)
        else:
            self._before = share
            self._halved = True
            self.limit = max(min(_LEAST, self.most), self.limit // 2)

    def _grown(self) -> int:
        """Returns twice the limit until the first refusals of S3, later an eighth more; never more than the thread has time for."""
        step = max(1, self.limit // 8) if self._halved else self.limit
        useful = self.limit * _BUSY / max(self.load(), _BUSY / self.most)
        return min(self.limit + step, int(useful))


def pause(attempt: int, jitter: float, longest: float = YIELDING.longest) -> float:
    """Returns the seconds before the repetition after `attempt` failures, at most `longest`.

    `jitter` in [0, 1) prevents that many refused requests are repeated at the same time.
    """
    return min(longest, 0.05 * 2**attempt) * (0.5 + jitter / 2)
