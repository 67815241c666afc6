"""The local cloud's HTTP server, as clients of AWS use one."""

import http.client
import socket
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from rds_lake.localcloud.http.server import Server


class Echo:
    """An application that answers with the path and the body it was sent, and remembers them."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, bytes]] = []

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path == "/broken":
            raise KeyError("a broken operation")
        body = b"" if path == "/unread" else environ["wsgi.input"].read()
        self.seen.append((path, body))
        start("204 NO CONTENT" if path == "/nothing" else "200 OK", [])
        return [] if path == "/nothing" else [path.encode(), b" ", body]


@pytest.fixture
def echo() -> Echo:
    return Echo()


@pytest.fixture
def server(echo: Echo) -> Iterator[Server]:
    with Server(echo) as running:
        yield running


@pytest.fixture
def client(server: Server) -> Iterator[http.client.HTTPConnection]:
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=10)
    yield connection
    connection.close()


def ask(client: http.client.HTTPConnection, path: str, body: Any = None, **headers: str) -> tuple[int, bytes]:
    client.request("POST" if body else "GET", path, body, headers)
    answer = client.getresponse()
    return answer.status, answer.read()


def test_requests_of_every_kind_follow_each_other_on_one_connection(client: http.client.HTTPConnection) -> None:
    assert ask(client, "/a", b"one") == (200, b"/a one")
    first = client.sock
    assert ask(client, "/unread", b"never read") == (200, b"/unread ")
    assert ask(client, "/b", iter([b"in ", b"pieces"])) == (200, b"/b in pieces"), "a chunked body"
    assert ask(client, "/nothing") == (204, b"")
    client.request("HEAD", "/c")
    assert client.getresponse().read() == b""
    assert ask(client, "/d", b"x", Expect="100-continue") == (200, b"/d x")
    assert client.sock is first


def test_an_operation_that_breaks_is_a_server_error_and_the_connection_goes_on(
    client: http.client.HTTPConnection, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ask(client, "/broken") == (500, b"")
    assert "a broken operation" in capsys.readouterr().err
    assert ask(client, "/a", b"after it") == (200, b"/a after it")


def test_half_a_request_of_a_client_that_died_is_none(server: Server, echo: Echo) -> None:
    place = urlsplit(server.url)
    with socket.create_connection((place.hostname, place.port), timeout=10) as dying:
        dying.sendall(b"PUT /k HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf")
        dying.shutdown(socket.SHUT_WR)
        assert dying.recv(100) == b""
    assert echo.seen == []


def test_a_server_that_was_stopped_answers_on_no_connection_any_more(echo: Echo) -> None:
    with Server(echo) as server:
        client = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=10)
        assert ask(client, "/a")[0] == 200
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
        client.request("GET", "/a")
        client.getresponse()
    client.close()
    assert len(echo.seen) == 1
