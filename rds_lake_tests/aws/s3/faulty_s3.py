"""An S3 over HTTPS whose connections and answers are faulty on order; objects are those of `bench/s3_answers.py`."""

import asyncio
import random
import ssl
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote

from bench.s3_answers import Reply, Stored, Stub, _operation

_SLOW = b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
_LATE = b'<?xml version="1.0"?><Error><Code>InternalError</Code><Message>We encountered an internal error.</Message></Error>'
_MOVED = (
    b"<Error><Code>PermanentRedirect</Code><Message>The bucket you are attempting to access must be addressed using the "
    b"specified endpoint.</Message></Error>"
)
_EXPIRED = b"<Error><Code>ExpiredToken</Code><Message>The provided token has expired.</Message></Error>"
_UNASKED = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


@dataclass
class Faults:
    """Shares of the answers that are faulty, of the operations in `only`, or of all."""

    cut: float = 0  # the connection ends within the answer
    reset: float = 0  # and before it
    silent: float = 0  # no answer ever comes
    trickle: float = 0  # 200 bytes at a time
    chunked: float = 0
    unasked: float = 0  # another answer follows, to no request
    slow: float = 0
    late: float = 0  # 200, and an error in its body
    truncated: float = 0  # a page of a listing ends in the middle, with the length it has
    lost: float = 0  # a copy that is answered and not made
    short: float = 0  # a copy that lacks bytes
    moved: int = 0  # the status of a redirect to another Region
    expired: str = ""  # the session token that is refused
    close_after: int = 0  # answers of a connection
    only: tuple[str, ...] = ()


@dataclass
class FaultyS3:
    """The server. `requests` counts operations, `open_at_most` connections."""

    stub: Stub = field(default_factory=Stub)
    faults: Faults = field(default_factory=Faults)
    dice: random.Random = field(default_factory=lambda: random.Random(3))
    requests: Counter[str] = field(default_factory=Counter)
    url: str = ""
    transports: set[Any] = field(default_factory=set)
    open_at_most: int = 0

    def hit(self, share: float) -> bool:
        return bool(share) and self.dice.random() < share

    def reply(self, operation: str, request: Any) -> Reply:
        method, target, headers, body = request
        faults = self.faults
        if faults.expired and headers.get("x-amz-security-token") == faults.expired:
            return Reply(400, b"" if method == "HEAD" else _EXPIRED)
        if faults.only and operation not in faults.only:
            return self.stub.answer(method, target, headers, body)
        if faults.moved:
            return Reply(faults.moved, _MOVED, (("x-amz-bucket-region", "eu-west-3"), ("Location", self.url + target)))
        if self.hit(faults.slow):
            return Reply(503, _SLOW)
        if operation == "Copy" and self.hit(faults.late):
            return Reply(200, b" " * 300 + _LATE)
        reply = self.stub.answer(method, target, headers, body)
        if operation == "Copy":
            self._spoil_copy(target)
        if operation == "List" and self.hit(faults.truncated):
            reply.body = reply.body[: self.dice.randrange(len(reply.body))]
        return reply

    def _spoil_copy(self, target: str) -> None:
        name, _, key = unquote(target.partition("?")[0][1:]).partition("/")
        bucket = self.stub.bucket(name)
        if self.hit(self.faults.lost):
            bucket.remove(key)
        elif self.hit(self.faults.short):
            made = bucket.objects[key]
            bucket.put(key, Stored(made.size - 3, made.body[:-3], made.tag, made.headers))


class _Connection(asyncio.Protocol):
    def __init__(self, server: FaultyS3) -> None:
        self.server = server
        self.buffer = b""
        self.answers = 0
        self.is_dripping = False
        self.transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.server.transports.add(transport)
        self.server.open_at_most = max(self.server.open_at_most, len(self.server.transports))

    def connection_lost(self, exc: Exception | None) -> None:
        self.server.transports.discard(self.transport)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (request := self._whole()) and not self.transport.is_closing():
            self._answer(*request)

    def _whole(self) -> tuple[str, str, dict[str, str], bytes] | None:
        """The next request, once all of it is there."""
        head, end, rest = self.buffer.partition(b"\r\n\r\n")
        if not end:
            return None
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = int(headers.get("content-length", 0))
        if len(rest) < length:
            if "expect" in headers:
                self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            return None
        self.buffer = rest[length:]
        method, target, _ = first.split(" ", 2)
        return method, target, headers, rest[:length]

    def _answer(self, method: str, target: str, headers: dict[str, str], body: bytes) -> None:
        server, faults = self.server, self.server.faults
        path, _, text = target.partition("?")
        query = {name: values[0] for name, values in parse_qs(text, keep_blank_values=True).items()}
        operation = _operation(method, unquote(path[1:]).partition("/")[2], query, headers)
        server.requests[operation] += 1
        chosen = not faults.only or operation in faults.only
        if chosen and server.hit(faults.silent):
            return
        if chosen and server.hit(faults.reset):
            self.transport.abort()
            return
        reply = server.reply(operation, (method, target, headers, body))
        raw = self._rendered(reply, chunked=method != "HEAD" and chosen and server.hit(faults.chunked))
        self.answers += 1
        if chosen and server.hit(faults.cut):
            self.transport.write(raw[: server.dice.randrange(1, len(raw))])
            self.transport.close()
        elif chosen and server.hit(faults.trickle):
            self._drip(raw)
        else:
            self.transport.write(raw)
            if server.hit(faults.unasked):
                asyncio.get_running_loop().call_later(0.001, self._unasked)
            if faults.close_after and self.answers >= faults.close_after:
                self.transport.close()

    def _unasked(self) -> None:
        # Not within an answer that is still being sent: no server does that, and no client could tell it from the answer.
        if not self.transport.is_closing() and not self.is_dripping:
            self.transport.write(_UNASKED)

    def _drip(self, raw: bytes) -> None:
        self.is_dripping = bool(raw)
        if raw and not self.transport.is_closing():
            self.transport.write(raw[:200])
            asyncio.get_running_loop().call_later(0.002, self._drip, raw[200:])

    @staticmethod
    def _rendered(reply: Reply, *, chunked: bool) -> bytes:
        lines = [f"HTTP/1.1 {reply.status} {HTTPStatus(reply.status).phrase}"]
        lines += [f"{name}: {value}" for name, value in reply.headers]
        body = reply.body
        if chunked and reply.length is None and body:
            half = len(body) // 2 or 1
            parts = [part for part in (body[:half], body[half:]) if part]
            body = b"".join(b"%x;a=1\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
            lines.append("Transfer-Encoding: chunked")
        else:
            lines.append(f"Content-Length: {len(body) if reply.length is None else reply.length}")
        return "\r\n".join([*lines, "", ""]).encode() + body


@contextmanager
def running(certificate: Path | None) -> Iterator[FaultyS3]:
    """The server on a free port of this machine, over TLS where it has a certificate."""
    server, loop = FaultyS3(), asyncio.new_event_loop()
    tls = None
    if certificate is not None:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate)
    loop.set_exception_handler(lambda *_: None)  # clients that hang up are what is tested
    listening = loop.run_until_complete(
        loop.create_server(lambda: _Connection(server), "127.0.0.1", 0, ssl=tls, backlog=1024)
    )
    server.url = f"{'https' if tls else 'http'}://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    thread = threading.Thread(target=loop.run_forever, name="faulty-s3")
    thread.start()
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        listening.close()
        for transport in list(server.transports):
            transport.abort()
        loop.run_until_complete(asyncio.sleep(0.01))  # what was aborted closes
        loop.close()
