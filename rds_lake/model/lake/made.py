"""Sequences whose items are made when asked for: a million of them cost what is needed to make one.

What belongs here: the sequence. What it is of, the stages know.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar, overload

T = TypeVar("T")


class Made(Sequence[T]):
    """A sequence that keeps no items."""

    @abstractmethod
    def make(self, at: int) -> T:
        """The item at a position from 0 to the length."""

    @overload
    def __getitem__(self, at: int) -> T: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[T]: ...
    def __getitem__(self, at: int | slice) -> T | Sequence[T]:
        positions = range(len(self))[at]
        return self.make(positions) if isinstance(positions, int) else [self.make(one) for one in positions]

    def __iter__(self) -> Iterator[T]:
        return (self.make(one) for one in range(len(self)))


class MadeBy(Made[T]):
    """`count` items, each made by a function of its position."""

    def __init__(self, count: int, make: Callable[[int], T]) -> None:
        self._count, self._make = count, make

    def __len__(self) -> int:
        return self._count

    def make(self, at: int) -> T:
        return self._make(at)
