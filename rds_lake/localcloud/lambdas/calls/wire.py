"""A server with the part of PostgreSQL's protocol that dblink needs to make one call: a statement in, a row or an error out.

A database's call of a function must leave the database at once, outside of the writer's transaction, and return an answer or
an error. dblink, which is part of PostgreSQL, does that, so no extension has to be compiled.
(https://www.postgresql.org/docs/current/protocol-flow.html)
"""

from __future__ import annotations

import socketserver
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

_SSL, _GSS, _VERSION_3 = 80877103, 80877104, 3
_TEXT_OID = 25
_FATAL = 1 << 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """An answer of one row of texts, or None for NULL."""

    columns: tuple[str, ...]
    values: tuple[str | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """An answer that is an error."""

    message: str
    detail: str


Statement = Callable[[str], Row | Refused | None]


class WireServer:
    """Answers statements with a function, on a free port of 127.0.0.1; None is an answer without a row."""

    def __init__(self, answer: Statement) -> None:
        self._server = _Server(("127.0.0.1", 0), _Connection)
        self._server.answer = answer
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), name="lambda-calls", daemon=True
        )
        self._thread.start()

    @property
    def port(self) -> int:
        return self._server.server_address[1]

    def close(self) -> None:
        """Stop; connections that are open end with their next statement."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    answer: Statement


class _Connection(socketserver.StreamRequestHandler):
    server: Any

    def handle(self) -> None:
        try:
            if not self._begin():
                return
            while (message := self._read()) is not None:
                kind, body = message
                if kind == b"X":
                    return
                if kind == b"Q":
                    self.wfile.write(_answer(self.server.answer(body.rstrip(b"\0").decode())) + _ready())
        except (ConnectionError, EOFError):
            return

    def _begin(self) -> bool:
        """Whether the client speaks version 3; its user and database are ignored."""
        while True:
            length, version = struct.unpack("!II", self._exactly(8))
            self._exactly(length - 8)
            if version not in (_SSL, _GSS):
                break
            self.wfile.write(b"N")
        if version >> 16 != _VERSION_3:
            return False
        settings = {
            "client_encoding": "UTF8",
            "server_encoding": "UTF8",
            "DateStyle": "ISO, MDY",
            "server_version": "18.0",
        }
        given = b"".join(_message(b"S", _text(name) + _text(value)) for name, value in settings.items())
        self.wfile.write(_message(b"R", struct.pack("!I", 0)) + given + _ready())
        return True

    def _read(self) -> tuple[bytes, bytes] | None:
        kind = self.rfile.read(1)
        if not kind:
            return None
        (length,) = struct.unpack("!I", self._exactly(4))
        if length > _FATAL:
            raise EOFError
        return kind, self._exactly(length - 4)

    def _exactly(self, count: int) -> bytes:
        data = self.rfile.read(count)
        if len(data) < count:
            raise EOFError
        return data


def _answer(answer: Row | Refused | None) -> bytes:
    if answer is None:
        return _message(b"C", _text("SET"))
    if isinstance(answer, Refused):
        fields = {"S": "ERROR", "V": "ERROR", "C": "XX000", "M": answer.message, "D": answer.detail}
        return _message(b"E", b"".join(key.encode() + _text(value) for key, value in fields.items()) + b"\0")
    described = [_text(name) + struct.pack("!IhIhih", 0, 0, _TEXT_OID, -1, -1, 0) for name in answer.columns]
    return (
        _message(b"T", struct.pack("!h", len(described)) + b"".join(described))
        + _message(b"D", struct.pack("!h", len(answer.values)) + b"".join(map(_value, answer.values)))
        + _message(b"C", _text("SELECT 1"))
    )


def _value(value: str | None) -> bytes:
    if value is None:
        return struct.pack("!i", -1)
    return struct.pack("!i", len(value.encode())) + value.encode()


def _ready() -> bytes:
    return _message(b"Z", b"I")


def _message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!I", len(body) + 4) + body


def _text(text: str) -> bytes:
    return text.encode().replace(b"\0", b"") + b"\0"
