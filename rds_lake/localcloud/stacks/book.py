"""All stacks of the local cloud, and the lock under which they are read and changed."""

from __future__ import annotations

import threading

from rds_lake.localcloud.stacks.refusals import invalid
from rds_lake.localcloud.stacks.state import Stack


class Book:
    """Stacks by id, and those that are not deleted also by name."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._stacks: dict[str, Stack] = {}

    def add(self, stack: Stack) -> None:
        self._stacks[stack.id] = stack

    def all(self, region: str) -> list[Stack]:
        """Returns the stacks of a Region with the deleted ones, newest first."""
        return [stack for stack in reversed(self._stacks.values()) if stack.region == region]

    def get(self, region: str, name: str, *, words: str = "Stack with id {} does not exist") -> Stack:
        """Returns a stack by name or id. ApiError if it does not exist. `words`: AWS's message for the operation."""
        stack = self.find(region, name)
        if stack is None:
            raise invalid(words.format(name))
        return stack

    def find(self, region: str, name: str) -> Stack | None:
        """Returns a stack by name or id; None if it does not exist."""
        if name in self._stacks:
            return self._stacks[name]
        return next((stack for stack in self.all(region) if stack.name == name and not stack.gone), None)

    def forget(self) -> None:
        """Forget all stacks, without deleting their resources."""
        self._stacks.clear()
