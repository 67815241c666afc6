"""The same requests from a raw HTTP client: what the server and the machine allow when nothing is signed, parsed or verified.

It is told the folders and lists them all at once, copies over so many connections, and deletes by the thousand, eight at a
time; an answer is looked at for its length and status.

What it is compared with: `bench/relocate.py`.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from urllib.parse import quote, unquote

import uvloop

from bench.s3_stub import Running

_KEY = re.compile(rb"<Key>([^<]*)</Key>")
_TOKEN = re.compile(rb"<NextContinuationToken>([^<]*)<")
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


class Raw(asyncio.Protocol):
    """Sends one request after the other; `next_request` gives the bytes, `None` ends it."""

    def __init__(self, next_request: Callable[[], bytes | None], answered: Callable[[bytes], object]) -> None:
        self._next, self._answered = next_request, answered
        self._buffer = b""
        self._transport: Any = None
        self.ended = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._send()

    def _send(self) -> None:
        request = self._next()
        if request is None:
            self._transport.close()
            self.ended.set_result(None)
        else:
            self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        length = _LENGTH.search(self._buffer, 0, end) if end > 0 else None
        if length is None or len(self._buffer) < end + 4 + int(length[1]):
            return
        answer, self._buffer = self._buffer, b""
        assert answer.startswith(b"HTTP/1.1 200"), answer[:200]
        self._answered(answer)
        self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_exception(exc or ConnectionResetError("closed by the server"))


def raw_http(renamed: Callable[[str], str], parallel: int, folders: Sequence[str]) -> Callable[[Running, int], None]:
    """A mover of what lies in the folders that does so much at once."""

    def move(stub: Running, count: int) -> None:
        uvloop.run(_move(stub, count, renamed, parallel, folders))

    return move


async def _move(
    stub: Running, count: int, renamed: Callable[[str], str], parallel: int, folders: Sequence[str]
) -> None:
    keys = [key for keys in await asyncio.gather(*[_listed(stub, folder) for folder in folders]) for key in keys]
    assert len(keys) == count
    copies = (_put(key, renamed(key)) for key in keys)
    await _send(stub, copies, parallel)
    await _send(stub, (_delete(keys[start : start + 1000]) for start in range(0, count, 1000)), 8)


async def _listed(stub: Running, folder: str) -> list[str]:
    keys: list[str] = []
    token = b""
    while True:
        start = f"&continuation-token={quote(token.decode(), safe='')}" if token else ""
        target = f"/source?list-type=2&encoding-type=url&prefix={quote(folder, safe='')}{start}"
        page: list[bytes] = []
        await _send(stub, iter([f"GET {target} HTTP/1.1\r\nhost: stub\r\n\r\n".encode()]), 1, page.append)
        keys += [unquote(key.decode()) for key in _KEY.findall(page[0])]
        more = _TOKEN.search(page[0])
        if more is None:
            return keys
        token = more[1]


def _put(source: str, target: str) -> bytes:
    lines = (
        f"PUT /lake/{target} HTTP/1.1\r\nhost: stub\r\nx-amz-copy-source: source/{source}\r\ncontent-length: 0\r\n\r\n"
    )
    return lines.encode()


def _delete(keys: list[str]) -> bytes:
    body = "<Delete>" + "".join(f"<Object><Key>{key}</Key></Object>" for key in keys) + "<Quiet>true</Quiet></Delete>"
    return f"POST /source?delete HTTP/1.1\r\nhost: stub\r\ncontent-length: {len(body)}\r\n\r\n{body}".encode()


async def _send(
    stub: Running, requests: Iterator[bytes], parallel: int, answered: Callable[[bytes], object] = len
) -> None:
    host, _, port = stub.url.removeprefix("http://").partition(":")
    loop = asyncio.get_running_loop()
    opened = [
        loop.create_connection(lambda: Raw(lambda: next(requests, None), answered), host, int(port))
        for _ in range(parallel)
    ]
    await asyncio.gather(*[protocol.ended for _, protocol in await asyncio.gather(*opened)])
