"""Thousands of small S3 requests at the limit of S3 instead of Python's: one event loop, connections kept open.

boto3 spends 1.7 ms of Python per request, so that no number of threads makes more than 600 a second (docs/decisions/0010).
Here a request is one signature and one write, and its answer one parse in C. Only plain answers are dealt with: what is
neither success nor "slow down" comes back as `None`, and the caller asks again through boto3, which knows every error.

What belongs here: who sends when, repetition, trust. One connection is `connection.py`, how many at once `pace.py`;
what the requests and answers mean, `many.py`.
"""

from __future__ import annotations

import asyncio
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

from rds_lake.aws.budget import BUDGET_SECONDS, CONNECT_SECONDS
from rds_lake.aws.s3.connection import Answer, Connection
from rds_lake.aws.s3.pace import Pace, pause
from rds_lake.aws.s3.sign import Place, S3Request, S3Signer
from rds_lake.aws.translate import TRUST_ADVICE
from rds_lake.errors import ConfigError, UnavailableError

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

THREADS = 512  # requests at once where they are of use (s3_pace.py): at 50 ms each 256 make 5,000 a second
_ATTEMPTS = 8
_DEAD_SECONDS = 40.0  # without a single answer to anybody: there is no use in asking for the others
_AGAIN = (500, 502, 503, 504)
_RENEWALS = 2
_CLOSING_ROUNDS = 1000  # of the loop, a millisecond each, for sockets to close at its end
_HANDSHAKE_ROUNDS = 100  # at least, where a handshake was broken off: nothing tells when such a socket is closed
_NO_ANSWER = Answer(0, {}, b"")  # within the budget of time: boto3 would have no time left for it


