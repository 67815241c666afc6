"""The local Redshift as a whole: clusters, workgroups, databases and the Data API.

`POST /_local/redshift {"creating_minutes": 5}` changes how long operations take from then on; `GET` shows it.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

from rds_lake.localcloud.faults.faults import Faults
from rds_lake.localcloud.http.app import ApiError, LocalCloudApp
from rds_lake.localcloud.http.clock import Clock
from rds_lake.localcloud.http.loop import InProcessClients
from rds_lake.localcloud.permissions.acting import Actors
from rds_lake.localcloud.redshift.clusters.credentials import Credentials
from rds_lake.localcloud.redshift.clusters.provisioned import Clusters
from rds_lake.localcloud.redshift.clusters.secrets import AdminSecrets
from rds_lake.localcloud.redshift.clusters.serverless import Serverless
from rds_lake.localcloud.redshift.clusters.warehouses import Warehouses
from rds_lake.localcloud.redshift.data.service import DataApi
from rds_lake.localcloud.redshift.engine.databases import Databases
from rds_lake.localcloud.redshift.settings import RedshiftSettings

_CHANGEABLE = ("creating_minutes", "deleting_minutes", "pausing_minutes", "resuming_minutes", "snapshot_minutes")


class RedshiftService:
    """Creates its parts, which share their databases and settings."""

    def __init__(
        self, app: LocalCloudApp, clients: InProcessClients, clock: Clock, faults: Faults, actors: Actors,
        settings: RedshiftSettings,
    ) -> None:  # fmt: skip
        self._first = settings
        self._databases = Databases(clock.now)
        secrets = AdminSecrets(actors, clients)
        self._clusters = Clusters(app, clock, secrets, self._databases.forget)
        self._serverless = Serverless(app, clock, secrets, self._databases.forget)
        Credentials(app, clock, actors, self._clusters, self._serverless)
        warehouses = Warehouses(self._clusters, self._serverless)
        self._data = DataApi(app, clock, faults, actors, warehouses, self._databases, settings)
        actors.permissions.stored.workgroup_arn = warehouses.workgroup_arn
        self._use(settings)
        app.routes["POST", "/_local/redshift"] = self._change
        app.routes["GET", "/_local/redshift"] = self._show

    def reset(self) -> None:
        """Cancel running statements, and forget everything."""
        self._data.reset()
        self._clusters.reset()
        self._serverless.reset()
        self._use(self._first)

    def close(self) -> None:
        """Reset, and wait until every thread has ended."""
        self._data.close()
        self.reset()
        self._databases.close()

    def _use(self, settings: RedshiftSettings) -> None:
        self._clusters.settings = self._serverless.settings = settings

    def _change(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        bad = [
            key
            for key, value in body.items()
            if key not in _CHANGEABLE or not isinstance(value, int | float) or value < 0
        ]
        if bad:
            known = ", ".join(_CHANGEABLE)
            raise ApiError("InvalidParameterValue", f"{', '.join(bad)}: only {known} can be set, to minutes from 0")
        self._use(replace(self._clusters.settings, **body))
        return self._show({})

    def _show(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        return 200, {key: value for key, value in asdict(self._clusters.settings).items() if key in _CHANGEABLE}
