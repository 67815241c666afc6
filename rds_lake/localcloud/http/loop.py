"""boto3 clients that call the router in-process, without a socket, in one to two milliseconds per call.

Uses botocore's public `before-send` event only. The local cloud's services reach S3, Glue and the others through these clients.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any
from urllib.parse import unquote, urlsplit

from botocore import UNSIGNED
from botocore.awsrequest import AWSResponse
from botocore.config import Config

from rds_lake.localcloud.http.app import LocalCloudApp
from rds_lake.localcloud.http.quick_moto import session

_CONFIG = Config(
    # Without signature, which is not checked, and user agent: both take a sixth of the time of a call.
    signature_version=UNSIGNED,
    user_agent="rds-lake-local-cloud",
    s3={"addressing_style": "path"},
    retries={"total_max_attempts": 1},
    request_checksum_calculation="when_required",
    response_checksum_validation="when_required",
)
# The application through which the requests of the present call pass before the router; None: directly.
_BEFORE: ContextVar[Callable[..., Iterable[bytes]] | None] = ContextVar("before", default=None)
_AUTHORIZATION = (
    "AWS4-HMAC-SHA256 Credential=local/20260101/{region}/{service}/aws4_request, SignedHeaders=host, Signature=none"
)


# Held to create a client, because a session must create one at a time.
_making = threading.Lock()


class _RawBody(io.BytesIO):
    """The methods of urllib3's response body that botocore calls."""

    def stream(self, amount: int = 65536, **_: Any) -> Iterator[bytes]:
        while chunk := self.read(amount):
            yield chunk


class InProcessClients:
    """boto3 clients per service and Region, shared between threads."""

    def __init__(self, app: LocalCloudApp) -> None:
        self._app = app
        self._clients: dict[tuple[str, str], Any] = {}

    def client(self, service: str, region: str = "us-east-1") -> Any:
        """Returns the client of a service in a Region."""
        existing = self._clients.get((service, region))
        if existing is not None:
            return existing
        with _making:
            if (service, region) not in self._clients:
                client = session().client(
                    service,  # type: ignore[call-overload]
                    region_name=region,
                    endpoint_url="http://localcloud.invalid",
                    config=_CONFIG,
                )
                signed_as = client.meta.service_model.signing_name
                authorization = _AUTHORIZATION.format(region=region, service=signed_as)
                client.meta.events.register("before-send", partial(self._send, authorization))
                self._clients[service, region] = client
            return self._clients[service, region]

    def _send(self, authorization: str, request: Any, **_: Any) -> AWSResponse:
        environ = _environ(request) | {"HTTP_AUTHORIZATION": authorization}
        answered: list[Any] = []

        def start(status: str, headers: list[tuple[str, str]], error: Any = None) -> None:
            answered[:] = [int(status.split()[0]), dict(headers)]

        # Requests that an operation makes while it answers do not pass the application.
        application = _BEFORE.get() or self._app
        with _passing(None):
            body = b"".join(application(environ, start))
        return AWSResponse(request.url, answered[0], answered[1], _RawBody(body))

    def through(self, before: Callable[..., Iterable[bytes]]) -> InProcessClients:
        """Returns the same clients, whose requests pass through a WSGI application before the router."""
        return _ClientsThrough(self, before)


class _ClientsThrough(InProcessClients):
    def __init__(self, clients: InProcessClients, before: Callable[..., Iterable[bytes]]) -> None:
        self._clients_before, self._before = clients, before

    def client(self, service: str, region: str = "us-east-1") -> Any:
        return _ClientThrough(self._clients_before.client(service, region), self._before)


class _ClientThrough:
    """A client that makes each call, and each page of a paginator, through a WSGI application."""

    def __init__(self, client: Any, before: Callable[..., Iterable[bytes]]) -> None:
        self._client, self._before = client, before

    def get_paginator(self, operation: str) -> Any:
        return _PaginatorThrough(self._client.get_paginator(operation), self._before)

    def __getattr__(self, name: str) -> Any:
        member = getattr(self._client, name)
        if not callable(member):
            return member

        def call(**arguments: Any) -> Any:
            with _passing(self._before):
                return member(**arguments)

        return call


class _PaginatorThrough:
    def __init__(self, paginator: Any, before: Callable[..., Iterable[bytes]]) -> None:
        self._paginator, self._before = paginator, before

    def paginate(self, **arguments: Any) -> Iterator[Any]:
        pages = iter(self._paginator.paginate(**arguments))
        while True:
            with _passing(self._before):
                page = next(pages, None)
            if page is None:
                return
            yield page


@contextmanager
def _passing(before: Callable[..., Iterable[bytes]] | None) -> Iterator[None]:
    token = _BEFORE.set(before)
    try:
        yield
    finally:
        _BEFORE.reset(token)


def _environ(request: Any) -> dict[str, Any]:
    url = urlsplit(request.url)
    body: Any = request.body or b""
    body = body.read() if hasattr(body, "read") else body
    body = body.encode() if isinstance(body, str) else bytes(body)
    environ = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote(url.path).encode().decode("latin-1"),
        "QUERY_STRING": url.query,
        # moto needs the path as it was sent, because keys may contain percent signs.
        "RAW_URI": url.path,
        "REQUEST_URI": url.path + (f"?{url.query}" if url.query else ""),
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "localhost",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in request.headers.items():
        key = name.upper().replace("-", "_")
        text = value.decode() if isinstance(value, bytes) else value
        environ[key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"] = text
    return environ
