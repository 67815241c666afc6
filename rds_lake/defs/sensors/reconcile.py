"""The sensor that compares AWS with Dagster's materializations, for everything that no event reported.

A tick examines as many sources as fit into its time; the next tick continues with the next source. Exports that wait for a
place are remembered in the cursor, so that the oldest date of the highest priority goes first, whichever source is examined.

What belongs here: adapting Dagster's tick to `stages/databases/reconcile.py`.
"""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import dagster as dg

from rds_lake.config.database import Aurora, Rds
from rds_lake.config.dynamodb import DynamoDb
from rds_lake.config.lake_yaml import LakeConfig, first_date
from rds_lake.config.source import SourceSettings
from rds_lake.defs.keys import Keys
from rds_lake.defs.resources import Gateways, conversions, dynamo_exports, utc_now
from rds_lake.defs.sensors.cursors import ReconcileCursor, read_cursor, render_cursor
from rds_lake.defs.sensors.healing import Healer
from rds_lake.defs.sensors.memory import Memory
from rds_lake.defs.sensors.requests import RUNS_PER_TICK, run_request, selection
from rds_lake.defs.sensors.run_log import DagsterRunLog, open_run_log
from rds_lake.model.words import counted
from rds_lake.stages.databases.account_snapshots import AccountSnapshots
from rds_lake.stages.databases.freshness import watch
from rds_lake.stages.databases.plan import export_plans
from rds_lake.stages.databases.reconcile import Reconciler
from rds_lake.stages.dynamodb.exporting.exports import DynamoExports
from rds_lake.stages.dynamodb.reconcile import DynamoReconciler, watch_set
from rds_lake.stages.lake.pointer import read_state, repairs_due
from rds_lake.stages.runs.attempt import Failed, attempt
from rds_lake.stages.runs.examined import Candidate, Examined, start_next
from rds_lake.stages.runs.wanted import WantedIncident, WantedRun, repairing_run
from rds_lake.stages.streams.alarm import OutboxAlarm

# Dagster ends a tick after 60 s; this leaves time for one slow source.
_TICK_SECONDS = 15
_STARTING_SECONDS = 10
_HEALING_SECONDS = 10


def reconcile_sensor(
    config: LakeConfig, keys: Keys, *, interval_seconds: int, grace_seconds: float
) -> dg.SensorDefinition:
    """Returns the reconciliation sensor. `grace_seconds`: the time for events to arrive first."""
    healer, memory, grace = Healer(keys=keys), Memory(), timedelta(seconds=grace_seconds)

    @dg.sensor(
        name="rds_lake_reconciliation",
        description="Compares AWS's snapshots and exports with Dagster's materializations; starts and settles exports that are left.",
        asset_selection=selection(keys),
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=interval_seconds,
    )
    def rds_lake_reconciliation(
        context: dg.SensorEvaluationContext, tick_gateways: dg.ResourceParam[Gateways]
    ) -> dg.SensorResult:
        deadline, now = time.monotonic() + _TICK_SECONDS, utc_now()
        cursor = read_cursor(ReconcileCursor, context.cursor, context.log.warning)
        log = open_run_log(context.instance, tick_gateways, config, keys, now=now)
        tick = _tick(context, config, tick_gateways, log, memory, turn=cursor.turn, grace=grace, deadline=deadline)
        wanted, following = tick.compare(cursor)
        again = healer.due(context.instance, now=now, most=RUNS_PER_TICK, is_late=tick.is_over)
        # A later tick finds the rest again. Retries after an outage of AWS come after runs that never ran, and
        # one of these runs always has a place.
        requests = [run_request(item, config, keys) for item in wanted]
        first = memory.fitting(requests, RUNS_PER_TICK - min(1, len(again)))
        return dg.SensorResult(run_requests=[*first, *again][:RUNS_PER_TICK], cursor=render_cursor(following))

    return rds_lake_reconciliation


