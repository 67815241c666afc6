"""How many requests may be under way: as many as S3 answers, fewer while it says SlowDown, more again afterwards.

How many that is depends on how long S3 takes: 256 requests of 20 ms keep a thread busy, of 50 ms they leave it idle half of
the time. So their number grows as long as the thread that sends them has time left.

S3 answers some 503 whenever it moves a busy prefix to more machines, and one in a hundred is no reason to halve anything:
the request is repeated, and that is all. Only a share of them is. Where halving does not mend that share, our pace is not
its cause - others use the bucket, or S3 is in trouble - and going slower would only take hours: it is borne.

What belongs here: the arithmetic. It neither waits nor sends.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

_SHARE = 0.05  # more 503 than this among the last answers: S3 means it
_UNBEARABLE = 0.6  # up to this, half the requests would have brought a third of it if there were too many
_MENDED = 0.8  # of the share before; a window's chance is less
_LEAST = 8
_SHORTEST_WINDOW = 32
_FIRST = 256  # at once before anything is known
_BUSY = 0.9  # a thread without time left answers no sooner for having more to wait for


@dataclass(slots=True)
class Pace:
    """`limit` of at most `most` requests at once, judged anew after every window of answers.

    `load` says which share of the time since it was last asked the sending thread was busy.
    """

    most: int
    load: Callable[[], float] = lambda: 0.0
    limit: int = field(init=False)
    lowest: int = field(init=False)
    _answers: int = 0
    _slow: int = 0
    _before: float = 0.0  # the share that made us halve, 0 when we did not
    _borne: float = _SHARE
    _halved: bool = False

    def __post_init__(self) -> None:
        self.limit = self.lowest = min(self.most, _FIRST)

    def answered(self, *, slow: bool) -> bool:
        """Count one answer; True when the limit has changed by it."""
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
        """Halve, go back to twice as many, or add some, by the share of SlowDown among the last answers."""
        if share <= self._borne:
            self._borne = max(_SHARE, min(self._borne, 2 * share))
            self._before = 0.0
            self.limit = min(self.most, max(self.limit, self._grown()))
        elif _MENDED * self._before <= share < _UNBEARABLE and self._before:
            # Chance may have made the share look unmended: what cannot be borne is judged again.
            self._borne, self._before, self._halved = min(2 * share, _UNBEARABLE), 0.0, False
            self.limit = min(self.most, self.limit * 2)
        else:
            self._before = share
            self._halved = True
            self.limit = max(min(_LEAST, self.most), self.limit // 2)

    def _grown(self) -> int:
        """Twice as many until S3 has objected, carefully afterwards, and none the thread has no time for."""
        step = max(1, self.limit // 8) if self._halved else self.limit
        useful = self.limit * _BUSY / max(self.load(), _BUSY / self.most)
        return min(self.limit + step, int(useful))


def pause(attempt: int, jitter: float) -> float:
    """Seconds before the repetition after `attempt` failures; `jitter` in [0, 1) keeps many from coming back at once."""
    return min(5.0, 0.05 * 2**attempt) * (0.5 + jitter / 2)