# Called with the request and its answer, None where boto3 has to be asked, of status 0 where nobody may be asked any more as
# its time is used up; returns a request to send next on the same connection, such as the next page, or None.
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
        trusted: str | None = None,
    ) -> None:
        """`trusted` is the file of certificates to trust; botocore's own without one."""
        self.signer, self.most, self._jitter, self._clock, self.trusted = signer, most, jitter, clock, trusted

    def limited(self, most: int) -> Wire:
        """The same wire with another number of requests at once."""
        return Wire(self.signer, most=most, jitter=self._jitter, clock=self._clock, trusted=self.trusted)

    def send_all(self, requests: Iterable[S3Request], on_answer: OnAnswer) -> Pace:
        """Send every request, each repeated while S3 says to slow down; returns how the pace went.

        `requests` is drawn from as connections come free. `on_answer` is called in another thread, one call at a time;
        what it raises ends everything and is raised here. UnavailableError when S3 answers nothing to anybody, ConfigError
        when its certificate is not trusted or credentials cannot be renewed.
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
        """The wire to where the client goes; None where only boto3 gets there: through a proxy, unsigned, with a
        certificate of its own, or without looking at the server's.
        """
        config: Any = client.meta.config
        proxied = config.proxies or _proxied(client.meta.endpoint_url)
        trusted = _trusted(client)
        if keys is None or proxied or config.client_cert or trusted is None:
            return None
        return cls(S3Signer.of(client, keys), most=most, trusted=trusted)


def _trusted(client: S3Client) -> str | None:
    """The file of certificates that the client trusts, be it from AWS_CA_BUNDLE, the profile's `ca_bundle` or botocore's."""
    sessions: Any = client
    verify = sessions._endpoint.http_session._verify  # what it was built with; nothing public tells
    return get_cert_path(verify) or None


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
    _last: OSError | None = None  # why a try had no answer
    _heard: float = 0.0
    _broken_off: int = 0
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
        self._heard = self.wire._clock()
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
            await self._close_all()
        return pace

    async def _close_all(self) -> None:
        """The loop may only end when every socket has, also of connections that were being made."""
        for connection in self._open:
            connection.close()
        for number in range(_CLOSING_ROUNDS):
            await asyncio.sleep(0.001)
            if number >= self._broken_off and all(connection.gone for connection in self._open):
                return

    async def _watch(self) -> None:
        """A connection that has fallen silent is cut; the request is repeated on another."""
        while True:
            await asyncio.sleep(1)
            now = self.wire._clock()
            for connection in self._open:
                connection.cut_if_silent(now)

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
        """The plain answer, after repetitions; None, or one of status 0, as `OnAnswer` says."""
        clock, renewed = self.wire._clock, 0
        deadline = clock() + BUDGET_SECONDS
        for attempt in range(_ATTEMPTS):
            answer = await self._once(request, connections)
            expired = answer is not None and renewed < _RENEWALS and _may_have_expired(answer)
            again = answer is None or answer.status in _AGAIN or _failed_late(answer) or expired
            slow = answer is not None and answer.status == 503
            if pace.answered(slow=slow) or self._stopped:
                self._wake.set()
                self._wake.clear()
            if not again:
                return answer if answer is not None and answer.status in (200, 204, 206) else None
            if answer is None and attempt:
                self._see_whether_anybody_is_heard(request, deadline - BUDGET_SECONDS)
            if expired:
                renewed += 1
                self.wire.signer.renew()
            wait = pause(attempt, self.wire._jitter())
            if clock() + wait > deadline:
                return _NO_ANSWER
            await asyncio.sleep(wait)
        return None

    def _see_whether_anybody_is_heard(self, request: S3Request, began: float) -> None:
        silence = self.wire._clock() - max(self._heard, began)
        if silence > _DEAD_SECONDS:
            place = self.wire.signer.place(request.bucket)
            raise UnavailableError(
                f"S3 at {place.authority} has answered nothing for {silence:.0f} s (bucket {request.bucket}): "
                f"{self._last or 'no answer'}; it can be repeated"
            )

    async def _once(self, request: S3Request, connections: dict[tuple[str, int], Connection]) -> Answer | None:
        place = self.wire.signer.place(request.bucket)
        where = (place.host, place.port)
        try:
            connection = connections.get(where)
            if connection is None or connection.closed:
                connection = connections[where] = await self._connect(place)
            target, headers = self.wire.signer.sign(request)
            answer = await connection.ask(request.method, target, headers, request.body)
        except ssl.SSLCertVerificationError as error:
            raise ConfigError(
                f"the certificate of S3 at {place.authority} is not trusted: {error.verify_message}; {TRUST_ADVICE}"
            ) from error
        except OSError as error:  # refused, reset, silent, no such host: boto3 words it, if it stays so
            self._last = error
            return None
        self._heard = self.wire._clock()
        return answer

    async def _connect(self, place: Place) -> Connection:
        loop = asyncio.get_running_loop()
        if place.secure and self._tls is None:
            self._tls = ssl.create_default_context(cafile=self.wire.trusted or get_cert_path(True))
        context = self._tls if place.secure else None
        made = loop.create_connection(lambda: Connection(self.wire._clock, loop), place.host, place.port, ssl=context)
        try:
            _, connection = await asyncio.wait_for(made, CONNECT_SECONDS)
        except asyncio.CancelledError:
            self._broken_off = _HANDSHAKE_ROUNDS
            raise
        except TimeoutError as error:
            self._broken_off = _HANDSHAKE_ROUNDS
            raise TimeoutError(f"no connection within {CONNECT_SECONDS:.0f} s") from error
        self._open = [known for known in self._open if not known.gone]
        self._open.append(connection)
        return connection


def unanswered(request: S3Request) -> UnavailableError:
    """What an answer of status 0 says."""
    return UnavailableError(
        f"S3 has not answered {request.method} s3://{request.bucket}/{request.key} within {BUDGET_SECONDS:.0f} s; it can be "
        "repeated"
    )


def _failed_late(answer: Answer) -> bool:
    """S3 begins a long copy's answer with 200 before it knows the end (aws-facts 7)."""
    start = answer.body[:512]
    return answer.status == 200 and b"<Error>" in start and b"<DeleteResult" not in start


def _may_have_expired(answer: Answer) -> bool:
    """Whether a session token ended between signature and arrival. The answer to HEAD does not say why."""
    return answer.status == 400 and (not answer.body or b"<Code>ExpiredToken</Code>" in answer.body)


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
