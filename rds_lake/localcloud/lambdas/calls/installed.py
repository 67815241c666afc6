"""The databases that can call functions: `POST /_local/lambda {"database": "shop-prod", "role": "arn:…"}` adds one.

Only on request: Aurora's built-in functions are created here as schemas, tables and functions in the database itself, by the user
of its URL. Without a role, the database may invoke everything.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pymysql

from rds_lake.localcloud.databases.source import shown
from rds_lake.localcloud.http.app import ApiError, LocalCloudApp
from rds_lake.localcloud.lambdas.calls import mysql, postgres
from rds_lake.localcloud.lambdas.calls.calls import DatabaseCalls
from rds_lake.localcloud.lambdas.calls.wire import WireServer

Json = dict[str, Any]
_FAILED = (psycopg.Error, pymysql.Error, OSError, mysql.NoFederationError, postgres.ForeignSchemaError)


class CallingDatabases:
    """The databases that can call functions. `urls` returns the URLs of an instance's or cluster's databases."""

    def __init__(self, app: LocalCloudApp, calls: DatabaseCalls, urls: Callable[[str], Sequence[str]]) -> None:
        self._calls, self._urls = calls, urls
        self._wire: WireServer | None = None
        self._pollers: dict[str, mysql.Poller] = {}
        self._lock = threading.Lock()
        app.routes["POST", "/_local/lambda"] = self._install_requested

    def install(self, database: str, role: str | None = None) -> None:
        """Let all databases of an instance or cluster call functions. ApiError says what prevents it."""
        urls = self._urls(database)
        if not urls:
            raise ApiError("DBInstanceNotFound", f"there is no instance or cluster {database!r} here", 404)
        self._calls.associate(database, role)
        for url in urls:
            try:
                self._install(database, url)
            except _FAILED as error:
                raise ApiError("InstallFailed", f"{database} at {shown(url)} cannot call functions: {error}") from error

    def close(self) -> None:
        """Stop listening. The functions stay in the databases: calls now fail, as when Lambda cannot be reached."""
        with self._lock:
            pollers, self._pollers = self._pollers, {}
            wire, self._wire = self._wire, None
        for poller in pollers.values():
            poller.close()
        if wire is not None:
            wire.close()

    def _install(self, database: str, url: str) -> None:
        with self._lock:
            if urlsplit(url).scheme == "mysql":
                mysql.install(url, database=database)
                server = urlsplit(url).netloc
                if server not in self._pollers:
                    self._pollers[server] = mysql.Poller(url, self._calls)
                return
            if self._wire is None:
                self._wire = WireServer(partial(postgres.answer, self._calls))
            postgres.install(url, database=database, port=self._wire.port)

    def _install_requested(self, body: Json) -> tuple[int, Json]:
        unknown, database, role = sorted(set(body) - {"database", "role"}), body.get("database"), body.get("role")
        if unknown or not isinstance(database, str) or not isinstance(role, str | None):
            raise ApiError("InvalidParameterValue", 'the body is {"database": IDENTIFIER} and may have "role": ARN')
        self.install(database, role)
        return 200, {"database": database, "role": role}
