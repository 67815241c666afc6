"""Thousands of small S3 requests at the limit of S3 instead of Python's: one event loop, connections kept open.

boto3 spends 1.7 ms of Python per request, so that no number of threads makes more than 600 a second (docs/decisions/0010).
Here a request is one signature and one write, and its answer one parse in C. Only plain answers are dealt with: what is
neither success nor "slow down" comes back as `None`, and the caller asks again through boto3, which knows every error.

What belongs here: who sends when, repetition, trust. One connection is `s3_connection.py`, how many at once `s3_pace.py`;
what the requests and answers mean, `s3_many.py`.
"""

from __future__ import annotations

import asyncio
import os
import random
import resource
import ssl
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.request import getproxies, proxy_bypass

import uvloop
from botocore.credentials import ReadOnlyCredentials
from botocore.httpsession import get_cert_path

from rds_lake.aws.s3_connection import Answer, Connection
from rds_lake.aws.s3_pace import Pace, pause
from rds_lake.aws.s3_sign import Place, S3Request, S3Signer

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

THREADS = 512  # requests at once where they are of use (s3_pace.py): at 50 ms each 256 make 5,000 a second
_ATTEMPTS = 8
_SILENCE_SECONDS = 60.0  # S3 sends white space while a long copy is under way
_AGAIN = (500, 502, 503, 504)


# Called with the request and its answer, None where boto3 has to be asked; returns a request to send next on the
# same connection, such as the next page, or None.
OnAnswer = Callable[[S3Request, Answer | None], S3Request | None]


