"""Assembles the local cloud: router, repairs of moto, services, control API, server. Operations of services do not belong here."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from werkzeug.test import EnvironBuilder, run_wsgi_app

from rds_lake.localcloud.athena.service import AthenaService, AthenaSettings
from rds_lake.localcloud.dynamodb.export import DynamoDbExports
from rds_lake.localcloud.dynamodb.job import DynamoDbSettings
from rds_lake.localcloud.dynamodb.moto_dynamodb import apply_dynamodb_fixes
from rds_lake.localcloud.dynamodb.scan import add_scan
from rds_lake.localcloud.dynamodb.tables import Tables
from rds_lake.localcloud.events.sender import Events
from rds_lake.localcloud.faults.fault_bodies import read_faults
from rds_lake.localcloud.faults.faults import Faults
from rds_lake.localcloud.faults.skew import ClockGate
from rds_lake.localcloud.faults.throttling import ThrottleGate
from rds_lake.localcloud.firehose.service import Firehose
from rds_lake.localcloud.glue.jobs import GlueJobRuns
from rds_lake.localcloud.http.account import ACCOUNT, REGION
from rds_lake.localcloud.http.app import LocalCloudApp
from rds_lake.localcloud.http.clock import Clock
from rds_lake.localcloud.http.gate import PageGate
from rds_lake.localcloud.http.loop import InProcessClients
from rds_lake.localcloud.http.server import Server
from rds_lake.localcloud.lambdas.calls.calls import DatabaseCalls
from rds_lake.localcloud.lambdas.calls.installed import CallingDatabases
from rds_lake.localcloud.lambdas.schedules import Schedules
from rds_lake.localcloud.lambdas.service import Lambdas, LambdaSettings
from rds_lake.localcloud.moto.bucket_notifications import tell_of_event_bridge
from rds_lake.localcloud.moto.bucket_owners import look_at_expected_owners
from rds_lake.localcloud.moto.bucket_policies import leave_policies_to_the_gate
from rds_lake.localcloud.moto.conditional_copies import look_at_conditions_of_copies
from rds_lake.localcloud.moto.event_targets import apply_event_fixes
from rds_lake.localcloud.moto.fixes import GlueFixes
from rds_lake.localcloud.moto.managed_policies import have_policies_of_aws
from rds_lake.localcloud.moto.queue_policies import keep_policies_of_queues
from rds_lake.localcloud.permissions.acting import Actors
from rds_lake.localcloud.permissions.authorizer import Permissions
from rds_lake.localcloud.permissions.gate import PermissionGate
from rds_lake.localcloud.rds.export import ExportSettings, ExportTasks
from rds_lake.localcloud.rds.kinds import CLUSTER, INSTANCE
from rds_lake.localcloud.rds.snapshots import Snapshots
from rds_lake.localcloud.rds.sources import Sources
from rds_lake.localcloud.redshift.service import RedshiftService
from rds_lake.localcloud.redshift.settings import RedshiftSettings
from rds_lake.localcloud.stacks.service import Stacks

UrlsByIdentifier = Mapping[str, str | Sequence[str]]


class LocalCloud:
    """An AWS on a port of 127.0.0.1.

    `databases` and `clusters`: identifier of the instance or cluster -> URL of its database, or of each of its databases.
    """

    def __init__(
        self,
        databases: UrlsByIdentifier,
        *,
        clusters: UrlsByIdentifier | None = None,
        port: int = 0,
        exports: ExportSettings | None = None,
        athena: AthenaSettings | None = None,
        dynamodb: DynamoDbSettings | None = None,
        lambdas: LambdaSettings | None = None,
        redshift: RedshiftSettings | None = None,
    ) -> None:
        self.databases, self.clusters = _url_tuples(databases), _url_tuples(clusters or {})
        self._sources = Sources(self.databases, self.clusters)
        self.app = LocalCloudApp()
        self.clients = InProcessClients(self.app)
        self.faults = Faults()
        self.permissions = Permissions(self.app, self.faults)
        self._actors = Actors(self.app, self.permissions, self.clients)
        # Before anything that has to be cleaned up, because a port in use ends the program here.
        permitted = PermissionGate(self.app, self.permissions)
        self._server = Server(PageGate(ClockGate(ThrottleGate(permitted, self.faults)), self.app), port)
        self._cache = Path(tempfile.mkdtemp(prefix="rds-lake-cloud-"))
        _repair_moto(self.app, self.permissions)
        self.events = Events(self.clients, self.faults.route)
        self.snapshots = Snapshots(self.app, self.clients, self._sources, self.events)
        settings, shared = exports or ExportSettings(), (self.app, self.clients)
        self.exports = ExportTasks(
            *shared, self._sources, self.snapshots, self.events, self.faults, settings, self._actors
        )
        self.athena = AthenaService(*shared, athena or AthenaSettings(), self._actors, cache_folder=self._cache)
        self._add_dynamodb(dynamodb or DynamoDbSettings())
        self._add_streaming(lambdas or LambdaSettings(), redshift or RedshiftSettings())
        self.job_runs = GlueJobRuns(self.app, self.clients, self.events, self.faults, self._actors)
        self._add_control()

    def _add_control(self) -> None:
        timed = lambda: datetime.fromtimestamp(self.clock.now() / 1e6, UTC)  # noqa: E731
        self.stacks = Stacks(self.app, self.clients, self.faults, self._actors, clock=timed)
        # First, because a running operation of a stack would create resources after the others' reset.
        self.app.reset_callbacks.insert(0, self.stacks.reset)
        self.app.reset_callbacks += [self.job_runs.reset, self.exports.reset, self.snapshots.reset, self.athena.reset]
        # Last, because a task that ends during its reset may have sent an event that is not yet delivered.
        self.app.reset_callbacks += [self.faults.reset, self.permissions.reset]
        self.app.routes["GET", "/_local/health"] = self._health
        self.app.routes["POST", "/_local/reset"] = self._reset
        self.app.routes["POST", "/_local/faults"] = self._add_faults
        self.app.routes["GET", "/_local/faults"] = self._list_faults

    def _add_dynamodb(self, settings: DynamoDbSettings) -> None:
        apply_dynamodb_fixes()
        self.clock = Clock(self.app)
        tables = Tables(self.app, self.clock)
        add_scan(self.app, tables)
        self.table_exports = DynamoDbExports(
            self.app, self.clients, self.clock, tables, self.faults, settings, self._actors
        )
        self.app.reset_callbacks += [self.table_exports.reset, tables.reset, self.clock.reset]

    def _add_streaming(self, settings: LambdaSettings, redshift: RedshiftSettings) -> None:
        timed = (self.clock, self.faults, self._actors)
        self.firehose = Firehose(self.app, *timed)
        self.lambdas = Lambdas(self.app, self.clients, *timed, settings, url=lambda: self.url)
        self.schedules = Schedules(self.app, self.clock, self.lambdas)
        calls = DatabaseCalls(self.lambdas, self.faults, self._actors)
        self.calling_databases = CallingDatabases(self.app, calls, self._urls)
        self.redshift = RedshiftService(self.app, self.clients, *timed, redshift)
        self.app.reset_callbacks += [self.lambdas.reset, self.schedules.reset, self.firehose.reset, self.redshift.reset]

    @property
    def url(self) -> str:
        return self._server.url

    def start(self) -> LocalCloud:
        """Start serving, after a reset that registers the databases as RDS instances and clusters."""
        self.reset()
        self._server.start()
        return self

    def stop(self) -> None:
        """Stop serving; frozen snapshots and caches are removed."""
        # Last in, first out. If one fails (its database has stopped already), the others are still called.
        with ExitStack() as stack:
            stack.callback(shutil.rmtree, self._cache, ignore_errors=True)
            stack.callback(self.faults.reset)
            stack.callback(self.snapshots.reset)
            stack.callback(self.exports.close)
            stack.callback(self.table_exports.close)
            stack.callback(self.job_runs.close)
            stack.callback(self.athena.close)
            stack.callback(self.firehose.close)
            stack.callback(self.redshift.close)
            stack.callback(self.lambdas.close)
            stack.callback(self.calling_databases.close)
            stack.callback(self.stacks.reset)
            stack.callback(self._server.stop)

    def reset(self) -> None:
        """Delete everything except the databases."""
        for callback in self.app.reset_callbacks:
            callback()
        request = EnvironBuilder(path="/moto-api/reset", method="POST").get_environ()
        run_wsgi_app(self.app.moto, request, buffered=True)
        self.snapshots.register()

    def _urls(self, identifier: str) -> tuple[str, ...]:
        return (self.databases | self.clusters).get(identifier, ())

    def _health(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        sources = {"databases": self._sources.names(INSTANCE), "clusters": self._sources.names(CLUSTER)}
        return 200, {"status": "ok", "account": ACCOUNT, "region": REGION} | sources

    def _reset(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        self.reset()
        return 200, {"status": "ok"}

    def _add_faults(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        self.faults.add(read_faults(body))
        return 200, self.faults.shown()

    def _list_faults(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        return 200, self.faults.shown()

    def __enter__(self) -> LocalCloud:
        with ExitStack() as failed:
            failed.callback(self.stop)
            self.start()
            failed.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _repair_moto(app: LocalCloudApp, permissions: Permissions) -> None:
    """Apply the repairs of moto, in the router and in this process."""
    GlueFixes(app)
    leave_policies_to_the_gate()
    keep_policies_of_queues()
    have_policies_of_aws()
    look_at_expected_owners()
    look_at_conditions_of_copies()
    tell_of_event_bridge()
    apply_event_fixes(permissions)


def _url_tuples(urls_of: UrlsByIdentifier) -> dict[str, tuple[str, ...]]:
    return {name: (urls,) if isinstance(urls, str) else tuple(urls) for name, urls in urls_of.items()}
