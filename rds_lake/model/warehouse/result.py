"""The verbose manifest of an UNLOAD, and the manifest of a published result.

    s3://acme-reports/usage/run=2026-11-20-3f9c/0000_part_00.csv     files of a run, under a folder of its own
    s3://acme-reports/usage/_manifest.json                           which of them are the result: written last, in one PUT

A reader who follows `_manifest.json` sees one complete result, the old or the new one. It has `entries` like a manifest for COPY,
so that another Redshift can load the result with it.
(https://docs.aws.amazon.com/redshift/latest/dg/unload-manifest-file.html)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from rds_lake.errors import ManifestError
from rds_lake.model.records import RECORD_ERRORS, load_object, read_record, render_record

MANIFEST = "_manifest.json"
_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class UnloadedFile:
    """An object that UNLOAD wrote. `records`: its rows, and a header line."""

    uri: str
    bytes: int
    records: int


def parse_unloaded(text: str, *, where: str) -> tuple[UnloadedFile, ...]:
    """Returns the files of a MANIFEST VERBOSE. Raises ManifestError for anything else."""
    try:
        entries = load_object(text)["entries"]
        return tuple(
            UnloadedFile(
                uri=each["url"], bytes=int(each["meta"]["content_length"]), records=int(each["meta"]["record_count"])
            )
            for each in entries
        )
    except RECORD_ERRORS as error:
        raise ManifestError(
            f"{where} is not a verbose manifest of an UNLOAD ({error!r}); start the run again"
        ) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A file of a result."""

    url: str
    mandatory: bool
    meta: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedResult:
    """A published result. `began_at`: when its run began, which decides which of two results is later."""

    warehouse: str
    result: str
    run: str
    began_at: datetime
    rows: int
    entries: tuple[Entry, ...]


def parse_published(text: str, *, where: str) -> PublishedResult:
    """Returns the manifest of a result. Raises ManifestError for anything else."""
    remedy = "it is not of rds-lake: unload to another place, or remove it"
    return read_record(PublishedResult, text, where=where, known=(_VERSION,), remedy=remedy)


def render_published(result: PublishedResult) -> str:
    """Returns the manifest as JSON."""
    return render_record(asdict(result), version=_VERSION)


def entries_of(files: Sequence[tuple[str, int]]) -> tuple[Entry, ...]:
    """Returns entries for files, given as URI and size."""
    return tuple(Entry(url=uri, mandatory=True, meta={"content_length": size}) for uri, size in files)
