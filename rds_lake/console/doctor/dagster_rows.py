"""Rows about the Dagster of DAGSTER_HOME: whether its daemons, sensors and schedules run. They use only Dagster's public API."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.infra.doctor.findings import Examination, Row, Seen, Verdict, bad, doubtful, good
from rds_lake.infra.doctor.patient import Patient
from rds_lake.model.words import counted

if TYPE_CHECKING:
    import dagster as dg

INSTANCE = Row(
    id="dagster.instance",
    looks_at="The instance in DAGSTER_HOME can be opened. Without the variable, the rows about Dagster are skipped.",
    remedy="set DAGSTER_HOME to where dagster.yaml is, and make its database reachable",
)
STORAGE = Row(
    id="dagster.storage",
    looks_at="Runs and events are stored in PostgreSQL or MySQL: SQLite locks when several runs write at once, and is lost "
    "with its machine.",
    remedy="set `storage: postgres:` in dagster.yaml before you go into production",
)
COORDINATOR = Row(
    id="dagster.coordinator",
    looks_at="Runs are queued (QueuedRunCoordinator): without it, limits and priorities have no effect.",
    remedy="remove `run_coordinator:` from dagster.yaml, or set QueuedRunCoordinator",
)
BACKFILLS = Row(
    id="dagster.backfills",
    looks_at="A backfill starts no more runs at once than AWS allows exports.",
    remedy="add `tag_concurrency_limits: [{key: dagster/backfill, limit: 5}]` under `concurrency: runs:` of dagster.yaml",
)
DAEMON = Row(
    id="dagster.daemon",
    looks_at="Dagster's daemon has been alive within the last five minutes.",
    remedy="start `dagster-daemon run`, and check its log",
)
SENSORS = Row(
    id="dagster.sensors",
    looks_at="No sensor of the lake is switched off.",
    remedy="switch the sensor on in Dagster (Automation), or `dagster sensor start`",
)
ROWS = (INSTANCE, STORAGE, COORDINATOR, BACKFILLS, DAEMON, SENSORS)
_ALIVE = timedelta(minutes=5)
_AT_ONCE = ("Default", "SyncInMemory")
_FILES = ("Sqlite", "InMemory", "ConsolidatedSqlite")
_BACKFILL = "dagster/backfill"
Open = Callable[[], "dg.DagsterInstance"]


def examinations(config: LakeConfig, home: str | None) -> Iterator[Examination]:
    """Returns the examinations of Dagster; each requires that the instance can be opened."""
    if not home:
        yield Examination(row=INSTANCE, look=lambda _: Seen(verdict=Verdict.SKIPPED, text="DAGSTER_HOME is not set"))
        return
    after = ((INSTANCE.id, ""),)
    yield Examination(row=INSTANCE, look=lambda _: _instance(home))
    yield Examination(row=STORAGE, look=_asking(_storage), after=after)
    yield Examination(row=COORDINATOR, look=_asking(_coordinator), after=after)
    yield Examination(row=BACKFILLS, look=_asking(partial(_backfills, config.lake.export_quota)), after=after)
    yield Examination(row=DAEMON, look=_asking(_daemon), after=after)
    yield Examination(row=SENSORS, look=_asking(partial(_sensors, config)), after=((DAEMON.id, ""),))


def _asking(look: Callable[[Any, Patient], Seen]) -> Callable[[Patient], Seen]:
    """Returns an examination that opens its own instance, because SQLite works only in one thread."""

    def looking(patient: Patient) -> Seen:
        import dagster as dg  # a second

        with dg.DagsterInstance.get() as instance:
            return look(instance, patient)

    return looking


def _instance(home: str) -> Seen:
    import dagster as dg  # a second
    from sqlalchemy.exc import SQLAlchemyError

    try:
        with dg.DagsterInstance.get() as instance:
            instance.get_runs_count()
    except (dg.DagsterError, SQLAlchemyError, OSError) as error:
        return bad(f"{home} cannot be opened: {str(error).partition(chr(10))[0]}")
    return good(home)


def _storage(instance: Any, _: Patient) -> Seen:
    name = type(instance.event_log_storage).__name__
    return doubtful(f"events are kept by {name}") if name.startswith(_FILES) else good(name)


def _coordinator(instance: Any, _: Patient) -> Seen:
    name = type(instance.run_coordinator).__name__
    if name.startswith(_AT_ONCE):
        return bad(f"every run starts at once ({name})")
    return (
        good(name)
        if "Queued" in name
        else doubtful(f"rds-lake does not know {name}: check that it applies limits and priorities")
    )


def _backfills(quota: int, instance: Any, _: Patient) -> Seen:
    queue = instance.get_concurrency_config().run_queue_config
    limits = queue.tag_concurrency_limits if queue else None
    own = [limit for limit in limits or () if limit.get("key") == _BACKFILL]
    if not own:
        return doubtful(f"runs of a backfill have no limit (`{_BACKFILL}`), so they can fill the run queue")
    most = max(limit["limit"] for limit in own)
    text = f"{most} runs at once"
    return good(text) if most <= quota else doubtful(f"{text}, and AWS allows {counted(quota, 'export')}")


def _daemon(instance: Any, patient: Patient) -> Seen:
    beats = [beat.timestamp for beat in instance.get_daemon_heartbeats().values()]
    if not beats:
        return bad("no daemon has ever run on this instance")
    age = timedelta(seconds=patient.now().timestamp() - max(beats))
    text = f"its last heartbeat is {age.total_seconds():,.0f} s old"
    return good(text) if age < _ALIVE else bad(text)


def sensor_names(config: LakeConfig) -> tuple[str, ...]:
    """Returns the names of the sensors of `defs/sensors/`."""
    mails = ("rds_lake_failures",) if config.lake.notifications else ()
    changed = (f"{source.name}__changes" for source in config.databases if source.streams)
    return ("rds_lake_events", "rds_lake_reconciliation", *mails, *changed)


def _sensors(config: LakeConfig, instance: Any, _: Patient) -> Seen:
    names = sensor_names(config)
    known = {state.instigator_name: state.status.value for state in instance.all_instigator_state()}
    off = [name for name in names if known.get(name) == "STOPPED"]
    if off:
        return bad(f"{', '.join(off)} {'is' if len(off) == 1 else 'are'} switched off")
    # A sensor that is on by default has a state as soon as the daemon has evaluated it once.
    unseen = [name for name in names[:2] if name not in known]
    if unseen:
        return doubtful(
            f"the daemon has not run {', '.join(unseen)} yet", "check that the code location loads in Dagster"
        )
    return good("on")
