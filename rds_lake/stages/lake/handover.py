"""Reads and writes what one stage hands to the next in S3, by source and date: the export record and the manifest."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

from rds_lake.aws.s3.gateway import MOST_LISTED, S3Gateway
from rds_lake.aws.s3.many import ManyS3
from rds_lake.errors import ManifestError, NewerRecordError
from rds_lake.model.lake.layout import LakeLayout
from rds_lake.model.lake.manifest import Manifest
from rds_lake.model.lake.manifest_json import parse_export_record, parse_manifest, render_export_record, render_manifest
from rds_lake.model.lake.record import ExportRecord
from rds_lake.stages.lake.shared_state import change_bytes

T = TypeVar("T")


def find_manifest(s3: S3Gateway, layout: LakeLayout, source: str, day: date) -> Manifest | None:
    """Returns the manifest of the date; None if the date was never relocated."""
    text = s3.find_text(layout.bucket, layout.manifest_key(source, day), most=MOST_LISTED)
    return None if text is None else _own(text, layout, source, day)


def _own(text: str, layout: LakeLayout, source: str, day: date) -> Manifest:
    """Parses the manifest. Raises ManifestError if it belongs to another date, source or lake."""
    where = layout.uri(layout.manifest_key(source, day))
    manifest = parse_manifest(text, where=where)
    _require_own(manifest.export, source, day, where=where, made_by="parquet")
    if manifest.lake_bucket != layout.bucket:
        raise ManifestError(
            f"{where} belongs to a lake in the bucket {manifest.lake_bucket!r}, so it was not used; delete it and materialize "
            "`parquet` again"
        )
    return manifest


def get_manifest(s3: S3Gateway, layout: LakeLayout, source: str, day: date) -> Manifest:
    """Returns the manifest of the date. Raises ManifestError, which says what to materialize, if there is none."""
    manifest = find_manifest(s3, layout, source, day)
    if manifest is None:
        raise _no_manifest(layout, source, day)
    return manifest


def _no_manifest(layout: LakeLayout, source: str, day: date) -> ManifestError:
    where = layout.uri(layout.manifest_key(source, day))
    return ManifestError(f"{where} does not exist: materialize `{source}/parquet` for {day} first")


def list_dates(s3: S3Gateway, layout: LakeLayout, source: str) -> tuple[date, ...]:
    """Returns the dates that have a manifest, oldest first."""
    return dates_of_records(s3, layout, source).converted


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedDates:
    """A source's dates, oldest first: those that have a manifest, and those of DynamoDB whose exports were begun."""

    converted: tuple[date, ...]
    begun: tuple[date, ...]


def dates_of_records(s3: S3Gateway, layout: LakeLayout, source: str) -> RecordedDates:
    """Returns the source's dates. Lists them with rds-lake's own HTTP client, as botocore slowly parses a time for every key."""
    folder = layout.manifest_folder(source)
    names = [key.removeprefix(folder) for key, _ in ManyS3.of(s3).listed(layout.bucket, [folder])]
    return RecordedDates(converted=_dates(names, ".json"), begun=_dates(names, ".begun.json"))


def _dates(names: Iterable[str], ending: str) -> tuple[date, ...]:
    """Returns the dates in names such as `2026-11-20.json`; other records, markers and the pointer are ignored."""
    dates = (_date(name.removesuffix(ending)) for name in names if name.endswith(ending))
    return tuple(sorted(day for day in dates if day is not None))


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenManifest:
    """A manifest, and the version of the object it was read from."""

    manifest: Manifest
    etag: str

    def still_stands(self, s3: S3Gateway, layout: LakeLayout) -> bool:
        """Whether the date's manifest is still of this export. Costs one HEAD request if nothing was written since."""
        manifest = self.manifest
        if s3.find_etag(layout.bucket, layout.manifest_key(manifest.source, manifest.snapshot_date)) == self.etag:
            return True
        now = find_manifest(s3, layout, manifest.source, manifest.snapshot_date)
        return now is not None and now.export.export_task == manifest.export.export_task


def see_manifest(s3: S3Gateway, layout: LakeLayout, source: str, day: date) -> SeenManifest:
    """Returns the manifest of the date with its version. Raises ManifestError, which says what to materialize, if there is none."""
    key = layout.manifest_key(source, day)
    version = s3.find_version(layout.bucket, key, most=MOST_LISTED)
    if version is None:
        raise _no_manifest(layout, source, day)
    text, etag = version
    return SeenManifest(manifest=_own(text, layout, source, day), etag=etag)


