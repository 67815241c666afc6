"""rds-lake's relocation with awscrt in place of its own connections and signatures: AWS's client in C, which botocore can use too.

Two ways, both under the same planning - listing by folder, the pace, verification, deletes - as `ManyS3` asks its wire:
`HttpWire` signs with awscrt.auth and sends over connections of awscrt.http, one request at a time on each; `S3Wire` hands
every request to awscrt.s3's client, which has connections, signatures and repetitions of its own.

Written for `bench/relocate.py` alone: no proxy, no renewed credentials, and what is refused is repeated at once.
awscrt comes from the peers' environment (bench/requirements.txt) and must be of the same Python.
"""

from __future__ import annotations

import importlib
import importlib.util
import io
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rds_lake.aws.s3.batch import OnAnswer, _load
from rds_lake.aws.s3.connection import Answer
from rds_lake.aws.s3.gateway import S3Gateway
from rds_lake.aws.s3.pace import Pace
from rds_lake.aws.s3.sign import Place, S3Request, encoded
from rds_lake.aws.s3.wire import Wire

_REGION = "us-east-1"
_TRIES = 8
_OPERATIONS = {"PUT": "CopyObject", "HEAD": "HeadObject", "POST": "DeleteObjects"}
Send = Callable[
    [S3Request, Callable[[Answer | None], None]], None
]  # of one worker: a request, and whom to give its answer


def find_awscrt(peers: str) -> bool:
    """Whether awscrt can be imported, if need be from the environment whose programs are in `peers`."""
    if peers:
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        sys.path.append(str(Path(peers).resolve().parent / "lib" / version / "site-packages"))
    return importlib.util.find_spec("awscrt") is not None


def over_awscrt(wire: type[_AwscrtWire], gateway: S3Gateway) -> S3Gateway:
    """The same gateway with that wire; boto3 still does what no wire settles."""
    assert gateway.wire is not None
    return S3Gateway(gateway.client, wire(gateway.wire, gateway.wire.most), gateway.deletable)


class _AwscrtWire(Wire):
    """What both ways share: `limited`, and a run that draws requests and hands out answers."""

    def __init__(self, other: Wire, most: int) -> None:
        super().__init__(other.signer, most=most)

    def limited(self, most: int) -> Wire:
        return type(self)(self, most)

    def send_all(self, requests: Iterable[S3Request], on_answer: OnAnswer) -> Pace:
        run = _Run(iter(requests), on_answer, Pace(most=self.most, load=_load(time.monotonic)), self.sender)
        run.run()
        return run.pace

    def sender(self) -> Send:
        """A new worker's way to send."""
        raise NotImplementedError


class HttpWire(_AwscrtWire):
    """awscrt's connections and signatures."""

    def sender(self) -> Send:
        return _HttpConnection(self).send


class OwnSignatures(_AwscrtWire):
    """awscrt's connections with our signatures, to see which of the two costs what."""

    def sender(self) -> Send:
        return _HttpConnection(self, own_signature=True).send


class S3Wire(_AwscrtWire):
    """awscrt's S3 client."""

    def sender(self) -> Send:
        return lambda request, done: _ask_client(self.signer.place(request.bucket), request, done)


@dataclass
class _Run:
    """One call of `send_all`. Answers come in awscrt's threads, one at a time here."""

    requests: Iterator[S3Request]
    on_answer: OnAnswer
    pace: Pace
    sender: Callable[[], Send]
    lock: threading.RLock = field(default_factory=threading.RLock)
    ended: threading.Event = field(default_factory=threading.Event)
    idle: list[Send] = field(default_factory=list)
    busy: int = 0
    error: BaseException | None = None

    def run(self) -> None:
        with self.lock:
            self._fill()
        self.ended.wait()
        if self.error:
            raise self.error

    def _fill(self) -> None:
        """Start as many workers as the pace allows, until the requests end."""
        while self.busy < self.pace.limit and not self.error:
            request = next(self.requests, None)
            if request is None:
                break
            self.busy += 1
            self._send(self.idle.pop() if self.idle else self.sender(), request, 1)
        if not self.busy:
            self.ended.set()

    def _send(self, send: Send, request: S3Request, tried: int) -> None:
        send(request, lambda answer: self._answered(send, request, answer, tried))

    def _answered(self, send: Send, request: S3Request, answer: Answer | None, tried: int) -> None:
        with self.lock:
            self.pace.answered(slow=answer is not None and answer.status == 503)
            if (answer is None or answer.status >= 500) and tried < _TRIES:
                self._send(send, request, tried + 1)
                return
            plain = answer is not None and answer.status in (200, 204, 206)
            try:
                following = self.on_answer(request, answer if plain else None)
            except BaseException as error:  # noqa: BLE001 - raised in the caller's thread
                self.error, following = error, None
            if following is not None:
                self._send(send, following, 1)
                return
            self.busy -= 1
            self.idle.append(send)
            self._fill()


