"""One budget of time per request, for the wire and then boto3 together; and when boto3 repeats a call at all.

A server that accepts connections and stays silent would otherwise cost eight tries of a minute each, and the same again by the
other way. boto3 counts tries only; the hooks here let it count seconds too, for every client of `clients.py`.

When to give up; how often and after which pause boto3 repeats is its own ("standard" mode). What a thread waits for whose caller
has ended (`threads.py`) is given up at once: its connection is closed under it.
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

BUDGET_SECONDS = 120.0  # for all tries of a request together; a try that is under way may end
CONNECT_SECONDS = 10.0  # with the TLS handshake
EXPIRED = {"ExpiredToken", "ExpiredTokenException"}
_UNTRUSTED = ("CERTIFICATE_VERIFY_FAILED", "doesn't match")  # OpenSSL's words, and urllib3's of another host
_RENEWALS = 2
_TIDY_SECONDS = 10.0
_DEADLINE = "rds_lake_deadline"
_own = threading.local()


@contextmanager
def until(deadline: float) -> Iterator[None]:
    """boto3's calls of this thread end by then: the wire has spent the rest of the budget on the same request."""
    before, _own.deadline = _given(), deadline
    try:
        yield
    finally:
        _own.deadline = before


@contextmanager
def tidying(clock: Callable[[], float] = time.monotonic) -> Iterator[None]:
    """For calls that put right what is given up: made although the caller has ended, and repeated for seconds only."""
    with undisturbed(), until(clock() + _TIDY_SECONDS):
        yield


class _Ending:
    """A connection of botocore that ends with the caller of the thread that waits for it."""

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
    """End what another thread reads from the socket or writes to it; the socket stays that thread's to close."""
    if isinstance(sock, socket.socket):
        with suppress(OSError):
            # Not the method of TLS's, which takes its state away from under the thread that reads.
            socket.socket.shutdown(sock, socket.SHUT_RDWR)


def keep_budget(client: Any, clock: Callable[[], float] = time.monotonic) -> None:
    """Have the client's calls keep to the budget, and end with the caller of their thread (`threads.py`)."""

    def begin(params: Any, **_: Any) -> None:
        check()
        now, deadline = clock(), _given()
        if deadline is not None and now > deadline:
            raise UnavailableError(f"it has not answered within {BUDGET_SECONDS:.0f} s; the call can be repeated")
        params["context"][_DEADLINE] = now + BUDGET_SECONDS if deadline is None else deadline

    def again(
        response: Any, request_dict: Any, caught_exception: Exception | None, attempts: int, **_: Any
    ) -> float | bool | None:
        """False: no further try; seconds: one after those; None: as botocore says."""
        if caught_exception is None and response[0].status_code < 300:
            return None
        check()
        if caught_exception is not None and is_untrusted(caught_exception):
            return False  # no repetition makes a certificate valid
        if response is not None and response[1].get("Error", {}).get("Code") in EXPIRED:
            # A session token may end between signature and arrival: the next try is signed with a new one.
            return 0.0 if attempts <= _RENEWALS else False
        return False if clock() > request_dict["context"].get(_DEADLINE, clock()) else None

    def send(**_: Any) -> None:
        check()  # the pause before a repetition may have been twenty seconds

    # botocore has no public way to say which connections it shall make.
    getattr(client._endpoint.http_session, "_pool_classes_by_scheme", {}).update(http=_Pool, https=_SecurePool)
    service = client.meta.service_model.service_id.hyphenize()
    client.meta.events.register_first(f"before-call.{service}", begin)
    client.meta.events.register_first(f"before-send.{service}", send)
    client.meta.events.register_first(f"needs-retry.{service}", again)


def _given() -> float | None:
    return getattr(_own, "deadline", None)


def is_untrusted(error: BaseException) -> bool:
    """Whether the server's certificate was refused: expired, of another host, or of an authority that is not trusted."""
    return isinstance(error, SSLError) and any(words in str(error) for words in _UNTRUSTED)
