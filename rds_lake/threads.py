"""Work in threads that ends when its caller ends: by an error, an interrupt, or a run that is cancelled.

    results = in_threads(scan_segment, segments, threads=16, name="scan", stop=stop)   # long work asks stop.check()
    with cancelling_threads(8, "glue") as pool: …                                      # calls of AWS ask check() by themselves

A pool of the standard library waits at its end, and again when the interpreter exits, until all started work has finished: a
cancelled run then works for hours more. Here the first error of a thread, or any exception in the thread that waits
(KeyboardInterrupt, Dagster's DagsterExecutionInterruptedError), stops all threads within seconds; calls of AWS are cancelled
(`aws/budget.py`) and not repeated. If a call does not end in time, `in_threads` returns and leaves its daemon thread, which ends
at its next `check`; `cancelling_threads` waits for it.

What belongs here: threads and their end, for any kind of work.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_EXCEPTION, Executor, Future, wait
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any, BinaryIO, TypeVar, cast

T = TypeVar("T")
R = TypeVar("R")

PATIENCE = 5.0  # seconds that threads get to stop
_SLICE = 0.5  # seconds of sleep between two looks


_own = threading.local()  # `stops`: what ends this thread


class Cancelled(BaseException):
    """Raised in a thread whose caller has ended. It is a BaseException, so that no `except Exception` catches it."""


class StoppedError(Exception):
    """Raised in a thread whose `Stop` was set. The caller gets the cause instead, if there is one."""


class Stop:
    """A request to end work. It is set once, from any thread; the work checks it."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._waits: list[Callable[[], None]] = []  # functions that end the current waits
        self._lock = threading.RLock()  # reentrant: a signal handler may call `set` while `set` runs

    def set(self) -> None:
        """End all work that checks this, and its waits."""
        self._event.set()
        with self._lock:
            for end in self._waits:
                end()

    @contextmanager
    def breaking_off(self, end: Callable[[], None]) -> Iterator[None]:
        """Inside the block, `set` also calls `end`; see the function of the same name."""
        with self._lock:
            self._waits.append(end)
        try:
            yield
        finally:
            with self._lock:
                self._waits.remove(end)

    @property
    def is_set(self) -> bool:
        return self._event.is_set()

    def wait(self, seconds: float) -> bool:
        """Wait for `seconds`, or until this is set; returns whether it is set."""
        return self._event.wait(seconds)

    def check(self) -> None:
        """Raises StoppedError once set."""
        if self._event.is_set():
            raise StoppedError("stopped")

    def pausing(self, sleep: Callable[[float], None]) -> Callable[[float], None]:
        """Returns `sleep` in slices; StoppedError ends it between two slices once this is set."""

        def pause(seconds: float) -> None:
            while seconds > 0:
                self.check()
                sleep(min(seconds, _SLICE))
                seconds -= _SLICE
            self.check()

        return pause

    def reading(self, stream: BinaryIO) -> BinaryIO:
        """Returns the stream; its reads raise StoppedError once this is set."""
        return cast(BinaryIO, _Watched(stream, self))


class _Watched:
    """A binary stream whose reads check a `Stop`."""

    def __init__(self, stream: BinaryIO, stop: Stop) -> None:
        self._stream, self._stop = stream, stop

    def read(self, size: int = -1) -> bytes:
        self._stop.check()
        return self._stream.read(size)

    def close(self) -> None:
        self._stream.close()

    def __enter__(self) -> _Watched:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def in_threads(
    work: Callable[[T], R],
    items: Iterable[T],
    *,
    threads: int,
    name: str,
    stop: Stop | None = None,
    patience: float = PATIENCE,
) -> list[R]:
    """Returns the results of `work` for the items, in their order; `threads` of them run at once.

    The first error is raised, and no further item is started. `stop` is set then, and also when this thread is interrupted:
    work that takes long checks it. Threads that have not ended `patience` seconds later continue in the background until they check.
    """
    pool = _Pool(threads, name, stop or Stop())
    with pool.ending(patience):
        futures = [pool.submit(work, item) for item in items]
        pending = set(futures)
        while pending:
            check()
            # In slices: an interrupt that the system gives to another thread does not wake this one, and would be lost.
            done, pending = wait(pending, _SLICE, FIRST_EXCEPTION)
            if pool.first is not None:
                raise pool.first
            for future in done:
                future.result()
        return [future.result() for future in futures]