class Wire:
    """Sends requests to the buckets a signer knows, `most` at once."""

    def __init__(
        self,
        signer: S3Signer,
        *,
        most: int = THREADS,
        jitter: Callable[[], float] = random.random,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.signer, self.most, self._jitter, self._clock = signer, most, jitter, clock

    def limited(self, most: int) -> Wire:
        """The same wire with another number of requests at once."""
        return Wire(self.signer, most=most, jitter=self._jitter, clock=self._clock)

    def send_all(self, requests: Iterable[S3Request], on_answer: OnAnswer) -> Pace:
        """Send every request, each repeated while S3 says to slow down; returns how the pace went.

        `requests` is drawn from as connections come free. `on_answer` is called in another thread, one call at a time;
        what it raises ends everything and is raised here.
        """
        batch = _Batch(self, iter(requests), on_answer)
        with ThreadPoolExecutor(1, thread_name_prefix="s3-wire") as pool:
            running = pool.submit(batch.run)
            try:
                return running.result()
            finally:
                batch.stop()  # an interrupted run must not go on sending what is queued

    @classmethod
    def of(
        cls, client: S3Client, keys: Callable[[], ReadOnlyCredentials] | None, *, most: int = THREADS
    ) -> Wire | None:
        """The wire to where the client goes; None where only boto3 gets there: through a proxy, or unsigned."""
        signer = S3Signer.of(client, keys) if keys is not None else None
        config: Any = client.meta.config
        proxied = config.proxies or _proxied(client.meta.endpoint_url)
        return None if signer is None or proxied else cls(signer, most=most)


def _proxied(url: str) -> bool:
    scheme, _, rest = url.partition("://")
    return scheme in getproxies() and not proxy_bypass(rest.partition("/")[0].partition(":")[0])


@dataclass(slots=True)
class _Batch:
    """One call of `send_all`."""

    wire: Wire
    requests: Iterator[S3Request]
    on_answer: OnAnswer
    _loop: asyncio.AbstractEventLoop | None = None
    _main: asyncio.Task[Pace] | None = None
    _stopped: bool = False
    _open: list[Connection] = field(default_factory=list)
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _tls: ssl.SSLContext | None = None  # 30 ms of CPU each: reading the bundle of certificates

    def run(self) -> Pace:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(self._run())

    def stop(self) -> None:
        self._stopped = True
        loop, main = self._loop, self._main
        if loop is not None and main is not None and not loop.is_closed():
            loop.call_soon_threadsafe(main.cancel)

    async def _run(self) -> Pace:
        self._loop, self._main = asyncio.get_running_loop(), asyncio.current_task()
        pace = Pace(most=most_sockets(self.wire.most), load=_load(self.wire._clock))
        watch = asyncio.create_task(self._watch())
        workers = [asyncio.create_task(self._work(number, pace)) for number in range(pace.most)]
        try:
            await asyncio.gather(*workers)
        finally:
            for task in (watch, *workers):
                task.cancel()
            await asyncio.gather(watch, *workers, return_exceptions=True)
            for connection in self._open:
                connection.close()
        return pace

    async def _watch(self) -> None:
        """A connection that has fallen silent is cut; the request is repeated on another."""
        while True:
            await asyncio.sleep(1)
            now = self.wire._clock()
            for connection in self._open:
                connection.cut_if_silent(now - _SILENCE_SECONDS)

    async def _work(self, number: int, pace: Pace) -> None:
        connections: dict[tuple[str, int], Connection] = {}
        while not self._stopped:
            if number >= pace.limit:
                await self._wake.wait()
                continue
            request = next(self.requests, None)
            if request is None:
                self._stopped = True
            while request is not None:
                answer = await self._settle(request, connections, pace)
                request = self.on_answer(request, answer)
        self._wake.set()

    async def _settle(
        self, request: S3Request, connections: dict[tuple[str, int], Connection], pace: Pace
    ) -> Answer | None:
        """The plain answer, after repetitions, or None."""
        for attempt in range(_ATTEMPTS):
            answer = await self._once(request, connections)
            again = answer is None or answer.status in _AGAIN or _failed_late(answer)
            slow = answer is not None and answer.status == 503
            if pace.answered(slow=slow) or self._stopped:
                self._wake.set()
                self._wake.clear()
            if not again:
                return answer if answer is not None and answer.status in (200, 204, 206) else None
            await asyncio.sleep(pause(attempt, self.wire._jitter()))
        return None

    async def _once(self, request: S3Request, connections: dict[tuple[str, int], Connection]) -> Answer | None:
        place = self.wire.signer.place(request.bucket)
        where = (place.host, place.port)
        try:
            connection = connections.get(where)
            if connection is None or connection.closed:
                connection = connections[where] = await self._connect(place)
            target, headers = self.wire.signer.sign(request)
            return await connection.ask(request.method, target, headers, request.body)
        except OSError:  # refused, reset, no such host, no valid certificate: boto3 words it, if it stays so
            return None

    async def _connect(self, place: Place) -> Connection:
        loop = asyncio.get_running_loop()
        if place.secure and self._tls is None:
            self._tls = _trust()
        context = self._tls if place.secure else None
        _, connection = await loop.create_connection(
            lambda: Connection(self.wire._clock, loop), place.host, place.port, ssl=context
        )
        self._open = [known for known in self._open if not known.closed]
        self._open.append(connection)
        return connection


def _failed_late(answer: Answer) -> bool:
    """S3 begins a long copy's answer with 200 before it knows the end (aws-facts 7)."""
    start = answer.body[:512]
    return answer.status == 200 and b"<Error>" in start and b"<DeleteResult" not in start


def most_sockets(wanted: int) -> int:
    """As many of the wanted connections as leave half of the process's file descriptors to others."""
    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return wanted if allowed == resource.RLIM_INFINITY else max(1, min(wanted, allowed // 2))


def _load(clock: Callable[[], float]) -> Callable[[], float]:
    """The share of the time between two calls that the calling thread was busy."""
    last = [clock(), time.thread_time()]

    def load() -> float:
        now = [clock(), time.thread_time()]
        passed, worked = now[0] - last[0], now[1] - last[1]
        last[:] = now
        return worked / passed if passed > 0 else 1.0

    return load


def _trust() -> ssl.SSLContext:
    """botocore's trust: AWS_CA_BUNDLE, else its own bundle."""
    return ssl.create_default_context(cafile=os.environ.get("AWS_CA_BUNDLE") or get_cert_path(True))
