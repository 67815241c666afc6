"""Reads and writes how many rows differ between a date and the date before; the classes are in `model/lake/date_diff.py`."""

from __future__ import annotations

from datetime import date

from rds_lake.aws.s3.gateway import S3Gateway
from rds_lake.errors import ManifestError, NewerRecordError
from rds_lake.model.lake.date_diff import DateDiff, parse_date_diff, render_date_diff
from rds_lake.model.lake.layout import LakeLayout
from rds_lake.stages.lake.lake import Lake
from rds_lake.stages.lake.shared_state import change_text


def find_date_diff(s3: S3Gateway, layout: LakeLayout, source: str, day: date) -> DateDiff | None:
    """Returns the record of the date; None if it was not compared. Raises ManifestError if it is damaged or of another date."""
    key = layout.diff_key(source, day)
    text = s3.find_text(layout.bucket, key)
    return None if text is None else _own(text, source, day, where=layout.uri(key))


def write_date_diff(lake: Lake, diff: DateDiff) -> None:
    """Writes the record, replacing an earlier or damaged one. Raises NewerRecordError if a newer release wrote it."""
    key = lake.layout.diff_key(diff.source, diff.snapshot_date)

    def change(text: str | None) -> str:
        if text is not None:
            _refuse_newer(text, where=lake.layout.uri(key))
        return render_date_diff(diff)

    change_text(lake.s3, lake.layout.bucket, key, change, kms_key=lake.kms_key)


def _own(text: str, source: str, day: date, *, where: str) -> DateDiff:
    diff = parse_date_diff(text, where=where)
    if (diff.source, diff.snapshot_date) != (source, day):
        raise ManifestError(
            f"{where} belongs to {diff.source!r} {diff.snapshot_date}, so it was not used; delete it, and run the check of {day} again"
        )
    return diff


def _refuse_newer(text: str, *, where: str) -> None:
    try:
        parse_date_diff(text, where=where)
    except NewerRecordError:
        raise
    except ManifestError:
        return  # damaged: the new one takes its place