def _tick(
    context: dg.SensorEvaluationContext,
    config: LakeConfig,
    gateways: Gateways,
    log: DagsterRunLog,
    memory: Memory,
    *,
    turn: int,
    grace: timedelta,
    deadline: float,
) -> "_Tick":
    now, days, is_late = log.now, config.lake.reconcile_days, lambda: time.monotonic() > deadline + _STARTING_SECONDS
    counts = Counter(plan.snapshot_about for plan in export_plans(config))
    snapshots = AccountSnapshots(rds=gateways.rds, sources=counts, given_up=memory.unlisted)
    watched = conversions(config, gateways)
    return _Tick(
        config=config,
        reconciler=Reconciler(
            rds=gateways.rds, log=log, now=now, days=days, grace=grace, snapshots=snapshots, is_late=is_late
        ),
        dynamodb=DynamoReconciler(
            log=log, now=now, days=days, grace=grace, turn=turn, conversions=watched, is_late=is_late
        ),
        exports=dynamo_exports(config, gateways, context.log.info, ended=memory.ended, is_late=is_late),
        gateways=gateways,
        log=log,
        memory=memory,
        context=context,
        deadline=deadline,
    )


def _waiting(
    config: LakeConfig, examined: Sequence[Examined], cursor: ReconcileCursor, *, today: date
) -> list[Candidate]:
    """Returns exports to start: new ones, and remembered ones of sources that this tick did not examine.

    A remembered date without a partition (lake.yaml has another `start_date` now) would fail every tick, so it is left
    out.
    """
    seen = {source.source for source in examined}
    first = {source.name: first_date(config, source) for source in config.sources}
    kept = [c for c in cursor.waiting if c.source not in seen and c.source in first]
    legal = [c for c in kept if first[c.source] <= c.snapshot_date <= today]
    return [*(c for source in examined for c in source.candidates), *legal]


