"""One call of `Wire.send_all`: workers on one event loop, each with its own connection; refused requests are repeated.

A connection is `connection.py`; the number of busy workers, and their pauses, are decided in `pace.py`.
"""

from __future__ import annotations

import asyncio
import resource
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count

from botocore.httpsession import get_cert_path

from rds_lake.aws.budget import BUDGET_SECONDS, CONNECT_SECONDS
from rds_lake.aws.s3.connection import Answer, Connection
from rds_lake.aws.s3.pace import Pace, pause
from rds_lake.aws.s3.sign import Place, S3Request, S3Signer
from rds_lake.aws.translate import TRUST_ADVICE
from rds_lake.errors import ConfigError, UnavailableError
from rds_lake.threads import Cancelled

_DEAD_SECONDS = 40.0  # without an answer to any request, after which the batch fails
_AGAIN = (500, 502, 503, 504)
_RENEWALS = 2
_CLOSING_ROUNDS = 1000  # rounds of the event loop, a millisecond each, in which sockets may close
_HANDSHAKE_ROUNDS = 100  # the minimum if a handshake was cancelled: asyncio does not report when such a socket closes
_NO_ANSWER = Answer(0, {}, b"")  # none within the time budget, which leaves no time for boto3

# Called with a request and its answer: None if boto3 must repeat the request, an answer of status 0 if the request's time is
# used up, so that boto3 must not repeat it. Returns a request to send next on the same connection, such as the next page, or
# None.
OnAnswer = Callable[[S3Request, Answer | None], S3Request | None]
Connections = dict[tuple[str, int], Connection]  # of a worker, by host and port


