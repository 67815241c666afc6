"""A small, fast S3 with latency and throttling on order: what a client costs shows only against a server that costs less.

    python -m bench.s3_stub --port 9900 --latency 20 --slow 0.01

ListObjectsV2, CopyObject, HeadObject, GetObject with ranges, PutObject, DeleteObject(s), multipart copy. Bodies are
shared, nothing is checked: no signature, no permission. `POST /_admin/fill?bucket=&prefix=&count=&size=` makes objects (`like=KEY`
instead of `size`: with that object's body);
`/_admin/set?latency=&slow=`, `/_admin/clear`, `GET /_admin/stats`.

What is measured with it: `bench/relocate.py`, `bench/list_million.py`.
"""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click
import uvloop

from bench.s3_answers import Reply, Stub


class Connection(asyncio.Protocol):
    """HTTP/1.1 as S3's clients speak it; parsed by hand, since nothing else is asked of it."""

    def __init__(self, stub: Stub, loop: asyncio.AbstractEventLoop) -> None:
        self._stub, self._loop = stub, loop
        self._transport: Any = None
        self._buffer = b""
        self._continued = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer = self._buffer + data if self._buffer else data
        while self._buffer and self._take():
            pass

    def _take(self) -> bool:
        """Answer the first request in the buffer; False when it is not whole yet."""
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return False
        first, *lines = self._buffer[:end].decode("latin-1").split("\r\n")
        headers: dict[str, str] = {}
        for line in lines:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        whole = end + 4 + int(headers.get("content-length", 0))
        if len(self._buffer) < whole:
            if "expect" in headers and not self._continued:
                self._continued = True
                self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            return False
        body, self._buffer, self._continued = self._buffer[end + 4 : whole], self._buffer[whole:], False
        method, target, _ = first.split(" ", 2)
        reply = rendered(self._stub.answer(method, target, headers, body))
        if self._stub.latency:
            self._loop.call_later(self._stub.latency, self._transport.write, reply)
        else:
            self._transport.write(reply)
        return True


def rendered(reply: Reply) -> bytes:
    """The reply as HTTP."""
    length = len(reply.body) if reply.length is None else reply.length
    extra = "".join(f"{name}: {value}\r\n" for name, value in reply.headers)
    kind = "application/xml" if reply.body[:1] == b"<" else "binary/octet-stream"
    head = f"HTTP/1.1 {reply.status} {HTTPStatus(reply.status).phrase}\r\nContent-Length: {length}\r\n"
    return f"{head}Content-Type: {kind}\r\n{extra}\r\n".encode() + reply.body


async def serve(stub: Stub, port: int, certificate: str | None = None) -> None:
    """Serve until killed; over TLS where there is a file of a certificate and its key."""
    loop = asyncio.get_running_loop()
    tls = None
    if certificate:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate)
    server = await loop.create_server(lambda: Connection(stub, loop), "127.0.0.1", port, ssl=tls, backlog=2048)
    await server.serve_forever()


class Running:
    """A stub in a process of its own, and what it can be told."""

    def __init__(self, port: int, certificate: Path | None = None) -> None:
        """`certificate` is the file to trust."""
        self.url = f"{'https' if certificate else 'http'}://127.0.0.1:{port}"
        self.certificate = certificate
        self._tls = ssl.create_default_context(cafile=certificate) if certificate else None

    def admin(self, command: str, **query: str | float) -> dict[str, Any]:
        """A command to the stub; the counts of requests and objects."""
        text = "&".join(f"{name}={quote(str(value), safe='')}" for name, value in query.items())
        with urllib.request.urlopen(f"{self.url}/_admin/{command}?{text}", timeout=120, context=self._tls) as answer:
            return json.loads(answer.read())


@contextmanager
def running_stub(*, tls: bool = False) -> Iterator[Running]:
    """A stub on a free port, gone at the end; with a certificate of its own, made by the program openssl, for `tls`."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="rds-lake-stub-") as folder:
        certificate = make_certificate(Path(folder)) if tls else None
        more = ["--certificate", str(certificate.with_name("both.pem"))] if certificate else []
        process = subprocess.Popen([sys.executable, "-m", "bench.s3_stub", "--port", str(port), *more])
        try:
            yield _awaited(Running(port, certificate))
        finally:
            process.kill()
            process.wait()


def _awaited(stub: Running) -> Running:
    for _ in range(200):
        try:
            stub.admin("stats")
            break
        except urllib.error.URLError:
            time.sleep(0.05)
    return stub


def make_certificate(folder: Path) -> Path:
    """A certificate for 127.0.0.1 that is its own authority; `both.pem` beside it has the key as well."""
    key, certificate, both = folder / "key.pem", folder / "certificate.pem", folder / "both.pem"
    kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=stub"]
    names = ["-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"]
    subprocess.run(
        ["openssl", "req", "-x509", *kind, *names, "-keyout", str(key), "-out", str(certificate)],
        check=True, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    both.write_bytes(certificate.read_bytes() + key.read_bytes())
    return certificate


@click.command()
@click.option("--port", default=9900, show_default=True)
@click.option("--latency", default=0.0, help="Milliseconds before every answer.", show_default=True)
@click.option("--slow", default=0.0, help="Share of requests answered 503 SlowDown.", show_default=True)
@click.option("--certificate", help="File of a certificate and its key, for TLS.")
def main(port: int, latency: float, slow: float, certificate: str | None) -> None:
    """Serve S3 on 127.0.0.1."""
    uvloop.run(serve(Stub(latency=latency / 1000, slow=slow), port, certificate))


if __name__ == "__main__":
    main()