def outbox_alarm(source: Rds | Aurora, gateways: Gateways, *, is_late: Callable[[], bool]) -> OutboxAlarm:
    """Returns the alarm of the source's outboxes; it reads an outbox only with `streams.secret`, and never once `is_late`.

    The alarm begins in any case: the usual reason for it is a database that does not answer, and each of its databases
    takes seconds.
    """

    def look(database: str) -> str:
        if source.streams is None or source.streams.secret is None or is_late():
            return ""
        # With drivers: a code location loads without them.
        from rds_lake.database.connecting import HURRIED
        from rds_lake.stages.streams.health import watch_outboxes
        from rds_lake.stages.streams.outboxes import dsn_of

        seen = watch_outboxes(source, dsn_of(source, lambda: gateways.secrets), [database], limits=HURRIED)
        return " ".join(f"Now: {outbox}." for outbox in seen)

    return OutboxAlarm(lake=gateways.lake, source=source, look=look)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tick:
    """One tick's examination; a source that fails does not delay the others. `deadline`: of `time.monotonic`."""

    config: LakeConfig
    reconciler: Reconciler
    dynamodb: DynamoReconciler
    exports: Mapping[str, DynamoExports]
    gateways: Gateways
    log: DagsterRunLog
    memory: Memory
    context: dg.SensorEvaluationContext
    deadline: float

    def compare(self, cursor: ReconcileCursor) -> tuple[list[WantedRun | WantedIncident], ReconcileCursor]:
        """Returns what the tick requests, and where the next one continues."""
        sources = {source.name: source for source in self.config.sources}
        order = [sources[name] for name in self.memory.order(cursor, list(sources))]
        examined = self.examine(order)
        waiting = _waiting(self.config, examined, cursor, today=self.reconciler.now.date())
        # Where AWS is slow, the tick's time is over by now.
        starting = [] if self.reconciler.is_late() else self._starting(waiting, turn=cursor.turn)
        started = {run.subject for run in starting}
        following = ReconcileCursor(
            turn=cursor.turn + 1,
            following=order[len(examined) % len(order)].name if examined else order[1 % len(order)].name,
            waiting=tuple(candidate for candidate in waiting if candidate.subject not in started),
        )
        others = [item for source in examined for item in (*source.settling, *source.incidents)]
        return [*starting, *others], following

    def examine(self, sources: Sequence[SourceSettings]) -> list[Examined]:
        """Examines the sources in this order until the deadline."""
        examined: list[Examined] = []
        failed: list[str] = []
        for source in sources:
            if self._is_late():
                break
            self.memory.begins(source.name)
            result = attempt(lambda source=source: self._examine(source))
            if isinstance(result, Failed):
                result = Examined(source=source.name, problems=(result.why,))
            if not self.is_over():
                self.memory.ends(source.name)
            failed += [f"{source.name}: {problem}" for problem in result.problems]
            incident = self.memory.unseen.note(source.name, result.problems, now=self.reconciler.now)
            examined.append(replace(result, incidents=(*result.incidents, *incident)))
        if failed:
            problems = "; ".join(failed)
            self.context.log.error(f"sources that could not be compared; the next tick tries again: {problems}")
        return examined

    def _is_late(self) -> bool:
        return time.monotonic() > self.deadline

    def is_over(self) -> bool:
        """Whether nothing more may begin in this tick."""
        return time.monotonic() > self.deadline + _STARTING_SECONDS + _HEALING_SECONDS

    def _examine(self, source: SourceSettings) -> Examined:
        examined = Examined(source=source.name)
        if isinstance(source, Rds | Aurora):
            examined = self.reconciler.examine(watch(self.config, source))
            examined = self._with_outboxes(source, examined)
        elif isinstance(source, DynamoDb):
            examined = self.dynamodb.examine(watch_set(self.config, source, self.exports[source.name]))
        repairs = attempt(lambda: self._repairs(source))
        if isinstance(repairs, Failed):
            return replace(
                examined, problems=(*examined.problems, f"its published date could not be checked: {repairs.why}")
            )
        return replace(examined, settling=(*examined.settling, *repairs))

    def _with_outboxes(self, source: Rds | Aurora, examined: Examined) -> Examined:
        """Returns the result with incidents of outboxes that are not emptied."""
        if not source.outbox_tables:
            return examined
        alarm = outbox_alarm(source, self.gateways, is_late=self._is_late)
        incidents = attempt(lambda: alarm.incidents(now=self.reconciler.now))
        if isinstance(incidents, Failed):
            return replace(
                examined, problems=(*examined.problems, f"its outboxes could not be checked: {incidents.why}")
            )
        return replace(examined, incidents=(*examined.incidents, *incidents))

    def _repairs(self, source: SourceSettings) -> list[WantedRun]:
        """Returns a run that publishes the published date again, if a killed or failed publication may have mixed views."""
        if not source.athena:
            return []
        state = read_state(self.gateways.s3, self.gateways.layout, source.name)
        repair = repairs_due(state, source.name, now=self.reconciler.now)
        return [repairing_run(source.name, repair)] if repair else []

    def _starting(self, waiting: Sequence[Candidate], *, turn: int) -> list[WantedRun]:
        """Returns runs for as many exports as AWS has places for; none, with an error logged, if AWS does not answer."""
        if not waiting:
            return []
        running = attempt(self.gateways.rds.list_running_exports)
        if isinstance(running, Failed):
            self.context.log.error(
                f"{counted(len(waiting), 'export')} to start, but the exports in progress could not be listed: {running.why}"
            )
            return []
        quota, beginning = self.config.lake.export_quota, self.log.beginning()
        starting = start_next(waiting, running, quota=quota, beginning=beginning, turn=turn)
        self.context.log.info(
            f"{counted(len(waiting), 'export')} to start, {len(running)} in progress, {len(starting)} start now"
        )
        return starting
