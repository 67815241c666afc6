"""The whole local cloud, assembled: router, repairs, planes, control API, server.

What belongs here: the assembly. What does not: any operation.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any

from werkzeug.test import EnvironBuilder, run_wsgi_app

from rds_lake.localcloud.app import ACCOUNT, LocalCloudApp
from rds_lake.localcloud.athena.service import AthenaService, AthenaSettings
from rds_lake.localcloud.loop import InProcessClients
from rds_lake.localcloud.moto_fixes import GlueFixes, apply_event_fixes
from rds_lake.localcloud.rds_export import ExportSettings, ExportTasks
from rds_lake.localcloud.rds_snapshots import REGION, Snapshots
from rds_lake.localcloud.server import Server


class LocalCloud:
    """An AWS on a port of 127.0.0.1. `databases`: instance identifier -> postgresql:// URL."""

    def __init__(
        self,
        databases: dict[str, str],
        *,
        port: int = 0,
        exports: ExportSettings | None = None,
        athena: AthenaSettings | None = None,
    ) -> None:
        self.databases = dict(databases)
        self.app = LocalCloudApp()
        self.clients = InProcessClients(self.app)
        self._cache = Path(tempfile.mkdtemp(prefix="rds-lake-cloud-"))
        apply_event_fixes()
        GlueFixes(self.app, self.clients)
        self.snapshots = Snapshots(self.app, self.clients, databases)
        self.exports = ExportTasks(self.app, self.clients, self.snapshots, exports or ExportSettings())
        self.athena = AthenaService(self.app, self.clients, athena or AthenaSettings(), cache_folder=self._cache)
        self.app.reset_callbacks += [self.exports.reset, self.snapshots.reset, self.athena.reset]
        self.app.routes["GET", "/_local/health"] = self._health
        self.app.routes["POST", "/_local/reset"] = self._reset
        self._server = Server(self.app, port)

    @property
    def url(self) -> str:
        return self._server.url

    def start(self) -> LocalCloud:
        """Begin from nothing, with the databases registered as RDS instances, and serve."""
        self.reset()
        self._server.start()
        return self

    def stop(self) -> None:
        """Stop serving; frozen snapshots and caches are removed."""
        self._server.stop()
        self.athena.close()
        self.exports.close()
        self.snapshots.reset()
        shutil.rmtree(self._cache, ignore_errors=True)

    def reset(self) -> None:
        """Forget everything but the databases."""
        for callback in self.app.reset_callbacks:
            callback()
        request = EnvironBuilder(path="/moto-api/reset", method="POST").get_environ()
        run_wsgi_app(self.app.moto, request, buffered=True)
        self.snapshots.register_instances()

    def _health(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        return 200, {"status": "ok", "account": ACCOUNT, "region": REGION, "databases": self.snapshots.names()}

    def _reset(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        self.reset()
        return 200, {"status": "ok"}

    def __enter__(self) -> LocalCloud:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
