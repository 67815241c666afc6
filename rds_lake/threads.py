"""Work in threads that ends when whoever asked for it ends: by an error, an interrupt, or a run that is cancelled.

    stop = Stop()
    results = in_threads(scan_segment, segments, threads=16, name="scan", stop=stop)   # scan_segment asks stop.check()

A pool of the standard library waits on its way out until everything that was begun has ended by itself, and once more when
the interpreter exits: a cancelled run then goes on for hours. Here the first error, or whatever is raised in the thread
that waits (KeyboardInterrupt, Dagster's DagsterExecutionInterruptedError), tells all threads to stop. They are given some
seconds for that. A call that hangs longer is left behind in a thread that keeps no process alive, and that stops as soon
as it looks.

What belongs here: threads and their end. It knows nothing of what is done in them.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import BinaryIO, Generic, TypeVar, cast

T = TypeVar("T")
R = TypeVar("R")

PATIENCE = 5.0  # seconds that threads have to stop in
_SLICE = 0.5  # seconds of sleep between two looks


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
        if total:
            job.settled.wait()
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
            if self.failure is None or isinstance(self.failure, StoppedError):
                self.failure = error
        self.stop.set()
        self.settled.set()


def _wait_for(crew: Iterable[threading.Thread], patience: float) -> None:
    deadline = time.monotonic() + patience
    for thread in crew:
        if thread.ident is not None:
            thread.join(max(0.0, deadline - time.monotonic()))
