"""A server that hangs, or a proxy that has lost it: the connection stands, and nothing comes any more."""

import re
import signal
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest

from rds_lake.database import postgres_connection, read_only
from rds_lake.database.asked import ask_database
from rds_lake.database.capture import mysql_session, postgres_session
from rds_lake.database.capture.install import installed
from rds_lake.database.connecting import PATIENT, Limits
from rds_lake.database.outbox.health import outbox_health
from rds_lake.database.outbox.postgres import PostgresLink
from rds_lake.errors import UnavailableError
from rds_lake.localcloud.databases.embedded import EmbeddedPostgres
from rds_lake.localcloud.databases.mariadb import EmbeddedMariaDb
from rds_lake.threads import cancelling_threads
from rds_lake_tests.stages.streams.outbox_database import Captured
from rds_lake_tests.support.interrupts import falling_silent, interrupted


class RunCancelledError(BaseException):
    """As Dagster raises one of its own wherever the main thread is, when a run is cancelled."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A database, and the ways in which rds-lake comes to it."""

    captured: Captured

    def after(self, statements: int) -> Callable[[bytes], bool]:
        """Whether a connection sends one more than so many statements."""
        if self.captured.is_mysql:
            # The driver itself asks for `SET NAMES` and `SET AUTOCOMMIT`.
            return lambda sent: len(re.findall(rb"\x03(?:SET|SELECT|START)", sent)) > statements
        return lambda sent: len(re.findall(rb"\b(?:SET|SELECT|BEGIN)\b", sent)) > statements

    def asks(self, url: str, *, limits: Limits = PATIENT) -> dict[str, Callable[[], Any]]:
        """What rds-lake asks it for, by way."""
        dsn, target = Captured(url).dsn, self.captured.target("accounts")
        return {
            "outbox": lambda: outbox_health(dsn, self.captured.home, limits=limits),
            "verify": lambda: ask_database(dsn, [target], exact_below=1_000_000, timeout_seconds=1),
            "capture": lambda: installed(dsn, self.captured.name),
        }


@pytest.fixture(scope="module", params=["postgres", "mysql"])
def database(request: pytest.FixtureRequest) -> Asked:
    if request.param == "postgres":
        postgres: EmbeddedPostgres = request.getfixturevalue("postgres")
        return Asked(Captured(postgres.create_database("silence")).install())
    mariadb: EmbeddedMariaDb = request.getfixturevalue("mariadb")
    return Asked(Captured(mariadb.create_database("silence")).install())


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limits are seconds."""
    monkeypatch.setattr(read_only, "CONNECT_SECONDS", 2)
    monkeypatch.setattr(postgres_connection, "_CANCEL_SECONDS", 0.5)
    for module in (postgres_session, mysql_session):
        monkeypatch.setattr(module, "_SILENCE_SECONDS", 1)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("way", ["outbox", "verify", "capture"])
@pytest.mark.parametrize("statements", [0, 2])
def test_a_server_that_falls_silent_is_given_up_whatever_it_was_asked(
    database: Asked, way: str, statements: int
) -> None:
    with falling_silent(database.captured.url, database.after(statements)) as line:
        with pytest.raises(UnavailableError, match=r"no answer within|20\d\d|ConnectionTimeout") as caught:
            database.asks(line.url, limits=Limits(connect=2, statement=1))[way]()
        assert line.silent.is_set(), "it asks for less than that"
        assert not line.cut.is_set(), "it waited until the connection was closed"
    assert "127.0.0.1" not in str(caught.value)


def test_a_server_that_falls_silent_within_the_handshake_of_tls_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mysql_session, "_SILENCE_SECONDS", 1)
    with greeting_only() as (url, over), pytest.raises(UnavailableError, match="cannot be reached"):
        installed(Captured(url).dsn, "shop")
    assert not over.is_set()


@pytest.mark.parametrize("way", ["outbox", "verify", "capture"])
def test_ctrl_c_ends_a_command_whose_database_has_fallen_silent(database: Asked, way: str) -> None:
    with falling_silent(database.captured.url, database.after(2)) as line:
        with pytest.raises(KeyboardInterrupt), interrupted(line.silent.is_set):
            database.asks(line.url)[way]()
        assert not line.cut.is_set(), "it waited until the connection was closed"


def test_a_thread_that_waits_for_a_silent_server_ends_with_the_first_error_of_another(
    postgres: EmbeddedPostgres,
) -> None:
    database = Asked(Captured(postgres.create_database("silent_thread")).install())
    with falling_silent(database.captured.url, database.after(0)) as line:

        def work(number: int) -> None:
            if number == 0:
                database.asks(line.url)["outbox"]()
            line.silent.wait(60)
            raise ValueError("the cause")

        with pytest.raises(ValueError, match="the cause"), cancelling_threads(2, "databases") as pool:
            list(pool.map(work, range(2)))
        assert not line.cut.is_set(), "it waited until the connection was closed"


def test_the_statement_of_a_run_that_is_cancelled_ends_in_the_database_too(
    postgres: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Closing the connection alone would not end it: the server looks at it only when it has an answer."""
    url = postgres.create_database("cancelled")
    link = PostgresLink(Captured(url).dsn, "cancelled")

    def cancel(*_: object) -> None:
        raise RunCancelledError

    with psycopg.connect(url, autocommit=True) as other, closing(link):

        def runs() -> bool:
            asked = "SELECT 1 FROM pg_stat_activity WHERE state = 'active' AND query = 'SELECT pg_sleep(100)'"
            return other.execute(asked).fetchone() is not None

        before = signal.signal(signal.SIGINT, cancel)
        try:
            with pytest.raises(RunCancelledError), interrupted(runs):
                link.rows("SELECT pg_sleep(100)")
        finally:
            signal.signal(signal.SIGINT, before)
        assert not runs()
        assert link.rows("SELECT 1") == [(1,)], "the connection itself is good"


@contextmanager
def greeting_only() -> Iterator[tuple[str, threading.Event]]:
    """A MySQL server that offers TLS and then says nothing; set when it had to close the connection itself."""
    offers_tls = 0x0000_8A00 | 0x0008_0000 | 0x0200  # of protocol 4.1, with plug-ins and a secure way to authenticate
    body = b"\x0a8.4.0\0" + struct.pack("<I", 7) + b"a" * 8 + b"\0" + struct.pack("<HBH", offers_tls & 0xFFFF, 45, 2)
    body += struct.pack("<HB", offers_tls >> 16, 21) + b"\0" * 10 + b"b" * 12 + b"\0mysql_native_password\0"
    given_up, over = threading.Event(), threading.Event()

    def serve() -> None:
        line, _ = door.accept()
        with line, suppress(OSError):
            line.sendall(len(body).to_bytes(3, "little") + b"\0" + body)
            line.settimeout(90)
            try:
                while line.recv(4096):
                    pass
            except TimeoutError:
                over.set()
        given_up.set()

    with socket.create_server(("127.0.0.1", 0)) as door:
        server = threading.Thread(target=serve)
        server.start()
        yield f"mysql://rds:secret@127.0.0.1:{door.getsockname()[1]}/shop", over
        given_up.wait(10)
        server.join()
