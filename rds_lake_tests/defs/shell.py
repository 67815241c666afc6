"""Dagster around a world, without its daemon: sensor ticks and runs as the daemon would do them, in this process."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import dagster as dg
import sqlalchemy
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy.engine import Engine

from rds_lake.config.dynamodb import DynamoDb
from rds_lake.defs.build import build_definitions
from rds_lake.defs.translate import partitions_of
from rds_lake.model.tables.table import TableTarget
from rds_lake_tests.support.servers import memory
from rds_lake_tests.support.world import World

TABLES = (
    TableTarget(database="shop", schema="public", table="orders"),
    TableTarget(database="shop", schema="public", table="Order Details"),
    TableTarget(database="shop", schema="sales", table="nothing"),
)


# A run's output is not looked at here, and capturing it costs four processes a run.
QUIET = {
    "compute_logs": {"module": "dagster._core.storage.noop_compute_log_manager", "class": "NoOpComputeLogManager"},
}
# As it is installed, Dagster makes a database of SQLite for each run and writes each event through to the disk.
_EVENTS_IN_MEMORY = {"module": "dagster._core.storage.event_log", "class": "InMemoryEventLogStorage"}

# Two databases without a run or a tick, as the first instance of this process made them: making the tables of each anew takes a
# tenth of a second.
_EMPTY: dict[str, bytes] = {}

_read_migrations = ScriptDirectory.from_config
_migrations: dict[str | None, ScriptDirectory] = {}


def _remembered_migrations(config: Config) -> ScriptDirectory:
    """What `ScriptDirectory.from_config` answers, read the first time only."""
    place = config.get_main_option("script_location")
    return _migrations.get(place) or _migrations.setdefault(place, _read_migrations(config))


# Dagster opens each of its databases anew for every question, with an engine that has to compile every statement again.
_engines: dict[str, Engine] = {}
_engine_of_sqlite = "sqlite"
_storages: tuple[Any, ...] = tuple(
    import_module(f"dagster._core.storage.{name}")
    for name in ("runs.sqlite.sqlite_run_storage", "schedules.sqlite.sqlite_schedule_storage", "event_log.in_memory")
)


def _remembered_engine(url: str, **options: Any) -> Engine:
    """What `create_engine` answers; all engines share what the first has compiled, and a database has one."""
    if url not in _engines:
        engine = sqlalchemy.create_engine(url, **options)
        first = _engines.setdefault(_engine_of_sqlite, engine)
        engine.dialect, engine._compiled_cache = first.dialect, first._compiled_cache
        _engines[url] = engine
    return _engines[url]


def _forget_engines() -> None:
    for url in [url for url in _engines if url != _engine_of_sqlite]:
        _engines.pop(url).dispose()


@contextmanager
def quick_instance() -> Iterator[dg.DagsterInstance]:
    """A new Dagster instance that costs little; the daemon's tests have one as it is installed."""
    with tempfile.TemporaryDirectory(dir=memory()) as folder:
        # Dagster reads its 90 files of migrations for each of the three databases that an instance has.
        ScriptDirectory.from_config = _remembered_migrations
        for storage in _storages:
            storage.create_engine = _remembered_engine
        try:
            overrides = QUIET | {"event_log_storage": _EVENTS_IN_MEMORY}
            for name, body in _EMPTY.items():
                file = Path(folder, name)
                file.parent.mkdir(parents=True)
                file.write_bytes(body)
            with dg.instance_for_test(overrides=overrides, temp_dir=folder) as instance:
                if not _EMPTY:
                    _EMPTY.update(
                        {str(file.relative_to(folder)): file.read_bytes() for file in Path(folder).rglob("*.db")}
                    )
                yield instance
        finally:
            ScriptDirectory.from_config = _read_migrations
            for storage in _storages:
                storage.create_engine = sqlalchemy.create_engine
            _forget_engines()