@contextmanager
def cancelling_threads(
    threads: int, name: str, patience: float | None = None, *, interrupt: Callable[[], None] | None = None
) -> Iterator[Executor]:
    """A pool whose threads end within seconds when the block is left by an error or an interrupt.

    They also end when one piece of work raises; the caller gets that error. Threads call `check` in every loop and wait. The
    block ends when all threads have ended, or `patience` seconds later if it is given. Pools inside of a pool's threads end
    with it.

    `interrupt` ends what threads wait for, such as a statement of a database. It is called repeatedly until all threads have
    ended, because a thread that was between two statements starts the next one.
    """
    pool = _Pool(threads, name, Stop(), interrupt)
    with pool.ending(patience):
        yield pool


class _Awaited(Future[Any]):
    """A future that is waited for in slices: an interrupt that another thread receives does not wake the waiting thread."""

    def result(self, timeout: float | None = None) -> Any:
        while timeout is None and not self.done():
            check()  # this thread may itself have a caller, which may have ended
            with suppress(TimeoutError):
                super().result(_SLICE)
        return super().result(timeout)


class _Pool(Executor):
    """Daemon threads: they do not keep the process alive. `stop` ends them; `first` is the first error of their work."""

    def __init__(self, threads: int, name: str, stop: Stop, interrupt: Callable[[], None] | None = None) -> None:
        self.stop = stop
        self._interrupt = interrupt
        self.first: BaseException | None = None
        self._most, self._name = threads, name
        self._above = _stops()
        self._tasks: SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = SimpleQueue()
        self._crew: list[threading.Thread] = []
        self._lock = threading.Lock()

    def submit(self, fn: Callable[..., R], /, *args: Any, **kwargs: Any) -> Future[R]:
        future: Future[R] = _Awaited()  # `map` waits by `result` as well
        self._tasks.put((future, partial(fn, *args, **kwargs)))
        with self._lock:
            if len(self._crew) < self._most:
                name = f"{self._name}_{len(self._crew)}"
                self._crew.append(threading.Thread(target=self._work_off, name=name, daemon=True))
                self._crew[-1].start()
        return future

    @contextmanager
    def ending(self, patience: float | None) -> Iterator[None]:
        """The pool works inside the block. After it, the threads have ended, or `patience` seconds have passed."""
        try:
            yield
        except BaseException as error:
            was_stopped = self.stop.is_set
            self.stop.set()
            self._end(patience)
            # Errors of stopped or unstarted work do not name the cause.
            if isinstance(error, Cancelled | StoppedError) and self.first is not None:
                raise self.first from None
            if isinstance(error, Cancelled) and was_stopped:
                raise StoppedError("stopped") from None
            raise
        self._end(patience)

    def _end(self, patience: float | None) -> None:
        while not self._tasks.empty():
            with suppress(Empty):
                if task := self._tasks.get_nowait():
                    task[0].cancel()
        for _ in self._crew:
            self._tasks.put(None)
        deadline = None if patience is None else time.monotonic() + patience
        for thread in self._crew:
            while self._interrupt is not None and self.stop.is_set and thread.is_alive():
                self._interrupt()
                thread.join(_SLICE)
            thread.join(None if deadline is None else max(0.0, deadline - time.monotonic()))

    def _work_off(self) -> None:
        """Run tasks until the end of the queue; runs in each thread."""
        _obey((*self._above, self.stop))
        while task := self._tasks.get():
            future, work = task
            if future.set_running_or_notify_cancel():
                try:
                    check()
                    future.set_result(work())
                except BaseException as error:  # noqa: BLE001 - handed to the thread that waits, which raises it
                    self._failed(error)
                    future.set_exception(error)

    def _failed(self, error: BaseException) -> None:
        if isinstance(error, Cancelled):
            return
        with self._lock:
            if self.first is None or isinstance(self.first, StoppedError):
                self.first = error
        self.stop.set()


def check() -> None:
    """Raises Cancelled when the caller of this thread has ended."""
    if any(stop.is_set for stop in _stops()):
        raise Cancelled


@contextmanager
def breaking_off(end: Callable[[], None]) -> Iterator[None]:
    """For waits that cannot call `check`: inside the block, another thread calls `end` when the caller of this thread has ended.

    `end` makes the wait fail, returns at once, and raises nothing; it is never called after the block. Raises Cancelled if the caller
    has ended, also if the wait returned a result, which may be incomplete.
    """
    with ExitStack() as stack:
        for stop in _stops():
            stack.enter_context(stop.breaking_off(end))
        check()
        try:
            yield
        finally:
            check()


@contextmanager
def undisturbed() -> Iterator[None]:
    """For work that undoes something after a cancellation: inside the block, `check` does not raise."""
    stops, _own.stops = _stops(), ()
    try:
        yield
    finally:
        _own.stops = stops


def _stops() -> tuple[Stop, ...]:
    return getattr(_own, "stops", ())


def _obey(stops: tuple[Stop, ...]) -> None:
    _own.stops = stops
