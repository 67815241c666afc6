"""The sensor that compares what AWS has with what is materialized, for everything no event told.

A tick looks at as many sources as fit its time and goes on with the next one in the next tick; exports waiting for a place
are remembered in the cursor, so that the oldest date of the highest priority goes first whatever the turn.

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
from rds_lake.defs.resources import AwsResource, Gateways, conversions, dynamo_exports, utc_now
from rds_lake.defs.sensors.cursors import ReconcileCursor, read_cursor, render_cursor
from rds_lake.defs.sensors.healing import Healer
from rds_lake.defs.sensors.requests import RUNS_PER_TICK, Keys, run_request, selection
from rds_lake.defs.sensors.run_log import DagsterRunLog, open_run_log
from rds_lake.stages.databases.account_snapshots import AccountSnapshots
from rds_lake.stages.databases.freshness import watch
from rds_lake.stages.databases.plan import export_plans
from rds_lake.stages.databases.reconcile import Reconciler
from rds_lake.stages.databases.unseen import Unseen
from rds_lake.stages.dynamodb.exporting.exports import DynamoExports
from rds_lake.stages.dynamodb.reconcile import DynamoReconciler, watch_set
from rds_lake.stages.lake.pointer import read_state, repairs_due
from rds_lake.stages.runs.apart import Failed, attempt
from rds_lake.stages.runs.examined import Candidate, Examined, start_next
from rds_lake.stages.runs.wanted import WantedIncident, WantedRun, repairing_run

# Dagster ends a tick after 60 s; one slow source behind this is still far from it.
_TICK_SECONDS = 15
_STARTING_SECONDS = 10


def reconcile_sensor(
    config: LakeConfig, keys: Keys, *, interval_seconds: int, grace_seconds: float
) -> dg.SensorDefinition:
    """The reconciliation sensor. `grace_seconds`: how long events are given to arrive first."""
    healer, unseen = Healer(keys=keys), Unseen()

    @dg.sensor(
        name="rds_lake_reconciliation",
        description="Compares AWS's snapshots and exports with what is materialized; starts and settles what is left.",
        target=selection(keys),
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=interval_seconds,
    )
    def rds_lake_reconciliation(context: dg.SensorEvaluationContext, aws: AwsResource) -> dg.SensorResult:
        deadline, now = time.monotonic() + _TICK_SECONDS, utc_now()
        gateways = aws.gateways(config.lake, hurried=True)
        log = open_run_log(context.instance, gateways, config, keys, now=now)
        cursor = read_cursor(ReconcileCursor, context.cursor, context.log.warning)
        tick = _tick(context, config, gateways, log, unseen, turn=cursor.turn, grace_seconds=grace_seconds)
        order = _from(config.sources, cursor.following)
        examined = tick.examine(order, deadline=deadline)
        waiting = _waiting(config, examined, cursor, today=now.date())
        # Where AWS is slow, the tick's time is over by now.
        late = time.monotonic() > deadline + _STARTING_SECONDS
        starting = [] if late else _starting(context, config, gateways, log, waiting, turn=cursor.turn)
        wanted: list[WantedRun | WantedIncident] = [*starting]
        wanted += [item for found in examined for item in (*found.settling, *found.incidents)]
        started = {run.subject for run in starting}
        following = order[len(examined) % len(order)].name if examined else order[1 % len(order)].name
        again = healer.due(context.instance, now=now)
        requests = [run_request(item, config, keys) for item in wanted]
        return dg.SensorResult(
            # What does not fit is found again: nothing here depends on having been asked before. What failed while AWS
            # was away comes behind what never ran, and always gets on.
            run_requests=[*requests[: RUNS_PER_TICK - min(1, len(again))], *again][:RUNS_PER_TICK],
            cursor=render_cursor(
                ReconcileCursor(
                    turn=cursor.turn + 1,
                    following=following,
                    waiting=tuple(c for c in waiting if c.subject not in started),
                )
            ),
        )

    return rds_lake_reconciliation


def _tick(
    context: dg.SensorEvaluationContext,
    config: LakeConfig,
    gateways: Gateways,
    log: DagsterRunLog,
    unseen: Unseen,
    *,
    turn: int,
    grace_seconds: float,
) -> "_Tick":
    now, days, grace = utc_now(), config.lake.reconcile_days, timedelta(seconds=grace_seconds)
    plans = export_plans(config)
    counts = Counter(plan.snapshot_about for plan in plans)
    return _Tick(
        config=config,
        reconciler=Reconciler(
            rds=gateways.rds,
            log=log,
            now=now,
            days=days,
            grace=grace,
            snapshots=AccountSnapshots(rds=gateways.rds, sources=counts),
        ),
        dynamodb=DynamoReconciler(
            log=log, now=now, days=days, grace=grace, turn=turn, conversions=conversions(config, gateways)
        ),
        exports=dynamo_exports(config, gateways, context.log.info),
        gateways=gateways,
        unseen=unseen,
        report=context.log.error,
    )


def _waiting(
    config: LakeConfig, examined: Sequence[Examined], cursor: ReconcileCursor, *, today: date
) -> list[Candidate]:
    """Exports to start: those found now, and those that sources not looked at in this tick had.

    A remembered date that has no partition any more, as lake.yaml has another `start_date` by now, would fail every tick.
    """
    seen = {found.source for found in examined}
    first = {source.name: first_date(config, source) for source in config.sources}
    kept = [c for c in cursor.waiting if c.source not in seen and c.source in first]
    legal = [c for c in kept if first[c.source] <= c.snapshot_date <= today]
    return [*(c for found in examined for c in found.candidates), *legal]


def _starting(
    context: dg.SensorEvaluationContext,
    config: LakeConfig,
    gateways: Gateways,
    log: DagsterRunLog,
    waiting: Sequence[Candidate],
    *,
    turn: int,
) -> list[WantedRun]:
    """Runs for as many of them as AWS has places for; none where AWS does not say, which keeps nothing else waiting."""
    if not waiting:
        return []
    running = attempt(gateways.rds.list_running_exports)
    if isinstance(running, Failed):
        context.log.error(f"{len(waiting)} exports to start, and not known whether AWS has a place: {running.why}")
        return []
    starting = start_next(waiting, running, quota=config.lake.export_quota, beginning=log.beginning(), turn=turn)
    context.log.info(f"{len(waiting)} exports to start, {len(running)} in progress, {len(starting)} start now")
    return starting


def _from(sources: Sequence[SourceSettings], name: str) -> list[SourceSettings]:
    """The sources in order, beginning with the named one."""
    names = [source.name for source in sources]
    start = names.index(name) if name in names else 0
    return [*sources[start:], *sources[:start]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tick:
    """One tick's examination; a source AWS refuses to talk about does not keep the others waiting."""

    config: LakeConfig
    reconciler: Reconciler
    dynamodb: DynamoReconciler
    exports: Mapping[str, DynamoExports]
    gateways: Gateways
    unseen: Unseen
    report: Callable[[str], None]

    def examine(self, sources: Sequence[SourceSettings], *, deadline: float) -> list[Examined]:
        examined: list[Examined] = []
        failed: list[str] = []
        for source in sources:
            if time.monotonic() > deadline:
                break
            found = attempt(lambda source=source: self._examine(source))
            if isinstance(found, Failed):
                found = Examined(source=source.name, problems=(found.why,))
            failed += [f"{source.name}: {problem}" for problem in found.problems]
            incident = self.unseen.note(source.name, found.problems, now=self.reconciler.now)
            examined.append(replace(found, incidents=(*found.incidents, *incident)))
        if failed:
            self.report("sources that could not be compared, again in the next tick: " + "; ".join(failed))
        return examined

    def _examine(self, source: SourceSettings) -> Examined:
        found = Examined(source=source.name)
        if isinstance(source, DynamoDb):
            found = self.dynamodb.examine(watch_set(self.config, source, self.exports[source.name]))
        elif isinstance(source, Rds | Aurora):
            found = self.reconciler.examine(watch(self.config, source))
        repairs = attempt(lambda: self._repairs(source))
        if isinstance(repairs, Failed):
            return replace(found, problems=(*found.problems, f"what is published: {repairs.why}"))
        return replace(found, settling=(*found.settling, *repairs))

    def _repairs(self, source: SourceSettings) -> list[WantedRun]:
        """The published date once more, where a publication was killed or failed and views may be mixed."""
        if not source.athena:
            return []
        state = read_state(self.gateways.s3, self.gateways.layout, source.name)
        repair = repairs_due(state, source.name, now=self.reconciler.now)
        return [repairing_run(source.name, repair)] if repair else []
