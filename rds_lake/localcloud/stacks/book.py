"""All stacks of the local cloud, and the lock under which they are read and changed."""

from __future__ import annotations

import threading

from rds_lake.localcloud.stacks.refusals import invalid
from rds_lake.localcloud.stacks.state import Stack


class Book:
    """Stacks by their ids; by its name only one that is not deleted."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._stacks: dict[str, Stack] = {}

    def add(self, stack: Stack) -> None:
        self._stacks[stack.id] = stack

    def all(self, region: str) -> list[Stack]:
        """Deleted ones too, the newest first."""
        return [stack for stack in reversed(self._stacks.values()) if stack.region == region]

    def get(self, region: str, name: str, *, words: str = "Stack with id {} does not exist") -> Stack:
        """By name or id; ApiError in the words that AWS has for the operation."""
        stack = self.find(region, name)
        if stack is None:
            raise invalid(words.format(name))
        return stack

    def find(self, region: str, name: str) -> Stack | None:
        """By name or id; None when there is none."""
        if name in self._stacks:
            return self._stacks[name]
        return next((stack for stack in self.all(region) if stack.name == name and not stack.gone), None)

    def forget(self) -> None:
        """Forget all stacks; nothing is deleted."""
        self._stacks.clear()
