"""The state of something that takes its time to be made and to go."""

from __future__ import annotations

from dataclasses import dataclass, field

MINUTE = 60_000_000
GONE = ""


@dataclass(slots=True)
class Life:
    """A state now, and the states that follow by themselves: (from when on, in microseconds; which, GONE for none at all)."""

    state: str
    follows: list[tuple[int, str]] = field(default_factory=list)

    def at(self, now: int) -> str:
        """The state at a time, which never goes back."""
        while self.follows and self.follows[0][0] <= now:
            self.state = self.follows.pop(0)[1]
        return self.state

    def become(self, state: str, now: int, minutes: float, then: str) -> None:
        """A state for some minutes, then another one."""
        self.state, self.follows = state, [(now + round(minutes * MINUTE), then)]
        self.at(now)
