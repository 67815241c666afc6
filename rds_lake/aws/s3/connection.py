"""One HTTP/1.1 connection to S3, on asyncio: a request is one write, and its answer is parsed in C.

What belongs here: sending bytes and parsing answers. `batch.py` decides which requests are sent, and handles answers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

_READS = ("GET", "HEAD")
# During a long copy S3 sends white space; all other answers come at once and are short.
_SILENCE_SECONDS = {True: 20.0, False: 60.0}  # by whether the request is a read
_LONGEST_SECONDS = {True: 120.0, False: 900.0}


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, headers with names in lower case, body."""

    status: int
    headers: dict[str, str]
    body: bytes


class Connection(asyncio.Protocol):
    """One HTTP/1.1 connection, one request at a time."""

    def __init__(self, clock: Callable[[], float], loop: asyncio.AbstractEventLoop) -> None:
        self._clock, self._loop = clock, loop
        self._transport: Any = None
        self._waiting: asyncio.Future[Answer] | None = None
        self._asked = self._heard = clock()
        self.closed = self.gone = self._bodiless = self._reads = False
        self._fresh()

    def _fresh(self) -> None:
        import httptools  # only a process that sends needs it

        self._parser: Any = httptools.HttpResponseParser(self)
        self._malformed = httptools.HttpParserError
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []

    async def ask(self, method: str, target: str, headers: dict[str, str], body: bytes = b"") -> Answer:
        """Send a request and await its answer. OSError if the connection ends before."""
        lines = [f"{method} {target} HTTP/1.1"] + [f"{name}: {value}" for name, value in headers.items()]
        if method != "GET":
            lines.append(f"content-length: {len(body)}")
        self._waiting = self._loop.create_future()
        self._asked = self._heard = self._clock()
        self._bodiless, self._reads = method == "HEAD", method in _READS
        self._transport.write(("\r\n".join(lines) + "\r\n\r\n").encode() + body)
        return await self._waiting

    def cut_if_silent(self, now: float) -> None:
        """Abort the wait for an answer if no more bytes arrive, or too few."""
        silent = now - self._heard > _SILENCE_SECONDS[self._reads]
        if self._waiting is not None and (silent or now - self._asked > _LONGEST_SECONDS[self._reads]):
            self._transport.abort()

    def close(self) -> None:
        """Close the connection at once: an orderly end of TLS waits half a minute for the server, and keeps a file descriptor open."""
        self.closed = True
        self._transport.abort()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._heard = self._clock()
        if self._waiting is None:  # data without a request would be taken for the answer to the next request
            self.closed = True
            self._transport.abort()
            return
        try:
            self._parser.feed_data(data)
        except self._malformed:
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = self.gone = True
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.done():
            waiting.set_exception(ConnectionResetError(str(exc or "closed before the answer")))

    # httptools' callbacks

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        if self._bodiless:  # the answer to HEAD has the length of a body that is not sent
            self.on_message_complete()
            self._fresh()

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        answer = Answer(self._parser.get_status_code(), self._headers, b"".join(self._body))
        if not self._parser.should_keep_alive() or self._headers.get("connection", "").lower() == "close":
            self.close()
        waiting, self._waiting = self._waiting, None
        self._headers, self._body = {}, []
        if waiting is not None and not waiting.done():
            waiting.set_result(answer)
