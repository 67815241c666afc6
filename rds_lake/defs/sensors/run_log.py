"""Answers reconciliation's questions about dates and exports from Dagster's event log (`stages/databases/reconcile.py`).

Runs of sensors and schedules are found by their tags, but their configuration decides (`defs/orders.py`), as a person may have
copied a tag. A run that a person launched has only its partition.

What belongs here: reading the instance, without any decision.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

import dagster as dg

from rds_lake.aws.s3.gateway import S3Gateway
from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.defs.keys import Keys
from rds_lake.defs.orders import asked_by_sensor, given_orders
from rds_lake.defs.resources import Gateways
from rds_lake.defs.sensors.healing import error_name, step_failures
from rds_lake.defs.translate import DagsterTag, Tag, partitions_of
from rds_lake.errors import ExportTimeoutError
from rds_lake.model.lake.layout import LakeLayout
from rds_lake.stages.lake.handover import list_dates
from rds_lake.stages.lake.manifest_head import find_head
from rds_lake.stages.lake.snapshot_log import recorded_dates
from rds_lake.stages.runs.run_log import Begun, Progress

_STATUSES = {
    dg.AssetPartitionStatus.MATERIALIZED: Progress.DONE,
    dg.AssetPartitionStatus.IN_PROGRESS: Progress.BUSY,
}
_UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
_LOST_AFTER = timedelta(hours=1)
_LOOKED_AT = 200  # maximum of runs of one source and date, newest first; more than are ever expected
_OF_A_DATE = 20_000  # the same for a date of all sources


@dataclass(frozen=True, slots=True, kw_only=True)
class DagsterRunLog:
    """Answers from `instance` and from the lake's records; make a new one for each tick. `keys`: every source's assets."""

    instance: dg.DagsterInstance
    s3: S3Gateway
    layout: LakeLayout
    keys: Keys
    partitions: dg.PartitionsDefinition
    now: datetime
    _dates: dict[date, Sequence[dg.RunRecord]] = field(default_factory=dict, init=False, repr=False)
    _planned: dict[str, Collection[dg.AssetKey]] = field(default_factory=dict, init=False, repr=False)

    def progress(self, source: str, days: Sequence[date]) -> Mapping[date, Progress]:
        names = {day: day.isoformat() for day in days}
        shown = self.instance.get_status_by_partition(self.keys[source].last, list(names.values()), self.partitions)
        statuses = {name: _STATUSES[status] for name, status in (shown or {}).items() if status in _STATUSES}
        known = {day: statuses.get(name, Progress.OPEN) for day, name in names.items()}
        if Progress.DONE in known.values():
            return known
        # A new source, or Dagster's history was deleted: dates that are finished in the lake are not begun or settled again.
        finished = self._finished(source)
        return {day: Progress.DONE if at is Progress.OPEN and day in finished else at for day, at in known.items()}

    def _finished(self, source: str) -> set[date]:
        """Returns dates that went through the last stage by the lake's records: the manifest, and the row of `_snapshots`."""
        dates = set(list_dates(self.s3, self.layout, source))
        if dates and self.keys[source].catalog is not None:
            dates &= recorded_dates(self.s3, self.layout, source)
        return dates

    def begun(self, source: str, day: date) -> Mapping[str, Begun]:
        tags = {Tag.SOURCE.value: source, Tag.TRIGGER.value: "begin"} | _of_date(day)
        begun: dict[str, Begun] = {}
        for record in self._records(dg.RunsFilter(tags=tags)):  # the newest first
            run = record.dagster_run
            orders = given_orders(run, source)
            if orders.trigger != "begin":
                continue  # a tag that a person copied
            # Runs that release 0.1.x queued have it as a tag alone.
            subject = orders.subject or run.tags.get(Tag.SUBJECT.value, "")
            unfinished = run.status in _UNFINISHED and record.create_timestamp > self._lost_before()
            newest = begun.get(subject)
            if newest is None:
                # A later run that succeeded shows that the cause of an earlier failure is gone.
                failed = run.status is dg.DagsterRunStatus.FAILURE
                begun[subject] = Begun(blocking=unfinished or failed, at=record.create_timestamp)
            elif unfinished:
                begun[subject] = replace(newest, blocking=True)
        return begun

    def was_settled(self, export_task: str) -> bool:
        records = self._records(dg.RunsFilter(tags={Tag.EXPORT_TASK.value: export_task}))
        return any(given_orders(record.dagster_run).export_task == export_task for record in records)

    def by_hand(self, source: str, day: date, *, since: datetime | None) -> bool:
        whole = {self.keys[source].snapshot_export, self.keys[source].last}
        for record in self._of_all_sources(day):
            run = record.dagster_run
            is_unfinished = run.status in _UNFINISHED
            ended_later = since is not None and record.end_time is not None and record.end_time >= since.timestamp()
            if not (is_unfinished or ended_later) or asked_by_sensor(run, source):
                continue  # most runs, of which no events have to be read
            if whole.issubset(self._selected(run)) and (is_unfinished or self._has_ended(source, run)):
                return True
        return False

    def _has_ended(self, source: str, run: dg.DagsterRun) -> bool:
        """Whether the run completed the date, or failed, which the person who started it sees.

        A run may also succeed and leave the rest to a later one, while Glue converts or AWS has no place.
        """
        if run.status is dg.DagsterRunStatus.FAILURE:
            return True
        made = self.instance.get_records_for_run(run.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION).records
        return run.status is dg.DagsterRunStatus.SUCCESS and any(
            record.asset_key == self.keys[source].last for record in made
        )

    def _selected(self, run: dg.DagsterRun) -> Collection[dg.AssetKey]:
        """Returns the assets that the run selected; for a project's own job, they are read from the run's events."""
        if run.asset_selection is not None:
            return run.asset_selection
        if run.run_id not in self._planned:
            planned = dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED
            records = self.instance.get_records_for_run(run.run_id, of_type=planned).records
            self._planned[run.run_id] = {record.asset_key for record in records if record.asset_key is not None}
        return self._planned[run.run_id]

    def has_failed(self, source: str, day: date) -> bool:
        runs = (record.dagster_run for record in self._exporting(source, day))
        return next((run.status is dg.DagsterRunStatus.FAILURE for run in runs), False)

    def has_timed_out(self, source: str, day: date, *, since: datetime) -> bool:
        failed = (
            record.dagster_run.run_id
            for record in self._exporting(source, day)
            if record.dagster_run.status is dg.DagsterRunStatus.FAILURE
            and record.end_time is not None
            and record.end_time >= since.timestamp()
        )
        names = (error_name(event) for run_id in failed for event in step_failures(self.instance, run_id))
        return any(name == ExportTimeoutError.__name__ for name in names)

    def _exporting(self, source: str, day: date) -> list[dg.RunRecord]:
        """Returns runs that had to export the date, newest first."""
        return [
            r
            for r in self._of_all_sources(day)
            if self.keys[source].snapshot_export in (r.dagster_run.asset_selection or ())
        ]

    def _of_all_sources(self, day: date) -> Sequence[dg.RunRecord]:
        """Returns the date's runs, newest first, read once: runs that people launch do not name their source in a tag."""
        if day not in self._dates:
            self._dates[day] = self._records(dg.RunsFilter(tags=_of_date(day)), limit=_OF_A_DATE)
        return self._dates[day]

    def published_arn(self, source: str, day: date) -> str | None:
        head = find_head(self.s3, self.layout, source, day)
        return head.export.snapshot_arn if head else None

    def beginning(self) -> int:
        """Returns the number of runs that are about to start an export and will take one of AWS's places."""
        about_to = dg.RunsFilter(tags={Tag.TRIGGER.value: "begin"}, statuses=_UNFINISHED)
        recent = [record for record in self._records(about_to) if record.create_timestamp > self._lost_before()]
        return sum(given_orders(record.dagster_run).trigger == "begin" for record in recent)

    def _lost_before(self) -> datetime:
        """Returns the time before which a starting run must have died: starting takes seconds."""
        return self.now - _LOST_AFTER

    def _records(self, filters: dg.RunsFilter, *, limit: int = _LOOKED_AT) -> Sequence[dg.RunRecord]:
        return self.instance.get_run_records(filters, limit=limit)


def _of_date(day: date) -> dict[str, str]:
    return {DagsterTag.PARTITION.value: day.isoformat()}


def open_run_log(
    instance: dg.DagsterInstance, gateways: Gateways, config: LakeConfig, keys: Keys, *, now: datetime
) -> DagsterRunLog:
    """Returns the log of the instance's runs that concern the sources, by source."""
    return DagsterRunLog(
        instance=instance,
        s3=gateways.s3,
        layout=gateways.layout,
        keys=keys,
        partitions=partitions_of(config),
        now=now,
    )
