"""Rows and bytes of every date of a source.

A date that passed its checks has a row in `_snapshots`, an object of a few kilobytes with its totals. Hundreds are read at
once: of the newest 120 dates, and of one earlier date per week. A date without a row (`athena: false`, or its checks failed)
is counted from its manifest, but only for the newest dates, as a manifest lists every file.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from rds_lake.aws.s3.many import ManyS3
from rds_lake.errors import ManifestError, RdsLakeError
from rds_lake.stages.lake import handover
from rds_lake.stages.lake.lake import Lake
from rds_lake.stages.lake.snapshot_log import Row
from rds_lake.stages.report.values import DateFigures
from rds_lake.stages.watch.records import SourceRecords

if TYPE_CHECKING:
    from pyarrow.parquet import FileMetaData

COUNTED = 31  # dates whose rows are counted from their manifests
EACH = 120  # newest dates of which each is read
UNCHECKED = "not through its checks"
_MOST_BYTES = 1 << 20  # a row has a few kilobytes
_COLUMNS = ("tables", "rows", "bytes", "state", "published_at")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """The row of an export in `_snapshots`."""

    tables: int
    rows: int
    bytes: int
    state: str
    published_at: datetime


def read_dates(records: SourceRecords) -> tuple[DateFigures, ...]:
    """Returns every date of the source that has a manifest, oldest first."""
    lake, source, days, dated = records.lake, records.source, records.dates, set(records.dates)
    items = [row for row in records.rows if row.snapshot_date in dated]
    checked = {row.snapshot_date for row in items}
    read = chosen(sorted(checked))
    rows = _rows(lake, [row for row in items if row.snapshot_date in read])
    uncounted = [day for day in reversed(days) if day not in checked][:COUNTED]
    counted = {day: _counted(lake, source.name, day) for day in uncounted}
    return tuple(
        _figures(day, rows.get(day))
        if day in checked
        else replace(counted.get(day) or _figures(day, None), state=UNCHECKED if source.athena else "")
        for day in days
    )


def chosen(days: Sequence[date]) -> frozenset[date]:
    """Returns the dates whose rows are read: all of the newest dates, and the last one of every week before."""
    weeks = {day - timedelta(days=day.weekday()): day for day in days[:-EACH]}
    return frozenset([*weeks.values(), *days[-EACH:]])


def _figures(day: date, row: _Row | None) -> DateFigures:
    """Returns the figures of a date; `row`: None if it was not read."""
    if row is None:
        return DateFigures(snapshot_date=day, state="")
    return DateFigures(snapshot_date=day, state=row.state, tables=row.tables, rows=row.rows, bytes=row.bytes)


def _counted(lake: Lake, source: str, day: date) -> DateFigures:
    manifest = handover.find_manifest(lake.s3, lake.layout, source, day)
    if manifest is None:  # removed since it was listed
        return DateFigures(snapshot_date=day, state="")
    return DateFigures(
        snapshot_date=day, state="", tables=len(manifest.tables), rows=manifest.rows, bytes=manifest.bytes
    )


def _rows(lake: Lake, items: Sequence[Row]) -> Mapping[date, _Row]:
    """Returns the row of each day; for a date exported several times, the one published last."""
    newest: dict[date, _Row] = {}
    for item, row in _read(lake, items):
        day = item.snapshot_date
        if day not in newest or newest[day].published_at < row.published_at:
            newest[day] = row
    return newest


def _read(lake: Lake, items: Sequence[Row]) -> Iterable[tuple[Row, _Row]]:
    """Returns each object's row, None for one that was removed since. Raises the first error."""
    bucket, read = lake.layout.bucket, list[tuple[Row, _Row]]()
    errors: list[RdsLakeError] = []

    def row(position: int, body: bytes) -> _Row:
        return _parsed(body, where=lake.layout.uri(items[position].key))

    def slowly(position: int) -> _Row | None:
        body = lake.s3.find_start(bucket, items[position].key, bytes=_MOST_BYTES)
        return None if body is None else row(position, body)

    def done(position: int, outcome: _Row | RdsLakeError | None) -> None:
        if isinstance(outcome, RdsLakeError):
            errors.append(outcome)
        elif outcome is not None:
            read.append((items[position], outcome))

    sizes = [min(max(item.bytes, 1), _MOST_BYTES) for item in items]
    keys = [item.key for item in items]
    ManyS3.of(lake.s3).tails(bucket, keys, length=sizes.__getitem__, read=row, slowly=slowly, done=done)
    if errors:
        raise errors[0]
    return read


def _parsed(body: bytes, *, where: str) -> _Row:
    import pyarrow as pa  # Dagster's code location loads this module, and does without pyarrow
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(io.BytesIO(body))
        row = _from_footer(file.metadata)
        if row is None:
            (row,) = file.read(columns=list(_COLUMNS), use_threads=False).to_pylist()
        return _Row(**row)
    except (pa.ArrowException, ValueError, TypeError, OSError) as error:
        raise ManifestError(
            f"{where} is not a row of `_snapshots`: {error}; delete it and materialize the views of its date again"
        ) from error


def _from_footer(footer: FileMetaData) -> dict[str, Any] | None:
    """Returns the values of a single row from its columns' statistics, four times faster than reading it. None without statistics."""
    if (footer.num_rows, footer.num_row_groups) != (1, 1):
        return None
    group = footer.row_group(0)
    columns = [group.column(at) for at in range(group.num_columns)]
    values = {
        column.path_in_schema: column.statistics.max
        for column in columns
        if column.path_in_schema in _COLUMNS and column.statistics is not None and column.statistics.has_min_max
    }
    return values if len(values) == len(_COLUMNS) else None
