"""The lake's records of one source. Each list and each manifest is read once, for the source's status and report.

A list of 400 dates has 2,400 keys, and a manifest may have 200 MB, so reading them is most of the work of both.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from rds_lake.config.source import SourceSettings
from rds_lake.model.lake.manifest import Manifest
from rds_lake.stages.checks.previous import sound_dates
from rds_lake.stages.lake import handover
from rds_lake.stages.lake.lake import Lake
from rds_lake.stages.lake.pointer import PublishState, read_state
from rds_lake.stages.lake.snapshot_log import Row, list_rows


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRecords:
    """A source's records as they were when listed. `dates`: those with a manifest, oldest first; `rows`: of `_snapshots`.

    For one thread and one answer: later changes are not seen.
    """

    lake: Lake
    source: SourceSettings
    state: PublishState
    dates: tuple[date, ...]
    rows: tuple[Row, ...]
    _manifests: dict[date, Manifest] = field(default_factory=dict[date, Manifest], repr=False)

    @property
    def checked(self) -> set[date]:
        """The dates that passed their checks."""
        return {row.snapshot_date for row in self.rows}

    @property
    def shown(self) -> date | None:
        """The published date, or the newest one if nothing is published yet."""
        return self.state.pointer.snapshot_date if self.state.pointer else max(self.dates, default=None)

    def manifest(self, day: date) -> Manifest:
        """Returns the manifest of a date, cached; errors as `handover.get_manifest`."""
        if day not in self._manifests:
            self._manifests[day] = handover.get_manifest(self.lake.s3, self.lake.layout, self.source.name, day)
        return self._manifests[day]

    @property
    def sound(self) -> tuple[date, ...]:
        """The dates to compare with, oldest first: they passed their checks and were not rolled back."""
        if not self.source.athena:
            return self.dates
        return sound_dates(self.dates, self.checked, self.state.pointer)

    def date_before(self, day: date) -> date | None:
        """Returns the newest date before `day` to compare with, as in `checks/previous.py`."""
        return max((earlier for earlier in self.sound if earlier < day), default=None)


def read_records(lake: Lake, source: SourceSettings) -> SourceRecords:
    """Reads the records, the pointer first: a date published meanwhile is listed, but not yet as published."""
    state = read_state(lake.s3, lake.layout, source.name)
    return SourceRecords(
        lake=lake,
        source=source,
        state=state,
        dates=handover.list_dates(lake.s3, lake.layout, source.name),
        rows=list_rows(lake.s3, lake.layout, source.name),
    )