class Shell:
    """Ticks and runs. `grace_seconds`: what reconciliation leaves to events."""

    def __init__(self, world: World, instance: dg.DagsterInstance, *, grace_seconds: float = 0) -> None:
        self.world, self.instance, self.grace_seconds = world, instance, grace_seconds
        self.cursors: dict[str, str | None] = {}
        self.run_keys: set[tuple[str, str]] = set()
        self.mails: list[str] = []
        self.reload()

    def reload(self) -> None:
        """Load the code location again, with the world's present configuration."""
        self.world.provision()
        (source, *others) = self.world.config.sources
        tables = source.included_tables if isinstance(source, DynamoDb) else TABLES
        known = {source.name: tables} if tables and not others else {}
        self.definitions = build_definitions(
            self.world.config,
            known_tables=known,
            resources={"aws": self.world.aws},
            reconcile_grace_seconds=self.grace_seconds,
        )
        self.repository = self.definitions.get_repository_def()

    @property
    def cursor(self) -> str | None:
        """The events sensor's."""
        return self.cursors.get("rds_lake_events")

    def forget_tick(self) -> None:
        """As if the daemon had died before it stored anything of its ticks."""
        self.cursors, self.run_keys = {}, set()

    def tick(self, name: str = "rds_lake_events") -> list[dg.RunRequest]:
        """One tick of a sensor; run keys the sensor used before are dropped, as Dagster does."""
        context = dg.build_sensor_context(
            instance=self.instance,
            cursor=self.cursors.get(name),
            repository_def=self.repository,
            resources=self.repository.get_top_level_resources(),
        )
        result: Any = self.repository.get_sensor_def(name).evaluate_tick(context)
        self.cursors[name] = result.cursor
        fresh = [request for request in result.run_requests or [] if (name, request.run_key) not in self.run_keys]
        self.run_keys |= {(name, request.run_key) for request in fresh}
        return fresh

    def reconcile(self) -> list[dg.RunRequest]:
        """One tick of the reconciliation sensor."""
        return self.tick("rds_lake_reconciliation")

    def run(self, request: dg.RunRequest) -> dg.ExecuteInProcessResult:
        """Execute a request, and tick the failure sensor if it fails."""
        job = self.definitions.resolve_implicit_global_asset_job_def()
        if request.asset_check_keys and not request.asset_selection:
            job = job.get_subset(asset_check_selection=set(request.asset_check_keys))
        result = job.execute_in_process(
            instance=self.instance,
            partition_key=request.partition_key,
            asset_selection=list(request.asset_selection) if request.asset_selection else None,
            run_config=dict(request.run_config),
            tags=dict(request.tags),
            raise_on_error=False,
        )
        if not result.success:
            self.tell_failure(result)
        return result

    def materialize(
        self, day: str, *names: str, run_config: dict[str, Any] | None = None, **how: Any
    ) -> dg.ExecuteInProcessResult:
        """Materialize assets of the source by their last name; none: all. Without configuration, as the UI's button does."""
        keys = [dg.AssetKey([self.world.config.sources[0].name, name]) for name in names] or list(
            self.definitions.resolve_all_asset_keys()
        )
        job = self.definitions.resolve_implicit_global_asset_job_def()
        return job.execute_in_process(
            instance=self.instance,
            partition_key=day,
            asset_selection=keys,
            run_config=run_config,
            raise_on_error=False,
            **how,
        )

    def begin(self, day: str) -> dg.ExecuteInProcessResult:
        """Run `snapshot_export` as a sensor asks for it when a date is to be begun, whatever the date."""
        step = f"{self.world.config.sources[0].name}__snapshot_export"
        orders = {"ops": {step: {"config": {"trigger": "begin"}}}}
        return self.materialize(day, "snapshot_export", run_config=orders, tags={"rds_lake/trigger": "begin"})

    def status(self, day: str, name: str) -> str:
        """What Dagster shows of a date of an asset: MATERIALIZED, FAILED, IN_PROGRESS, or MISSING."""
        key = dg.AssetKey([self.world.config.sources[0].name, name])
        shown = self.instance.get_status_by_partition(key, [day], partitions_of(self.world.config)) or {}
        status = shown.get(day)
        return status.value if status else "MISSING"

    def tell_failure(self, result: dg.ExecuteInProcessResult) -> None:
        """The failure sensor's tick for a failed run."""
        run = self.instance.get_run_by_id(result.run_id)
        assert run is not None
        context = dg.build_run_status_sensor_context(
            sensor_name="rds_lake_failures",
            dagster_instance=self.instance,
            dagster_run=run,
            dagster_event=result.get_run_failure_event(),
            resources=self.repository.get_top_level_resources(),
        ).for_run_failure()
        self.repository.get_sensor_def("rds_lake_failures")(context)

    def failure(self, result: dg.ExecuteInProcessResult) -> str:
        """What the failed step says to a person."""
        (event,) = [e for e in result.all_node_events if e.event_type_value == "STEP_FAILURE"]
        data = event.step_failure_data
        return str(data.user_failure_data.description if data.user_failure_data else data.error)
