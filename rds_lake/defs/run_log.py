"""What Dagster's event log says about dates and exports, as reconciliation asks for it (`stages/reconcile.py`).

Runs of sensors and schedules carry tags (`defs/translate.py`); a run somebody launched by hand carries only its partition.

What belongs here: questions to the instance. What does not: deciding anything.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import dagster as dg

from rds_lake.aws.s3 import S3Gateway
from rds_lake.defs.translate import Tag
from rds_lake.model.layout import LakeLayout
from rds_lake.stages.handover import find_manifest
from rds_lake.stages.reconcile import Progress

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
_LOOKED_AT = 200  # runs of one source and date; more were never seen, and the newest come first


@dataclass(frozen=True, slots=True, kw_only=True)
class DagsterRunLog:
    """`last_keys`: the asset whose materialization ends a source's date."""

    instance: dg.DagsterInstance
    s3: S3Gateway
    layout: LakeLayout
    last_keys: Mapping[str, dg.AssetKey]
    partitions: Mapping[str, dg.PartitionsDefinition]

    def progress(self, source: str, days: Sequence[date]) -> Mapping[date, Progress]:
        keys = {day: day.isoformat() for day in days}
        found = self.instance.get_status_by_partition(
            self.last_keys[source], list(keys.values()), self.partitions[source]
        )
        statuses = {key: _STATUSES[status] for key, status in (found or {}).items() if status in _STATUSES}
        return {day: statuses.get(key, Progress.OPEN) for day, key in keys.items()}

    def begun(self, source: str, day: date) -> Mapping[str, bool]:
        tags = {Tag.SOURCE.value: source, Tag.TRIGGER.value: "begin", "dagster/partition": day.isoformat()}
        begun: dict[str, bool] = {}
        for run in self._runs(dg.RunsFilter(tags=tags)):
            subject = run.tags.get(Tag.SUBJECT.value, "")
            blocking = run.status in _UNFINISHED or run.status is dg.DagsterRunStatus.FAILURE
            begun[subject] = begun.get(subject, False) or blocking
        return begun

    def was_settled(self, export_task: str) -> bool:
        return bool(self._runs(dg.RunsFilter(tags={Tag.EXPORT_TASK.value: export_task}), limit=1))

    def has_failed(self, source: str, day: date) -> bool:
        failed = dg.RunsFilter(tags={"dagster/partition": day.isoformat()}, statuses=[dg.DagsterRunStatus.FAILURE])
        return any(key.path[0] == source for run in self._runs(failed) for key in run.asset_selection or ())

    def published_arn(self, source: str, day: date) -> str | None:
        manifest = find_manifest(self.s3, self.layout, source, day)
        return manifest.export.snapshot_arn if manifest else None

    def beginning(self) -> int:
        """Runs that are about to start an export and so will take one of AWS's places."""
        return len(self._runs(dg.RunsFilter(tags={Tag.TRIGGER.value: "begin"}, statuses=_UNFINISHED)))

    def _runs(self, filters: dg.RunsFilter, *, limit: int = _LOOKED_AT) -> list[dg.DagsterRun]:
        return [record.dagster_run for record in self.instance.get_run_records(filters, limit=limit)]
