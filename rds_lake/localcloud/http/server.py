"""The HTTP server: werkzeug's, with keep-alive connections and a thread per connection.

Of the servers measured (moto_server, waitress, cheroot and others), only this one handles every request of boto3 correctly. Its own
handler closes every connection, because an application may leave a part of a body unread. Here the whole body is read first, so that
clients can reuse connections: a connection and a thread per request take longer than most requests.
"""

from __future__ import annotations

import contextlib
import io
import socket
import threading
import traceback
from http import HTTPStatus
from types import TracebackType
from typing import Any

from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.serving import BaseWSGIServer, make_server

_WITHOUT_BODY = (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)


def answer_of(app: Any, environ: dict[str, Any]) -> tuple[str, list[tuple[str, str]], bytes]:
    """Returns status, headers and body of a WSGI application's answer; 500 if it fails."""
    answered: list[Any] = ["500 INTERNAL SERVER ERROR", []]

    def start(status: str, headers: list[tuple[str, str]], error: Any = None) -> None:
        answered[:] = [status, headers]

    try:
        parts = app(environ, start)
        try:
            body = b"".join(parts)
        finally:
            if hasattr(parts, "close"):
                parts.close()
    except Exception:  # noqa: BLE001 - a thread's boundary: a broken operation is answered as AWS would, and printed
        traceback.print_exc()
        return "500 INTERNAL SERVER ERROR", [], b""
    return answered[0], answered[1], body


class _Handler(MotoRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body of an answer in one piece

    def setup(self) -> None:
        super().setup()
        self.server.connections.add(self.connection)  # type: ignore[attr-defined]

    def finish(self) -> None:
        self.server.connections.discard(self.connection)  # type: ignore[attr-defined]
        with contextlib.suppress(ConnectionError):  # the client has closed the connection
            super().finish()

    def run_wsgi(self) -> None:
        """Handle one request: read its whole body, then send the whole response."""
        try:
            if self.headers.get("Expect", "").strip().lower() == "100-continue":
                self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                self.wfile.flush()
            environ = self._whole_request()
            status, headers, body = answer_of(self.server.app, environ)
            self._send(status, headers, body)
        except (ConnectionError, TimeoutError) as error:
            self.close_connection = True
            self.connection_dropped(error)

    def _whole_request(self) -> dict[str, Any]:
        """Read the request for the application. ConnectionError if the client disconnects before its request is complete."""
        environ = self.make_environ()
        if environ.get("wsgi.input_terminated"):
            return environ | {"wsgi.input": io.BytesIO(environ["wsgi.input"].read())}
        length = int(environ.get("CONTENT_LENGTH") or 0)
        body = self.rfile.read(length)
        if len(body) < length:
            raise ConnectionAbortedError("the client closed the connection before its request was complete")
        return environ | {"wsgi.input": io.BytesIO(body)}

    def _send(self, status: str, headers: list[tuple[str, str]], body: bytes) -> None:
        code, _, reason = status.partition(" ")
        self.send_response(int(code), reason)
        empty = self.command == "HEAD" or int(code) in _WITHOUT_BODY
        announced = next((value for name, value in headers if name.lower() == "content-length"), None)
        for name, value in headers:
            self.send_header(name, value)
        if announced is None and int(code) not in _WITHOUT_BODY:
            self.send_header("Content-Length", str(len(body)))
        elif not empty and announced != str(len(body)):
            self.send_header("Connection", "close")
        self.end_headers()
        if not empty:
            self.wfile.write(body)
        self.wfile.flush()

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Log nothing."""

    def log(self, type: str, message: str, *args: Any) -> None:
        """Log nothing: clients report their own errors."""


class Server:
    """An application on a port of 127.0.0.1; port 0 takes a free one."""

    def __init__(self, app: Any, port: int = 0) -> None:
        self._server: BaseWSGIServer = make_server("127.0.0.1", port, app, threaded=True, request_handler=_Handler)
        self._server.daemon_threads = True  # type: ignore[attr-defined]
        self._connections: set[socket.socket] = set()
        self._server.connections = self._connections  # type: ignore[attr-defined]
        # serve_forever looks this often (seconds) whether to stop.
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), name="local-cloud", daemon=True
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def start(self) -> None:
        """Start serving in a new thread."""
        self._thread.start()

    def stop(self) -> None:
        """Stop serving, end the connections that wait for a next request, and free the port."""
        if self._thread.is_alive():
            self._server.shutdown()
        for connection in tuple(self._connections):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:  # the client has closed it already
                continue
        self._server.server_close()

    def __enter__(self) -> Server:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
