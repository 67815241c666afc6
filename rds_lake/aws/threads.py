"""Threads that end when their caller does.

A plain `ThreadPoolExecutor` waits at its end for everything that is queued, and what is under way repeats its calls for minutes:
an interrupted run would go on for as long as an undisturbed one. Here an interrupt, a cancelled run or an error empties the
queue, and the threads' own calls of AWS are not repeated any more (`clients.py` asks `check`).

What belongs here: starting and ending threads. What they do is the caller's.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any


class Cancelled(BaseException):
    """Raised in a thread whose caller has ended. No `Exception`: nobody may take it for the outcome of the work."""


_own = threading.local()


class _Pool(ThreadPoolExecutor):
    """`stop` ends it, `first` is the first error of its work."""

    def __init__(self, threads: int, name: str) -> None:
        self.stop = threading.Event()
        self.first: BaseException | None = None
        super().__init__(threads, name, initializer=_obey, initargs=((*_stops(), self.stop),))

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        return super().submit(self._guarded, fn, *args, **kwargs)

    def _guarded(self, work: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        check()
        try:
            return work(*args, **kwargs)
        except Cancelled:
            raise
        except BaseException as error:
            self.first = self.first or error
            self.stop.set()
            raise


@contextmanager
def cancelling_threads(threads: int, name: str) -> Iterator[ThreadPoolExecutor]:
    """A pool whose threads end within seconds when the block is left by an error or an interrupt.

    So they do when one piece of work raises, and its error is what the caller gets. Threads call `check` in whatever they
    repeat or wait for. Pools inside of a pool's threads end with it.
    """
    pool = _Pool(threads, name)
    try:
        yield pool
    except Cancelled:
        if pool.first is not None:
            raise pool.first from None
        raise
    except BaseException:
        pool.stop.set()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def check() -> None:
    """Cancelled when the caller of this thread has ended."""
    if any(stop.is_set() for stop in _stops()):
        raise Cancelled


@contextmanager
def undisturbed() -> Iterator[None]:
    """For what has to be put right when the work is given up: `check` passes."""
    stops, _own.stops = _stops(), ()
    try:
        yield
    finally:
        _own.stops = stops


def _stops() -> tuple[threading.Event, ...]:
    return getattr(_own, "stops", ())


def _obey(stops: tuple[threading.Event, ...]) -> None:
    _own.stops = stops