class _HttpConnection:
    """One connection of awscrt.http, opened by its first request."""

    def __init__(self, wire: Wire, *, own_signature: bool = False) -> None:
        self._wire, self._own = wire, own_signature
        self._connection: Any = None

    def send(self, request: S3Request, done: Callable[[Answer | None], None]) -> None:
        place = self._wire.signer.place(request.bucket)
        if self._connection is None:

            def opened(future: Any) -> None:
                if future.exception():
                    done(None)
                    return
                self._connection = future.result()
                self._ask(place, request, done)

            options = {"tls_connection_options": _tls(place.host)} if place.secure else {}
            _awscrt("http").HttpClientConnection.new(place.host, place.port, _bootstrap(), **options).add_done_callback(
                opened
            )
        else:
            self._ask(place, request, done)

    def _ask(self, place: Place, request: S3Request, done: Callable[[Answer | None], None]) -> None:
        headers: list[dict[str, str]] = []
        body: list[bytes] = []

        def on_response(*, headers: Any, into: Any = headers, **_: Any) -> None:
            into.append({name.lower(): value for name, value in headers})

        def on_body(*, chunk: bytes, **_: Any) -> None:
            body.append(bytes(chunk))

        def completed(future: Any) -> None:
            done(None if future.exception() else Answer(future.result(), headers[0], b"".join(body)))

        def signed(future: Any) -> None:
            stream = self._connection.request(future.result(), on_response, on_body)
            stream.completion_future.add_done_callback(completed)
            stream.activate()

        _sign(self._wire, place, request, own=self._own).add_done_callback(signed)


def _sign(wire: Wire, place: Place, request: S3Request, *, own: bool) -> Any:
    """A future of awscrt's request with its signature."""
    from concurrent.futures import Future

    if own:
        target, headers = wire.signer.sign(request)
        done: Future[Any] = Future()
        done.set_result(_message(request, target, headers))
        return done
    return _awscrt("auth").aws_sign_request(_unsigned(place, request), _signing(bool(request.body)))


def _unsigned(place: Place, request: S3Request) -> Any:
    path = f"{place.path}{encoded(request.key)}"
    target = f"{path}?{request.query}" if request.query else path
    return _message(request, target, {"host": place.authority} | request.headers)


def _message(request: S3Request, target: str, headers: dict[str, str]) -> Any:
    pairs = list(headers.items())
    if request.method != "GET":
        pairs.append(("content-length", str(len(request.body))))
    return _awscrt("http").HttpRequest(
        request.method, target, _awscrt("http").HttpHeaders(pairs), io.BytesIO(request.body) if request.body else None
    )


def _ask_client(place: Place, request: S3Request, done: Callable[[Answer | None], None]) -> None:
    status, headers, body = [0], dict[str, str](), list[bytes]()

    def on_headers(*, status_code: int, headers: Any, into: dict[str, str] = headers, **_: Any) -> None:
        status[0] = status_code
        into.update((name.lower(), value) for name, value in headers)

    def on_done(*, error: Exception | None, **_: Any) -> None:
        done(None if error else Answer(status[0], headers, b"".join(body)))

    operation = _OPERATIONS.get(request.method) or ("GetObject" if request.key else "ListObjectsV2")
    _client(place).make_request(
        type=_awscrt("s3").S3RequestType.DEFAULT,
        operation_name=operation,
        request=_unsigned(place, request),
        on_headers=on_headers,
        on_body=lambda *, chunk, **_: body.append(bytes(chunk)),
        on_done=on_done,
    )


def _awscrt(module: str) -> Any:
    """A module of awscrt, which the environment of rds-lake does not have."""
    return importlib.import_module(f"awscrt.{module}")


_KEPT: dict[str, Any] = {}  # what a process makes once, as ours makes its gateway
_KEPT_LOCK = threading.RLock()  # making one makes others


def _kept(name: str, make: Callable[[], Any]) -> Any:
    if name not in _KEPT:
        with _KEPT_LOCK:
            if name not in _KEPT:
                _KEPT[name] = make()
    return _KEPT[name]


def _bootstrap() -> Any:
    def make() -> Any:
        group = _awscrt("io").EventLoopGroup(1)  # Python's lock lets one thread work at a time anyway
        return _awscrt("io").ClientBootstrap(group, _awscrt("io").DefaultHostResolver(group))

    return _kept("bootstrap", make)


def _provider() -> Any:
    return _kept("provider", lambda: _awscrt("auth").AwsCredentialsProvider.new_static("bench", "bench"))


def _signing(with_body: bool) -> Any:
    """A configuration per second: it holds the date of the signature."""
    name = f"signing {with_body}"
    made, config = _KEPT.get(name, (0.0, None))
    if time.monotonic() - made > 1:
        config = _awscrt("auth").AwsSigningConfig(
            service="s3",
            region=_REGION,
            credentials_provider=_provider(),
            use_double_uri_encode=False,
            should_normalize_uri_path=False,
            signed_body_value=None if with_body else _awscrt("auth").AwsSignedBodyValue.EMPTY_SHA256,
            signed_body_header_type=_awscrt("auth").AwsSignedBodyHeaderType.X_AMZ_CONTENT_SHA_256,
        )
        _KEPT[name] = (time.monotonic(), config)
    return config


def _tls(host: str | None = None) -> Any:
    """For one connection to the host; the file of certificates to trust is AWS_CA_BUNDLE."""

    def make() -> Any:
        options = _awscrt("io").TlsContextOptions()
        options.override_default_trust_store_from_path(None, os.environ["AWS_CA_BUNDLE"])
        return _awscrt("io").ClientTlsContext(options)

    connection = _kept("tls", make).new_connection_options()
    if host:
        connection.set_server_name(host)
    return connection


def _client(place: Place) -> Any:
    def make() -> Any:
        return _awscrt("s3").S3Client(
            bootstrap=_bootstrap(),
            region=_REGION,
            tls_mode=_awscrt("s3").S3RequestTlsMode.ENABLED
            if place.secure
            else _awscrt("s3").S3RequestTlsMode.DISABLED,
            tls_connection_options=_tls() if place.secure else None,
            signing_config=_awscrt("s3").create_default_s3_signing_config(
                region=_REGION, credential_provider=_provider()
            ),
            throughput_target_gbps=100.0,  # from which it derives how many connections it opens
            max_active_connections_override=512,
        )

    return _kept("client", make)
