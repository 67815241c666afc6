"""A time budget per request, which the wire (`s3/wire.py`) and boto3 share; it also decides whether boto3 repeats a call.

If a server accepts connections but does not answer, eight attempts of a minute each would fail, first of the wire and then of
boto3. boto3 counts only attempts; these hooks make every client of `clients.py` count seconds too.

What belongs here: when to stop. boto3's "standard" mode decides the number of attempts and the pauses. When a thread's caller has
ended (`threads.py`), the thread's wait ends at once, because its connection is closed.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from botocore.awsrequest import (
    AWSHTTPConnection,
    AWSHTTPConnectionPool,
    AWSHTTPSConnection,
    AWSHTTPSConnectionPool,
)
from botocore.exceptions import SSLError

from rds_lake.errors import UnavailableError
from rds_lake.threads import breaking_off, check, undisturbed

BUDGET_SECONDS = 120.0  # for all attempts of a request together; a running attempt may finish
CONNECT_SECONDS = 10.0  # with the TLS handshake
EXPIRED = {"ExpiredToken", "ExpiredTokenException"}
_UNTRUSTED = (
    "CERTIFICATE_VERIFY_FAILED",
    "doesn't match",
)  # OpenSSL's word, and urllib3's for a certificate of another host
_RENEWALS = 2
_TIDY_SECONDS = 10.0
_DEADLINE = "rds_lake_deadline"
_own = threading.local()


@contextmanager
def until(deadline: float) -> Iterator[None]:
    """Inside the block, boto3's calls in this thread end by `deadline`: the wire has used a part of the request's budget."""
    before, _own.deadline = _given(), deadline
    try:
        yield
    finally:
        _own.deadline = before


@contextmanager
def tidying(clock: Callable[[], float] = time.monotonic) -> Iterator[None]:
    """For calls that clean up cancelled work: they run although the caller has ended, and are repeated only for seconds."""
    with undisturbed(), until(clock() + _TIDY_SECONDS):
        yield


class _Ending:
    """A botocore connection that ends when the caller of the waiting thread ends."""

    sock: Any

    def request(self, *args: Any, **kwargs: Any) -> Any:
        with breaking_off(self._shut):
            return super().request(*args, **kwargs)  # type: ignore[misc]

    def getresponse(self, *args: Any, **kwargs: Any) -> Any:
        with breaking_off(self._shut):
            return super().getresponse(*args, **kwargs)  # type: ignore[misc]

    def _shut(self) -> None:
        shut(self.sock)


class _Connection(_Ending, AWSHTTPConnection):
    pass


class _SecureConnection(_Ending, AWSHTTPSConnection):
    pass


class _Pool(AWSHTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(AWSHTTPSConnectionPool):
    ConnectionCls = _SecureConnection


def shut(sock: Any) -> None:
    """End another thread's reads and writes on the socket; that thread still closes the socket itself."""
    if isinstance(sock, socket.socket):
        with suppress(OSError):
            # Not the TLS socket's own method: it discards state that the reading thread still uses.
            socket.socket.shutdown(sock, socket.SHUT_RDWR)


def keep_budget(client: Any, clock: Callable[[], float] = time.monotonic) -> None:
    """Make the client's calls keep the budget, and end with the caller of their thread (`threads.py`)."""

    def begin(params: Any, **_: Any) -> None:
        check()
        now, deadline = clock(), _given()
        if deadline is not None and now > deadline:
            raise UnavailableError(f"it has not answered within {BUDGET_SECONDS:.0f} s; the call can be repeated")
        params["context"][_DEADLINE] = now + BUDGET_SECONDS if deadline is None else deadline

    def again(
        response: Any, request_dict: Any, caught_exception: Exception | None, attempts: int, **_: Any
    ) -> float | bool | None:
        """Returns False: do not repeat; seconds: repeat after this time; None: botocore decides."""
        if caught_exception is None and response[0].status_code < 300:
            return None
        check()
        if caught_exception is not None and is_untrusted(caught_exception):
            return False  # no repetition makes a certificate valid
        if response is not None and response[1].get("Error", {}).get("Code") in EXPIRED:
            # A session token may expire between signature and arrival: the next attempt is signed with a new one.
            return 0.0 if attempts <= _RENEWALS else False
        return False if clock() > request_dict["context"].get(_DEADLINE, clock()) else None

    def send(**_: Any) -> None:
        check()  # the pause before a repetition may have been twenty seconds

    # botocore has no public way to choose the classes of its connections.
    getattr(client._endpoint.http_session, "_pool_classes_by_scheme", {}).update(http=_Pool, https=_SecurePool)
    service = client.meta.service_model.service_id.hyphenize()
    client.meta.events.register_first(f"before-call.{service}", begin)
    client.meta.events.register_first(f"before-send.{service}", send)
    client.meta.events.register_first(f"needs-retry.{service}", again)


def _given() -> float | None:
    return getattr(_own, "deadline", None)


def is_untrusted(error: BaseException) -> bool:
    """Whether the server's certificate was rejected: expired, for another host, or from an untrusted authority."""
    return isinstance(error, SSLError) and any(words in str(error) for words in _UNTRUSTED)
