"""Work in threads that ends when whoever asked for it ends: by an error, an interrupt, or a run that is cancelled.

    results = in_threads(scan_segment, segments, threads=16, name="scan", stop=stop)   # long work asks stop.check()
    with cancelling_threads(8, "glue") as pool: …                                      # calls of AWS ask check() by themselves

A pool of the standard library waits on its way out until everything that was begun has ended by itself, and once more when
the interpreter exits: a cancelled run then goes on for hours. Here the first error, or whatever is raised in the thread
that waits (KeyboardInterrupt, Dagster's DagsterExecutionInterruptedError), tells all threads to stop. They are given some
seconds for that; calls of AWS are not repeated any more (`aws/clients.py` asks `check`). A call that hangs longer is left
behind by `in_threads`, in a thread that keeps no process alive, and that stops as soon as it looks; `cancelling_threads` waits
for it.

What belongs here: threads and their end. It knows nothing of what is done in them.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Generic, TypeVar, cast

T = TypeVar("T")
R = TypeVar("R")

PATIENCE = 5.0  # seconds that threads have to stop in
_SLICE = 0.5  # seconds of sleep between two looks


class Cancelled(BaseException):
    """Raised in a thread whose caller has ended. No `Exception`: nobody may take it for the outcome of the work."""


class StoppedError(Exception):
    """Work ends because it was told to. Raised in its thread; whoever waits gets the cause instead."""


class Stop:
    """Whether work is to end. Set once, by anybody; looked at by those who work."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def set(self) -> None:
        """Everybody is to end who looks at this."""
        self._event.set()

    @property
    def is_set(self) -> bool:
        return self._event.is_set()

    def wait(self, seconds: float) -> bool:
        """Wait so long, less when told to end; whether that was."""
        return self._event.wait(seconds)

    def check(self) -> None:
        """Raises StoppedError once set."""
        if self._event.is_set():
            raise StoppedError("told to stop")

    def pausing(self, sleep: Callable[[float], None]) -> Callable[[float], None]:
        """The sleep, in slices between which it ends with StoppedError when told to."""

        def pause(seconds: float) -> None:
            while seconds > 0:
                self.check()
                sleep(min(seconds, _SLICE))
                seconds -= _SLICE
            self.check()

        return pause

    def reading(self, stream: BinaryIO) -> BinaryIO:
        """The stream, whose reads raise StoppedError once set."""
        return cast(BinaryIO, _Watched(stream, self))


class _Watched:
    """A binary stream that is read from front to back."""

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
    """What `work` gives for each of the items, in their order; so many at a time.

    The first error is raised, and nothing is begun after it. `stop` is set then, and also when this thread is interrupted:
    work that takes long looks at it. Threads that have not ended `patience` seconds later are left to end by themselves.
    """
    numbered = list(enumerate(items))
    total = len(numbered)
    job = _Job(work=work, waiting=deque(numbered), total=total, stop=stop or Stop())
    crew = [threading.Thread(target=job.work_off, name=f"{name}_{n}", daemon=True) for n in range(min(threads, total))]
    try:
        for thread in crew:
            thread.start()
        # In slices: an interrupt that the system gives to another thread does not wake this one, and would be lost.
        while total and not job.settled.wait(_SLICE):
            pass
        if job.failure is not None:
            raise job.failure
    except BaseException:
        job.stop.set()
        _wait_for(crew, patience)
        raise
    _wait_for(crew, patience)
    return [job.results[place] for place in range(total)]


@dataclass(slots=True, kw_only=True)
class _Job(Generic[T, R]):
    """Items that wait, and what became of the others."""

    work: Callable[[T], R]
    waiting: deque[tuple[int, T]]
    total: int
    stop: Stop
    above: tuple[Stop, ...] = field(default_factory=lambda: _stops())
    results: dict[int, R] = field(default_factory=dict)
    failure: BaseException | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)
    settled: threading.Event = field(default_factory=threading.Event)

    def work_off(self) -> None:
        """A thread's life."""
        while self.failure is None:
            try:
                place, item = self.waiting.popleft()
            except IndexError:
                return
            try:
                self.stop.check()
                with _obeying(*self.above, self.stop):
                    result = self.work(item)
            except BaseException as error:  # noqa: BLE001 - handed to the thread that waits, which raises it
                self._failed(error)
                return
            with self.lock:
                self.results[place] = result
                if len(self.results) == self.total:
                    self.settled.set()

    def _failed(self, error: BaseException) -> None:
        with self.lock:
            # Those that were told to stop say nothing of why.
            if self.failure is None or isinstance(self.failure, StoppedError | Cancelled):
                self.failure = error
        self.stop.set()
        self.settled.set()


def _wait_for(crew: Iterable[threading.Thread], patience: float) -> None:
    deadline = time.monotonic() + patience
    for thread in crew:
        if thread.ident is not None:
            thread.join(max(0.0, deadline - time.monotonic()))


_own = threading.local()


class _Awaited(Future[Any]):
    """Waited for in slices: an interrupt that the system gives to another thread does not wake the one that waits."""

    def result(self, timeout: float | None = None) -> Any:
        while timeout is None and not self.done():
            with suppress(TimeoutError):
                super().result(_SLICE)
        return super().result(timeout)


class _Pool(ThreadPoolExecutor):
    """`stop` ends it, `first` is the first error of its work."""

    def __init__(self, threads: int, name: str) -> None:
        self.stop = Stop()
        self.first: BaseException | None = None
        super().__init__(threads, name, initializer=_obey, initargs=((*_stops(), self.stop),))

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future = super().submit(self._guarded, fn, *args, **kwargs)
        future.__class__ = _Awaited  # `map` waits by `result` as well
        return future

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
    if any(stop.is_set for stop in _stops()):
        raise Cancelled


@contextmanager
def undisturbed() -> Iterator[None]:
    """For what has to be put right when the work is given up: `check` passes."""
    stops, _own.stops = _stops(), ()
    try:
        yield
    finally:
        _own.stops = stops


@contextmanager
def _obeying(*stops: Stop) -> Iterator[None]:
    """Within, `check` of this thread looks at these."""
    before = _stops()
    _obey(stops)
    try:
        yield
    finally:
        _obey(before)


def _stops() -> tuple[Stop, ...]:
    return getattr(_own, "stops", ())


def _obey(stops: tuple[Stop, ...]) -> None:
    _own.stops = stops
