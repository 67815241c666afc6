"""The state of an object that takes time to be created and deleted."""

from __future__ import annotations

from dataclasses import dataclass, field

MINUTE = 60_000_000
GONE = ""


@dataclass(slots=True)
class Life:
    """A state, and the states that follow it automatically: (from when on, in microseconds; which, GONE for deleted)."""

    state: str
    follows: list[tuple[int, str]] = field(default_factory=list)

    def at(self, now: int) -> str:
        """Returns the state at a time, which never goes back."""
        while self.follows and self.follows[0][0] <= now:
            self.state = self.follows.pop(0)[1]
        return self.state

    def become(self, state: str, now: int, minutes: float, then: str) -> None:
        """Set a state for some minutes, then another one."""
        self.state, self.follows = state, [(now + round(minutes * MINUTE), then)]
        self.at(now)