@dataclass(slots=True, kw_only=True)
class Batch:
    """Sends `requests`, at most `most` at once. `jitter` in [0, 1) and `clock` in seconds are arguments for tests."""

    signer: S3Signer
    requests: Iterator[S3Request]
    on_answer: OnAnswer
    most: int
    jitter: Callable[[], float]
    clock: Callable[[], float]
    trusted: str | None
    _loop: asyncio.AbstractEventLoop | None = None
    _main: asyncio.Task[Pace] | None = None
    _workers: list[asyncio.Task[None]] = field(default_factory=list)
    _running: int = 0  # number of workers
    _ended: asyncio.Future[None] | None = None
    _stopped: bool = False
    _cancelled: bool = False
    _open: list[Connection] = field(default_factory=list)
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _last: OSError | None = None  # why an attempt had no answer
    _heard: float = 0.0
    _broken_off: int = 0
    _tls: ssl.SSLContext | None = None  # one for all: reading the certificates takes 30 ms of CPU

    def run(self) -> Pace:
        """Send everything on an event loop of this thread. Errors as `Wire.send_all`; Cancelled after `stop`."""
        import uvloop  # only a process that sends needs it, and it is the heaviest import of the wire

        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                return runner.run(self.send())
        except asyncio.CancelledError:
            raise Cancelled from None

    def stop(self) -> None:
        """End `run`, from any thread. A second call changes nothing, because it would interrupt the closing of sockets."""
        self._stopped = True
        loop, main = self._loop, self._main
        if loop is not None and main is not None and not self._cancelled:
            self._cancelled = True
            with suppress(RuntimeError):  # the loop was closed at the same moment
                loop.call_soon_threadsafe(main.cancel)

    async def send(self) -> Pace:
        """Do the work of `run` on the running event loop."""
        self._heard = self.clock()
        self._loop, self._main = asyncio.get_running_loop(), asyncio.current_task()
        pace = Pace(most=most_sockets(self.most), load=_load(self.clock))
        watch = asyncio.create_task(self._watch())
        self._ended = self._loop.create_future()
        self._begin_worker(pace)
        try:
            await self._ended
        finally:
            for task in (watch, *self._workers):
                task.cancel()
            await asyncio.gather(watch, *self._workers, return_exceptions=True)
            await self._close_all()
        return pace

    def _begin_worker(self, pace: Pace) -> None:
        """Start one more worker. A worker that finds a request starts the next one, because most batches have few requests."""
        worker = asyncio.create_task(self._work(len(self._workers), pace))
        self._workers.append(worker)
        self._running += 1
        worker.add_done_callback(self._worker_ended)

    def _worker_ended(self, worker: asyncio.Task[None]) -> None:
        """The batch ends with the last worker, or with the first error."""
        self._running -= 1
        if self._ended is None or self._ended.done():
            return
        error = None if worker.cancelled() else worker.exception()
        if error is not None:
            self._ended.set_exception(error)
        elif not self._running:
            self._ended.set_result(None)

    async def _close_all(self) -> None:
        """Close all sockets, also of connections that were being opened: only then may the event loop end."""
        for connection in self._open:
            connection.close()
        for number in range(_CLOSING_ROUNDS):
            await asyncio.sleep(0.001)
            if number >= self._broken_off and all(connection.gone for connection in self._open):
                return

    async def _watch(self) -> None:
        """Cut a connection that has become silent; its request is repeated on another connection."""
        while True:
            await asyncio.sleep(1)
            now = self.clock()
            for connection in self._open:
                connection.cut_if_silent(now)

    async def _work(self, number: int, pace: Pace) -> None:
        connections: Connections = {}
        while not self._stopped:
            if number >= pace.limit:
                await self._wake.wait()
                continue
            request = next(self.requests, None)
            if request is None:
                self._stopped = True
            elif number + 1 == len(self._workers) < pace.most:
                self._begin_worker(pace)
            while request is not None:
                answer = await self._answer_of(request, connections, pace)
                request = self.on_answer(request, answer)
        self._wake.set()

    async def _answer_of(self, request: S3Request, connections: Connections, pace: Pace) -> Answer | None:
        """Returns the plain answer after repetitions; None, or an answer of status 0, as `OnAnswer` describes."""
        renewed, deadline = 0, self.clock() + BUDGET_SECONDS
        for attempt in count():
            answer = await self._once(request, connections)
            expired = answer is not None and renewed < _RENEWALS and _may_have_expired(answer)
            again = answer is None or answer.status in _AGAIN or _failed_late(answer) or expired
            if pace.answered(slow=answer is not None and answer.status == 503) or self._stopped:
                self._wake.set()
                self._wake.clear()
            if not again:
                return answer if answer is not None and answer.status in (200, 204, 206) else None
            if answer is None and attempt:
                self._require_any_answer(request, deadline - BUDGET_SECONDS)
            if expired:
                renewed += 1
                self.signer.renew()
            patience = pace.patience
            if attempt + 1 >= patience.tries:
                return None
            wait = pause(attempt, self.jitter(), patience.longest)
            if self.clock() + wait > deadline:
                return _NO_ANSWER
            await asyncio.sleep(wait)
        raise AssertionError("unreachable")

    def _require_any_answer(self, request: S3Request, began: float) -> None:
        """UnavailableError if no request has had an answer for too long."""
        silence = self.clock() - max(self._heard, began)
        if silence > _DEAD_SECONDS:
            place = self.signer.place(request.bucket)
            raise UnavailableError(
                f"S3 at {place.authority} has not answered for {silence:.0f} s (bucket {request.bucket}): "
                f"{self._last or 'no answer'}; it can be repeated"
            )

    async def _once(self, request: S3Request, connections: Connections) -> Answer | None:
        """Returns the answer to one attempt, None if the connection ended without an answer."""
        place = self.signer.place(request.bucket)
        where = (place.host, place.port)
        try:
            connection = connections.get(where)
            if connection is None or connection.closed:
                connection = connections[where] = await self._connect(place)
            target, headers = self.signer.sign(request)
            answer = await connection.ask(request.method, target, headers, request.body)
        except ssl.SSLCertVerificationError as error:
            raise ConfigError(
                f"the certificate of S3 at {place.authority} is not trusted: {error.verify_message}; {TRUST_ADVICE}"
            ) from error
        except OSError as error:  # refused, reset, silent, unknown host: boto3 raises the error if it persists
            self._last = error
            return None
        self._heard = self.clock()
        return answer

    async def _connect(self, place: Place) -> Connection:
        loop = asyncio.get_running_loop()
        if place.secure and self._tls is None:
            self._tls = ssl.create_default_context(cafile=self.trusted or get_cert_path(True))
        context = self._tls if place.secure else None
        try:
            # Not `wait_for`: in Python 3.11 it loses a cancellation at the moment in which the connection is made. This worker
            # would then wait for a server that may never answer, after the task that ends silent connections has stopped.
            async with asyncio.timeout(CONNECT_SECONDS):
                _, connection = await loop.create_connection(
                    lambda: Connection(self.clock, loop), place.host, place.port, ssl=context
                )
        except asyncio.CancelledError:
            self._broken_off = _HANDSHAKE_ROUNDS
            raise
        except TimeoutError as error:
            self._broken_off = _HANDSHAKE_ROUNDS
            raise TimeoutError(f"no connection within {CONNECT_SECONDS:.0f} s") from error
        self._open = [known for known in self._open if not known.gone]
        self._open.append(connection)
        return connection


def _failed_late(answer: Answer) -> bool:
    """Whether a copy failed after S3 had answered 200: S3 begins the answer to a long copy before the copy has ended.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
    """
    start = answer.body[:512]
    return answer.status == 200 and b"<Error>" in start and b"<DeleteResult" not in start


def _may_have_expired(answer: Answer) -> bool:
    """Whether the session token may have expired between signing and arrival: the answer to HEAD has no reason."""
    return answer.status == 400 and (not answer.body or b"<Code>ExpiredToken</Code>" in answer.body)


def most_sockets(wanted: int) -> int:
    """Returns how many of the wanted connections leave half of the process's file descriptors to others."""
    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return wanted if allowed == resource.RLIM_INFINITY else max(1, min(wanted, allowed // 2))


def _load(clock: Callable[[], float]) -> Callable[[], float]:
    """Returns a function: the share of the time since its last call in which the calling thread was busy."""
    last = [clock(), time.thread_time()]

    def load() -> float:
        now = [clock(), time.thread_time()]
        passed, worked = now[0] - last[0], now[1] - last[1]
        last[:] = now
        return worked / passed if passed > 0 else 1.0

    return load
