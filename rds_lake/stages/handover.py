"""What one stage leaves for the next in S3: the export record and the manifest.

What belongs here: reading and writing them by source and date. Their shapes are `model/manifest.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date

from rds_lake.aws.s3 import MOST_LISTED, S3Gateway
from rds_lake.errors import ManifestError
from rds_lake.model.export import ExportRecord
from rds_lake.model.layout import LakeLayout
from rds_lake.model.manifest import Manifest
from rds_lake.model.manifest_json import parse_export_record, parse_manifest, render_export_record, render_manifest
from rds_lake.stages.shared_state import change_text


def find_manifest(s3: S3Gateway, layout: LakeLayout, source: str, day: date) -> Manifest | None:
    """The manifest of the date, or None when it was never relocated."""
    key = layout.manifest_key(source, day)
    text = s3.find_text(layout.bucket, key, most=MOST_LISTED)
    if text is None:
        return None
    manifest = parse_manifest(text, where=layout.uri(key))
    _require_own(manifest.export, source, day, where=layout.uri(key), made_by="parquet")
    if manifest.lake_bucket != layout.bucket:
        raise ManifestError(
            f"{layout.uri(key)} is of a lake in the bucket {manifest.lake_bucket!r}, and nothing of it is believed; delete it and "
            "materialize `parquet` again"
        )
    return manifest


def get_manifest(s3: S3Gateway, layout: LakeLayout, source: str, day: date) -> Manifest:
    """The manifest of the date; ManifestError says what to materialize when there is none."""
    manifest = find_manifest(s3, layout, source, day)
    if manifest is None:
        where = layout.uri(layout.manifest_key(source, day))
        raise ManifestError(f"{where} does not exist: materialize `{source}/parquet` for {day} first")
    return manifest


def list_dates(s3: S3Gateway, layout: LakeLayout, source: str) -> tuple[date, ...]:
    """The dates that have a manifest, oldest first."""
    return dates_of_records(s3, layout, source).converted


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedDates:
    """A source's dates, oldest first: those that have a manifest, and those of DynamoDB whose exports were begun."""

    converted: tuple[date, ...]
    begun: tuple[date, ...]


def dates_of_records(s3: S3Gateway, layout: LakeLayout, source: str) -> RecordedDates:
    """The source's dates by one listing."""
    folder = layout.manifest_folder(source)
    names = [item.key.removeprefix(folder) for item in s3.list_objects(layout.bucket, folder)]
    return RecordedDates(converted=_dates(names, ".json"), begun=_dates(names, ".begun.json"))


def _dates(names: Iterable[str], ending: str) -> tuple[date, ...]:
    """The dates of names such as `2026-11-20.json`; those of other records, markers and the pointer have none."""
    dates = (_date(name.removesuffix(ending)) for name in names if name.endswith(ending))
    return tuple(sorted(day for day in dates if day is not None))


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def write_manifest(
    s3: S3Gateway,
    layout: LakeLayout,
    manifest: Manifest,
    *,
    kms_key: str | None,
    stands: Callable[[Manifest], bool] | None = None,
) -> Manifest:
    """Commit relocation: the manifest appears whole, in one PUT, after everything it names.

    Where several runs may commit the date, `stands` says whether another's manifest that is there stays; it is returned then.
    """
    key = layout.manifest_key(manifest.source, manifest.snapshot_date)
    body, counts = render_manifest(manifest), manifest
    if stands is None:
        s3.put_bytes(layout.bucket, key, body, kms_key=kms_key)
        return manifest

    def change(text: str | None) -> str | None:
        nonlocal counts
        there = None if text is None else parse_manifest(text, where=layout.uri(key))
        counts = there if there is not None and stands(there) else manifest
        return body.decode() if counts is manifest else None

    change_text(s3, layout.bucket, key, change, kms_key=kms_key)
    return counts


def find_export_record(s3: S3Gateway, layout: LakeLayout, source: str, day: date) -> ExportRecord | None:
    """The accepted export of the date, or None when none was."""
    key = layout.export_record_key(source, day)
    text = s3.find_text(layout.bucket, key)
    if text is None:
        return None
    record = parse_export_record(text, where=layout.uri(key))
    _require_own(record, source, day, where=layout.uri(key), made_by="snapshot_export")
    return record


def _require_own(record: ExportRecord, source: str, day: date, *, where: str, made_by: str) -> None:
    """A record speaks for the source and date whose name it has: what it says of others would be done to theirs."""
    if (record.source, record.snapshot_date) != (source, day):
        raise ManifestError(
            f"{where} says that it is of {record.source!r} {record.snapshot_date}, and nothing of it is believed; see who wrote it, "
            f"then delete it and materialize `{made_by}` of {day} again"
        )


def get_export_record(s3: S3Gateway, layout: LakeLayout, source: str, day: date) -> ExportRecord:
    """The accepted export of the date; ManifestError says what to materialize when there is none."""
    record = find_export_record(s3, layout, source, day)
    if record is None:
        where = layout.uri(layout.export_record_key(source, day))
        raise ManifestError(
            f"{where} does not exist: no complete export of {day} was accepted; "
            f"materialize `{source}/snapshot_export` for {day} first"
        )
    return record


def write_export_record(s3: S3Gateway, layout: LakeLayout, record: ExportRecord, *, kms_key: str | None) -> None:
    """Accept an export for its date."""
    key = layout.export_record_key(record.source, record.snapshot_date)
    s3.put_text(layout.bucket, key, render_export_record(record), kms_key=kms_key)