def write_manifest(
    s3: S3Gateway,
    layout: LakeLayout,
    manifest: Manifest,
    *,
    kms_key: str | None,
    newest: bool = True,
    stands: Callable[[Manifest], bool] | None = None,
) -> Manifest:
    """Ends a relocation: writes the complete manifest in one PUT, after all its files. Returns the date's manifest.

    It replaces the manifest of an earlier export and lists that export's files as superseded. Nothing is written if another
    run wrote a manifest meanwhile for which `stands` returns true; without `stands`, if that is of a better export (`newest`:
    of the newest snapshot).
    """
    key = layout.manifest_key(manifest.source, manifest.snapshot_date)
    yields = stands or (lambda other: manifest.export.yields_to(other.export, newest=newest))
    after = manifest

    def change(text: str | None) -> bytes | None:
        nonlocal after
        there = _readable(parse_manifest, text, where=layout.uri(key))
        if there is not None and yields(there):
            after = there
            return None
        after = manifest if there is None else manifest.in_place_of(there)
        return render_manifest(after)

    # Mostly there is none yet, so a PUT without a request before it is enough.
    change_bytes(s3, layout.bucket, key, change, kms_key=kms_key, most=MOST_LISTED, look_first=False)
    return after


def _readable(parse: Callable[..., T], text: str | None, *, where: str) -> T | None:
    """Returns the existing record; None if there is none, or if it is damaged, so that the new record replaces it."""
    try:
        return parse(text, where=where) if text else None
    except NewerRecordError:
        raise
    except ManifestError:
        return None


def find_export_record(s3: S3Gateway, layout: LakeLayout, source: str, day: date) -> ExportRecord | None:
    """Returns the accepted export of the date; None if there is none."""
    key = layout.export_record_key(source, day)
    text = s3.find_text(layout.bucket, key)
    if text is None:
        return None
    record = parse_export_record(text, where=layout.uri(key))
    _require_own(record, source, day, where=layout.uri(key), made_by="snapshot_export")
    return record


def _require_own(record: ExportRecord, source: str, day: date, *, where: str, made_by: str) -> None:
    """ManifestError if a record does not match the source and date in its key, since it would be applied to another date's files."""
    if (record.source, record.snapshot_date) != (source, day):
        raise ManifestError(
            f"{where} belongs to {record.source!r} {record.snapshot_date}, so it was not used; find out who wrote it, "
            f"then delete it and materialize `{made_by}` of {day} again"
        )


def get_export_record(s3: S3Gateway, layout: LakeLayout, source: str, day: date) -> ExportRecord:
    """Returns the accepted export of the date. Raises ManifestError, which says what to materialize, if there is none."""
    record = find_export_record(s3, layout, source, day)
    if record is None:
        where = layout.uri(layout.export_record_key(source, day))
        raise ManifestError(
            f"{where} does not exist: no complete export of {day} was accepted; "
            f"materialize `{source}/snapshot_export` for {day} first"
        )
    return record


def write_export_record(s3: S3Gateway, layout: LakeLayout, record: ExportRecord, *, kms_key: str | None) -> None:
    """Records the export as the date's, and replaces any earlier record."""
    key = layout.export_record_key(record.source, record.snapshot_date)
    s3.put_text(layout.bucket, key, render_export_record(record), kms_key=kms_key)


def accept_export(
    s3: S3Gateway,
    layout: LakeLayout,
    record: ExportRecord,
    *,
    kms_key: str | None,
    stays: Callable[[ExportRecord], bool],
) -> ExportRecord:
    """Accepts an export for its date unless `stays` is true for the one accepted before. Returns the date's record.

    Two exports of a date may end at once: the worse export, if it is reported last, must not replace the better one.
    """
    key = layout.export_record_key(record.source, record.snapshot_date)
    after = record

    def change(text: str | None) -> bytes | None:
        nonlocal after
        there = _readable(parse_export_record, text, where=layout.uri(key))
        keeps = there is not None and there.export_task != record.export_task and stays(there)
        after = there if there is not None and keeps else record
        return None if keeps else render_export_record(record).encode()

    change_bytes(s3, layout.bucket, key, change, kms_key=kms_key, look_first=False)
    return after
