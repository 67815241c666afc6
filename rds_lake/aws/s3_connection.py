"""One HTTP/1.1 connection to S3, on asyncio: a request is one write, and its answer is parsed in C.

What belongs here: bytes to answers. Which requests, and what to do with an answer: `s3_wire.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httptools


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
        self._heard = clock()
        self.closed = self._bodiless = False
        self._fresh()

    def _fresh(self) -> None:
        self._parser: Any = httptools.HttpResponseParser(self)
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []

    async def ask(self, method: str, target: str, headers: dict[str, str], body: bytes = b"") -> Answer:
        """Send a request and await its answer; OSError when the connection ends before."""
        lines = [f"{method} {target} HTTP/1.1"] + [f"{name}: {value}" for name, value in headers.items()]
        if method != "GET":
            lines.append(f"content-length: {len(body)}")
        self._waiting = self._loop.create_future()
        self._heard = self._clock()
        self._bodiless = method == "HEAD"
        self._transport.write(("\r\n".join(lines) + "\r\n\r\n").encode() + body)
        return await self._waiting

    def cut_if_silent(self, since: float) -> None:
        if self._waiting is not None and self._heard < since:
            self._transport.abort()

    def close(self) -> None:
        self.closed = True
        self._transport.close()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._heard = self._clock()
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.done():
            waiting.set_exception(ConnectionResetError(str(exc or "closed before the answer")))

    # httptools' callbacks

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        if self._bodiless:  # the answer to HEAD announces a body that does not come
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
