"""What Dagster's event log says about dates and exports, as reconciliation asks for it (`stages/reconcile.py`).

Runs of sensors and schedules carry tags (`defs/translate.py`); a run somebody launched by hand carries only its partition.

What belongs here: questions to the instance. What does not: deciding anything.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import dagster as dg

from rds_lake.aws.s3 import S3Gateway
from rds_lake.defs.translate import Stage, Tag
from rds_lake.model.layout import LakeLayout
from rds_lake.stages.handover import find_manifest, list_dates
from rds_lake.stages.reconcile import Begun, Progress
from rds_lake.stages.snapshot_log import recorded_dates

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
_LOOKED_AT = 200  # runs of one source and date; more were never seen, and the newest come first


@dataclass(frozen=True, slots=True, kw_only=True)
class DagsterRunLog:
    """`last_keys`: the asset whose materialization ends a source's date."""

    instance: dg.DagsterInstance
    s3: S3Gateway
    layout: LakeLayout
    last_keys: Mapping[str, dg.AssetKey]
    partitions: Mapping[str, dg.PartitionsDefinition]
    now: datetime

    def progress(self, source: str, days: Sequence[date]) -> Mapping[date, Progress]:
        keys = {day: day.isoformat() for day in days}
        found = self.instance.get_status_by_partition(
            self.last_keys[source], list(keys.values()), self.partitions[source]
        )
        statuses = {key: _STATUSES[status] for key, status in (found or {}).items() if status in _STATUSES}
        known = {day: statuses.get(key, Progress.OPEN) for day, key in keys.items()}
        if Progress.DONE in known.values():
            return known
        # A new source, or Dagster's history is gone: what the lake itself has finished is not begun or settled again.
        finished = self._finished(source)
        return {day: Progress.DONE if one is Progress.OPEN and day in finished else one for day, one in known.items()}

    def _finished(self, source: str) -> set[date]:
        """The dates that went through the last stage by the lake's own records: the manifest, and the row of `_snapshots`."""
        dates = set(list_dates(self.s3, self.layout, source))
        if dates and self.last_keys[source].path[-1] != Stage.PARQUET:
            dates &= recorded_dates(self.s3, self.layout, source)
        return dates

    def begun(self, source: str, day: date) -> Mapping[str, Begun]:
        tags = {Tag.SOURCE.value: source, Tag.TRIGGER.value: "begin", "dagster/partition": day.isoformat()}
        begun: dict[str, Begun] = {}
        for record in self._records(dg.RunsFilter(tags=tags)):
            run = record.dagster_run
            subject = run.tags.get(Tag.SUBJECT.value, "")
            unfinished = run.status in _UNFINISHED and record.create_timestamp > self._lost_before()
            earlier = begun.get(subject, Begun(blocking=False, at=record.create_timestamp))
            begun[subject] = Begun(
                blocking=earlier.blocking or unfinished or run.status is dg.DagsterRunStatus.FAILURE,
                at=max(earlier.at, record.create_timestamp),
            )
        return begun

    def was_settled(self, export_task: str) -> bool:
        return bool(self._records(dg.RunsFilter(tags={Tag.EXPORT_TASK.value: export_task}), limit=1))

    def has_failed(self, source: str, day: date) -> bool:
        failed = dg.RunsFilter(tags={"dagster/partition": day.isoformat()}, statuses=[dg.DagsterRunStatus.FAILURE])
        runs = [record.dagster_run for record in self._records(failed)]
        return any(key.path[0] == source for run in runs for key in run.asset_selection or ())

    def published_arn(self, source: str, day: date) -> str | None:
        manifest = find_manifest(self.s3, self.layout, source, day)
        return manifest.export.snapshot_arn if manifest else None

    def beginning(self) -> int:
        """Runs that are about to start an export and so will take one of AWS's places."""
        about_to = dg.RunsFilter(tags={Tag.TRIGGER.value: "begin"}, statuses=_UNFINISHED)
        return sum(record.create_timestamp > self._lost_before() for record in self._records(about_to))

    def _lost_before(self) -> datetime:
        """A run that begins an export takes seconds; one this old died with its machine, and nobody told Dagster."""
        return self.now - _LOST_AFTER

    def _records(self, filters: dg.RunsFilter, *, limit: int = _LOOKED_AT) -> Sequence[dg.RunRecord]:
        return self.instance.get_run_records(filters, limit=limit)
