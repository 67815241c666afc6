"""A real MariaDB from the system's packages, in its own folder, which is removed when it stops."""

from __future__ import annotations

import atexit
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import quote

import pymysql

from rds_lake.localcloud.databases.mysql import identifier
from rds_lake.localcloud.databases.ports import free_port
from rds_lake.localcloud.databases.server_process import await_server, end_server

INSTALL = "apt-get install mariadb-server"
_USER = "rds"
# Where servers are installed, which is seldom on the PATH of ordinary users.
_SERVER_PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin", "/usr/libexec"])
# Speed over durability: the data lives as long as the process.
_SETTINGS = {
    "bind-address": "127.0.0.1",
    "character-set-server": "utf8mb4",
    "default-time-zone": "+00:00",
    "innodb-buffer-pool-size": "64M",
    "innodb-doublewrite": "OFF",
    "innodb-fast-shutdown": "2",
    "innodb-flush-log-at-trx-commit": "0",
    "performance-schema": "OFF",
    "skip-log-bin": "ON",
}


class MariaDbMissingError(RuntimeError):
    """MariaDB's server is not installed; the message has the command that installs it."""


class EmbeddedMariaDb:
    """One MariaDB server on a free port of 127.0.0.1, as a context manager or with `start` and `stop`."""

    def __init__(self) -> None:
        self._server = _find("mariadbd", "mysqld")
        self._installer = _find("mariadb-install-db", "mysql_install_db")
        # Not in $TMPDIR for root: it may be in a folder that the server's user cannot enter.
        self._folder = Path(tempfile.mkdtemp(prefix="rds-lake-my-", dir="/tmp" if os.geteuid() == 0 else None))  # noqa: S108
        self._process: subprocess.Popen[Any] | None = None
        self._port = 0
        # Other users of the machine reach the port too.
        self._password = secrets.token_hex(16)

    def start(self) -> EmbeddedMariaDb:
        """Create the system tables and start the server. RuntimeError, with the server's log, if it does not start."""
        atexit.register(self.stop)
        self._prepare()
        self._port = free_port()
        settings = [f"--{name}={value}" for name, value in _SETTINGS.items()]
        with (self._folder / "server.log").open("wb") as log:
            self._process = subprocess.Popen(
                [self._server, *self._common(), *settings, f"--port={self._port}", *self._files()],
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # A session of its own: Ctrl-C reaches this process only, which decides the order of stopping.
                start_new_session=True,
            )
        self._await_ready(self._process)
        return self

    def url(self, database: str) -> str:
        """`mysql://…` of a database on this server."""
        return f"mysql://{_USER}:{self._password}@127.0.0.1:{self._port}/{quote(database, safe='')}"

    def create_database(self, name: str) -> str:
        """Create an empty database and return its URL."""
        with self._connect() as connection, connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {identifier(name)} CHARACTER SET utf8mb4")
        return self.url(name)

    def stop(self) -> None:
        """Stop the server and remove everything; safe to call twice."""
        atexit.unregister(self.stop)
        if self._process is not None:
            end_server(self._process, signal.SIGTERM)
            self._process = None
        shutil.rmtree(self._folder, ignore_errors=True)

    def _prepare(self) -> None:
        for folder in (self._folder, self._folder / "data", self._folder / "tmp"):
            folder.mkdir(mode=0o700, exist_ok=True)
            _give_to_server(folder)
        # Root connects by the socket only, which only this user and the system's root can reach.
        command = [self._installer, *self._common(), "--auth-root-authentication-method=socket", "--skip-test-db"]
        done = subprocess.run(command, cwd="/", capture_output=True, text=True, check=False)
        if done.returncode:
            self.stop()
            raise RuntimeError(f"{self._installer} failed: {done.stderr or done.stdout}")
        start = self._folder / "start.sql"
        start.write_text(
            f"CREATE USER {_USER}@'127.0.0.1' IDENTIFIED BY '{self._password}';\n"
            f"GRANT ALL PRIVILEGES ON *.* TO {_USER}@'127.0.0.1' WITH GRANT OPTION;\n",
            encoding="utf-8",
        )
        start.chmod(0o600)
        _give_to_server(start)

    def _common(self) -> list[str]:
        """Returns the options of installer and server. The machine's own option files are not read."""
        user = [f"--user={_server_user()}"] if os.geteuid() == 0 else []
        return ["--no-defaults", f"--datadir={self._folder / 'data'}", *user]

    def _files(self) -> list[str]:
        """The server writes everything into its own folder."""
        names = {"socket": "server.sock", "pid-file": "server.pid", "tmpdir": "tmp", "init-file": "start.sql"}
        return [f"--{option}={self._folder / name}" for option, name in names.items()]

    def _connect(self) -> pymysql.Connection[Any]:
        return pymysql.connect(
            host="127.0.0.1", port=self._port, user=_USER, password=self._password, connect_timeout=2, autocommit=True
        )

    def _await_ready(self, process: subprocess.Popen[Any]) -> None:
        try:
            await_server(process, lambda: self._connect().close(), refused=pymysql.err.OperationalError)
        except pymysql.err.OperationalError as error:
            log = (self._folder / "server.log").read_text(encoding="utf-8", errors="replace")
            self.stop()
            raise RuntimeError(f"MariaDB did not start: {error}\n{log[-2000:]}") from error

    def __enter__(self) -> EmbeddedMariaDb:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _find(*programs: str) -> str:
    for program in programs:
        if path := shutil.which(program, path=_SERVER_PATH):
            return path
    raise MariaDbMissingError(f"MariaDB's server is not installed ({programs[0]} is not on the PATH): {INSTALL}")


def _server_user() -> str:
    """Returns the user for the server if this process is root: `mysql`, which the package creates, else `nobody`."""
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "mysql" if "mysql" in names else "nobody"


def _give_to_server(path: Path) -> None:
    if os.geteuid() == 0:
        user = pwd.getpwnam(_server_user())
        os.chown(path, user.pw_uid, user.pw_gid)
