"""Calls of AWS that reach an application in this process, without sockets: by `AwsClients` of their own, or by boto3's own clients.

`in_process`: clients made for it. `short_cut`: any boto3 client that would call a server of this process is answered in the
caller's thread. What passes is the same request and the same answer, through everything that stands before the router; left out
are two threads that wait for each other, and a third of a call's time, and of the signature all but whose it is and of when: the
local cloud looks at nothing else of it, and to make it takes a tenth of a call. A process beside this one, and the S3 wire, which has
sockets of its own, come by HTTP as ever; so does boto3 in tests of the servers and of the gateways.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import formatdate
from typing import Any, cast
from unittest import mock
from urllib.parse import urlsplit

from botocore import auth
from botocore.awsrequest import AWSResponse
from botocore.exceptions import NoCredentialsError
from botocore.httpsession import URLLib3Session

from rds_lake.aws.clients import AwsClients
from rds_lake.localcloud.http import loop
from rds_lake.localcloud.http.loop import InProcessClients
from rds_lake.localcloud.http.server import Server, answer_of

# Applications by the process that serves them, and where.
_started: dict[tuple[int, str], Any] = {}


@contextmanager
def short_cut() -> Iterator[None]:
    """In force within the block, for servers that were started since `watch_servers`."""
    by_http = URLLib3Session.send

    def send(session: URLLib3Session, request: Any) -> AWSResponse:
        host = urlsplit(request.url).netloc
        app = _started.get((os.getpid(), host))  # a child has a copy of the server, which is not the one it speaks to
        return by_http(session, request) if app is None else _answered(app, host, request)

    with (
        mock.patch.object(URLLib3Session, "send", send),
        mock.patch.object(auth.SigV4Auth, "add_auth", _add_scope),
    ):
        yield


_add_auth = auth.SigV4Auth.add_auth


def _add_scope(signer: Any, request: Any) -> None:
    """`SigV4Auth.add_auth` without a signature; one in a URL, which is for somebody else, is made."""
    if type(signer) not in (auth.SigV4Auth, auth.S3SigV4Auth):
        _add_auth(signer, request)
        return
    if signer.credentials is None:
        raise NoCredentialsError
    request.context["timestamp"] = datetime.now(UTC).strftime(auth.SIGV4_TIMESTAMP)
    signer._modify_request_before_signing(request)
    scope = f"AWS4-HMAC-SHA256 Credential={signer.scope(request)}"
    request.headers["Authorization"] = f"{scope}, SignedHeaders=host, Signature=none"


def watch_servers() -> None:
    """Know from now on which servers this process has started."""
    start, stop = Server.start, Server.stop

    def started(server: Server) -> None:
        start(server)
        _started[os.getpid(), urlsplit(server.url).netloc] = server._server.app

    def stopped(server: Server) -> None:
        _started.pop((os.getpid(), urlsplit(server.url).netloc), None)
        stop(server)

    Server.start, Server.stop = started, stopped  # type: ignore[method-assign]


def _answered(app: Any, host: str, request: Any) -> AWSResponse:
    name, _, port = host.partition(":")
    environ = loop._environ(request) | {"HTTP_HOST": host, "SERVER_NAME": name, "SERVER_PORT": port}
    with loop._passing(None):
        status, headers, body = answer_of(app, environ)
    found: Any = {"Date": formatdate(usegmt=True), "Content-Length": str(len(body))} | dict(headers)
    return AWSResponse(
        request.url, int(status.split()[0]), found, loop._RawBody(body if request.method != "HEAD" else b"")
    )


class _InProcess:
    def __init__(self, clients: InProcessClients) -> None:
        self._clients = clients

    def client(self, service: str, *, once: bool = False) -> Any:
        return self._clients.client(service)

    def keys(self) -> None:
        """No credentials for the wire: everything goes through boto3."""

    def __getattr__(self, service: str) -> Any:
        return self.client(service)


def in_process(clients: InProcessClients) -> AwsClients:
    """The clients as the gateways and `infra/` take them."""
    return cast(AwsClients, _InProcess(clients))
