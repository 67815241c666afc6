"""The sensor of a warehouse: finds JSON inputs, advances open runs, and requests a Dagster run for each ended one.

A tick waits for nothing in AWS, and stops in time; the next one does the rest. A run of Dagster is requested once, by its run
key. The ended run is removed from the list of open runs one tick later, when Dagster has stored the request.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta

import dagster as dg

from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.config.warehouse import WarehouseSettings
from rds_lake.defs.resources import Gateways, utc_now
from rds_lake.defs.sensors.cursors import WarehouseCursor, read_cursor, render_cursor
from rds_lake.defs.warehouse.assets import BY_HAND, op_name
from rds_lake.defs.warehouse.metadata import RUN_TAG, WAREHOUSE_TAG
from rds_lake.defs.warehouse.opened import open_planner, open_works
from rds_lake.model.warehouse.record import Phase
from rds_lake.stages.runs.attempt import Failed, attempt
from rds_lake.stages.warehouse.planning.inputs import Arrived, list_inputs, take_inputs
from rds_lake.stages.warehouse.records import MOST_OPEN, close_run, find_run, open_runs
from rds_lake.stages.warehouse.turn import Works, turn_of

# Dagster ends a tick after 60 s. A turn takes some seconds; where AWS is slow, the last may take longer.
_TICK_SECONDS = 35.0
# Of these, for inputs: a place may have thousands of JSON files that have a run already, which takes one call each to see.
_LISTING_SECONDS, _LOOKING_SECONDS = 8.0, 15.0
# Runs of one warehouse follow each other: the first has it, and the second may find it free.
_TURNS = 4
_REPORTS = 5  # a tick; submitting a run costs Dagster one to two seconds
# S3's clock and this one may differ, and a listing may miss what is being written.
_OVERLAP = timedelta(hours=1)
_ACTIVE = [
    status
    for status in dg.DagsterRunStatus
    if status not in (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)
]


def turns_sensor(
    config: LakeConfig, settings: WarehouseSettings, assets: dg.AssetsDefinition, *, interval_seconds: int = 30
) -> dg.SensorDefinition:
    """Returns the sensor of one warehouse."""
    keys = list(assets.keys)

    @dg.sensor(
        name=f"{settings.name}__turns",
        description=f"Advances the runs of warehouse {settings.name}, and starts a run for each JSON file in its `input`.",
        target=dg.AssetSelection.assets(*keys),
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=interval_seconds,
    )
    def turns(context: dg.SensorEvaluationContext, tick_gateways: dg.ResourceParam[Gateways]) -> dg.SensorResult:
        began = time.monotonic()
        tick = _Tick(
            context=context,
            config=config,
            works=open_works(config, settings, tick_gateways.clients(), tick_gateways.lake, clock=utc_now),
            cursor=read_cursor(WarehouseCursor, context.cursor, context.log.warning),
            listing_is_over=lambda: time.monotonic() > began + _LISTING_SECONDS,
            looking_is_over=lambda: time.monotonic() > began + _LOOKING_SECONDS,
            is_late=lambda: time.monotonic() > began + _TICK_SECONDS,
        )
        tick.close_reported()
        tick.look_for_inputs()
        tick.take_turns()
        requests = [_request(settings, keys, run) for run in tick.reported]
        return dg.SensorResult(run_requests=requests, cursor=render_cursor(tick.ended()))

    return turns


def _request(settings: WarehouseSettings, keys: list[dg.AssetKey], run: str) -> dg.RunRequest:
    return dg.RunRequest(
        run_key=f"warehouse:{settings.name}:{run}",
        asset_selection=keys,
        run_config={"ops": {op_name(settings): {"config": {"run": run}}}},
        tags={WAREHOUSE_TAG: settings.name, RUN_TAG: run},
    )


@dataclass(slots=True, kw_only=True)
class _Tick:
    """One tick. `reported`: ended runs that it asks Dagster to report. The functions say which part of its time is over."""

    context: dg.SensorEvaluationContext
    config: LakeConfig
    works: Works
    cursor: WarehouseCursor
    listing_is_over: Callable[[], bool]
    looking_is_over: Callable[[], bool]
    is_late: Callable[[], bool]
    reported: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    @property
    def _name(self) -> str:
        return self.works.settings.name

    def ended(self) -> WarehouseCursor:
        """Returns the cursor for the next tick."""
        return replace(self.cursor, reported=tuple(self.reported), missing=tuple(self.missing))

    def close_reported(self) -> None:
        """Closes the runs that the last tick asked Dagster to report, as Dagster has stored the requests."""
        for run in self.cursor.reported:
            failed = attempt(lambda run=run: close_run(self.works.lake, self._name, run))
            if isinstance(failed, Failed):
                self.context.log.error(f"run {run} stays in the list of open runs for another tick: {failed.why}")
                self.reported.append(run)

    def look_for_inputs(self) -> None:
        """Starts the runs that JSON files request. No problem with them stops the turns of open runs."""
        if self.works.settings.input is None:
            return
        failed = attempt(self._look)
        if isinstance(failed, Failed):
            self.context.log.error(
                f"inputs of warehouse {self._name} could not be listed; the next tick tries again: {failed.why}"
            )

    def _look(self) -> None:
        planner = open_planner(self.config, self.works.settings, self.works.lake, clock=self.works.clock)
        begun = self.cursor.began if self.cursor.after is not None else None
        began, failed = begun or self.works.clock(), begun is not None and self.cursor.failed
        since = self.cursor.looked - _OVERLAP if self.cursor.looked else None
        room = MOST_OPEN - len(open_runs(self.works.lake, self._name))
        if room <= 0:
            self.context.log.warning(
                f"warehouse {self._name} has {MOST_OPEN} open runs; inputs wait until some have ended"
            )
            return
        listed = list_inputs(planner, since=since, after=self.cursor.after, is_late=self.listing_is_over)
        after = listed.after
        for key, arrived in take_inputs(planner, listed.inputs):
            if arrived is not None:
                self._say(arrived)
                failed = failed or arrived.failed is not None
                room -= arrived.run is not None
            if self.looking_is_over() or room <= 0:
                after = key  # the next tick continues there: this one is also for the turns of open runs
                break
        self.cursor = replace(
            self.cursor,
            after=after,
            began=began if after else None,
            failed=failed if after else False,
            looked=self.cursor.looked if after or failed else began,
        )

    def _say(self, arrived: Arrived) -> None:
        if arrived.run:
            self.context.log.info(f"{arrived.uri}: run {arrived.run} was started")
        if arrived.problems:
            said = "; ".join(arrived.problems[:5])
            self.context.log.warning(
                f"{arrived.uri} has {len(arrived.problems)} problems, which were written to a file beside it: {said}"
            )
        if arrived.failed:
            self.context.log.error(f"{arrived.uri} could not be read; the next tick tries again: {arrived.failed}")

    def take_turns(self) -> None:
        """Takes one turn of each of the first open runs."""
        turns = 0
        for run in open_runs(self.works.lake, self._name):
            if self.is_late() or turns >= _TURNS or len(self.reported) >= _REPORTS:
                return
            if run in self.cursor.reported or self._is_waited_for(run):
                continue
            phase = attempt(lambda run=run: self._turned(run))
            turns += 1
            if isinstance(phase, Failed):
                what = f"run {run} of warehouse {self._name} could not continue"
                self.context.log.error(f"{what}; the next tick tries again: {phase.why}")
            elif phase is Phase.ENDED:
                self.reported.append(run)
                turns -= 1

    def _turned(self, run: str) -> Phase | None:
        stored = find_run(self.works.lake, self._name, run)
        if stored is None:
            self._without_record(run)
            return None
        if stored.record.phase is Phase.ENDED:
            return Phase.ENDED
        record = turn_of(self.works, stored)
        waiting = f": {record.waiting}" if record.waiting else ""
        self.context.log.info(f"run {run} of warehouse {self._name} is {record.phase.value}{waiting}")
        return record.phase

    def _without_record(self, run: str) -> None:
        """Handles a listed run without a record: its process was killed or is about to write it, which the next tick sees."""
        if run in self.cursor.missing:
            close_run(self.works.lake, self._name, run)
            self.context.log.warning(
                f"run {run} of warehouse {self._name} was never started and is removed from the list of open runs"
            )
        else:
            self.missing.append(run)

    def _is_waited_for(self, run: str) -> bool:
        """Whether a run of Dagster takes the turns, and will report the end itself."""
        if not run.startswith(BY_HAND):
            return False
        filters = dg.RunsFilter(run_ids=[run.removeprefix(BY_HAND)], statuses=_ACTIVE)
        return bool(self.context.instance.get_runs(filters, limit=1))
