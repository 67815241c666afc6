"""The marks of a snapshot for `capture: lambda`: only its time shows which changes it may have.

    cuts     … 17        18        19 …
    time     ───┴─────────┴────┬────┴──▶        a change of five minutes before the snapshot is in no cut before 18
                               snapshot

What belongs here: choosing the kind of marks, and this kind. Those of an outbox are `marks.py`.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from rds_lake.config.database import Aurora, Rds
from rds_lake.config.source import SourceSettings
from rds_lake.model.streams.captured import CapturedTable
from rds_lake.model.streams.collected import LAMBDA_EPOCH, home_of_calls
from rds_lake.model.streams.forwarded import EpochCuts
from rds_lake.sql.changes.arrived import MARGIN, Moment
from rds_lake.stages.catalogue.dated import DatedTables
from rds_lake.stages.lake.lake import Lake
from rds_lake.stages.streams.cuts import forwarded
from rds_lake.stages.streams.live.marks import Mark, Marks, read_marks
from rds_lake.stages.streams.record import get_cut

_CLOCKS = timedelta(hours=1)  # allowed difference between the clocks of database and collector


def is_by_call(source: SourceSettings) -> bool:
    """Whether the source's changes come by `capture: lambda`."""
    return isinstance(source, Rds | Aurora) and source.streams is not None and source.streams.capture == "lambda"


def marks_of(lake: Lake, source: SourceSettings, dated: DatedTables) -> Marks:
    """Returns the marks of the date, for either kind of capture; raises the errors of `read_marks`."""
    return arrival_marks(lake, source, dated) if is_by_call(source) else read_marks(lake, source.name, dated)


def arrival_marks(lake: Lake, source: SourceSettings, dated: DatedTables, *, as_then: bool = False) -> Marks:
    """Returns the mark of the date. `as_then`: only with tables that had changes before the snapshot; otherwise with all."""
    assert isinstance(source, Rds | Aurora)
    wanted = set(source.captured_tables)
    home = home_of_calls(source.captured_tables[0])
    final = next(
        (record.find(LAMBDA_EPOCH) for record in forwarded(lake, source.name) if record.database == home), None
    )
    if final is None or not final.cut:
        return Marks(
            marks=(),
            problems=(
                f"no change of {source.name} has arrived yet at {lake.layout.uri(lake.layout.arrived_folder(source.name))}; live "
                "views come with the first record",
            ),
        )
    at = dated.manifest.export.snapshot_time
    before = _last_cut_before(lake, source.name, final, at - MARGIN - _CLOCKS)
    newest = _last_cut_before(lake, source.name, final, at) if as_then else final.cut
    captured = _captured(lake, source.name, newest) if newest >= final.first else ()
    mark = Mark(
        home=home,
        watermark=Moment(day=dated.snapshot_date, epoch=LAMBDA_EPOCH, at=at, cut=before),
        captured=tuple(table for table in captured if table.target in wanted and table.key),
    )
    return Marks(marks=(mark,))


def _captured(lake: Lake, source: str, number: int) -> tuple[CapturedTable, ...]:
    return tuple(entry.table for entry in get_cut(lake, source, LAMBDA_EPOCH, number).tables)


def _last_cut_before(lake: Lake, source: str, final: EpochCuts, moment: datetime) -> int:
    """Returns the last cut begun before the time, or the number before the first cut. Reads some 15 manifests per year of cuts."""
    low, high = final.first - 1, final.cut
    while low < high:
        middle = (low + high + 1) // 2
        if get_cut(lake, source, LAMBDA_EPOCH, middle).began < moment:
            low = middle
        else:
            high = middle - 1
    return low
