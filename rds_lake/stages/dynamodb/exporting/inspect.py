"""Reads the manifests of a date's DynamoDB exports, and checks that all files in them exist.

COMPLETED alone does not count: the items of the listed files must add up to those of the summary and of DescribeExport, and
every file must be in S3. Contents are compared with their MD5 when they are read (`converting/local.py`). Incremental
exports share one data folder, so only the files that the manifest names are looked at:
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/S3DataExport.Output.html

The format of the manifests is `model/dynamodb/manifest.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial

from rds_lake.aws.dynamodb import OLD_AND_NEW
from rds_lake.aws.s3.gateway import MOST_LISTED, S3Gateway
from rds_lake.errors import MalformedExportError
from rds_lake.model.dynamodb.chain import Window
from rds_lake.model.dynamodb.export_set import ChainExports, ExportSet
from rds_lake.model.dynamodb.manifest import ManifestFile, ManifestSummary, parse_files, parse_summary, with_prefix
from rds_lake.model.dynamodb.tables import MANIFESTS, TableExport
from rds_lake.model.exports.completeness import Finding
from rds_lake.model.lake.record import ExportPart, ExportRecord, ExportStep
from rds_lake.threads import in_threads

_PARALLEL = 16
_SECOND = timedelta(seconds=1)
LEAST_BILLED = 10_000_000  # bytes of an incremental export: https://aws.amazon.com/dynamodb/pricing/


@dataclass(frozen=True, slots=True, kw_only=True)
class DynamoFile:
    """One data file in the export bucket: items and MD5 (base64) of the manifest, bytes of S3."""

    key: str
    bytes: int
    items: int
    md5: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedItems:
    """The exported files of one table."""

    part: ExportPart
    files: tuple[DynamoFile, ...]

    @property
    def bytes(self) -> int:
        """As they are stored, compressed."""
        return sum(file.bytes for file in self.files)


@dataclass(frozen=True, slots=True, kw_only=True)
class SetContents:
    """The files of the date's exports, by table, and the problems found."""

    tables: tuple[ExportedItems, ...]
    findings: tuple[Finding, ...]


def inspect_set(s3: S3Gateway, export_set: ExportSet, *, converted: Sequence[ExportPart] = ()) -> SetContents:
    """Reads every export's manifests and looks for their files. Problems are returned as findings, not raised.

    `converted`: exports that are already in the lake, whose files need not exist any more.
    """
    known = {part.export_arn: ExportedItems(part=part, files=()) for part in converted}

    def look(export: TableExport) -> tuple[ExportedItems | None, list[Finding]]:
        return (known[export.arn], []) if export.arn in known else _inspect(s3, export)

    def look_at_chain(chain: ChainExports) -> tuple[ExportedItems | None, list[Finding]]:
        last = chain.exports[-1]
        return (known[last.arn], []) if last and last.arn in known else _inspect_chain(s3, chain)

    full = [export for export in export_set.exports.values() if export is not None]
    looks = [*(partial(look, export) for export in full)]
    looks += [partial(look_at_chain, chain) for chain in export_set.chains.values()]
    looked = in_threads(lambda look: look(), looks, threads=_PARALLEL, name="inspect")
    left_out = [
        Finding(
            severity="warning",
            problem=f"{name} did not exist at {export_set.moment:%Y-%m-%d %H:%M} UTC and is left out",
        )
        for name in export_set.left_out
    ]
    return SetContents(
        tables=tuple(sorted((table for table, _ in looked if table is not None), key=lambda table: table.part.table)),
        findings=tuple(finding for _, findings in looked for finding in findings) + tuple(left_out),
    )


def read_part(s3: S3Gateway, bucket: str, part: ExportPart) -> ExportedItems:
    """Returns the files of an accepted export; MalformedExportError lists what has changed since it was accepted."""
    files, problems = _files(s3, bucket, part)
    if problems:
        raise MalformedExportError(
            f"the export of {part.table} changed after it was accepted, so it was not used:", problems
        )
    return ExportedItems(part=part, files=files)


def read_steps(s3: S3Gateway, bucket: str, part: ExportPart) -> list[ExportedItems]:
    """Returns the files of every step of an accepted chain, oldest first; MalformedExportError lists changes since then."""
    read: list[ExportedItems] = []
    for step in part.steps:
        files, problems = _files(s3, bucket, step, step.window)
        if problems:
            raise MalformedExportError(
                f"the export of changes of {part.table}, {step.window}, changed after it was accepted, so it was not used:",
                problems,
            )
        read.append(ExportedItems(part=part, files=files))
    return read


def _files(
    s3: S3Gateway, bucket: str, export: ExportPart | ExportStep, window: Window | None = None
) -> tuple[tuple[DynamoFile, ...], list[str]]:
    """Returns the files of an accepted export, and their current problems."""
    summary, listed = _manifests(s3, bucket, export.manifest_key)
    sizes = _sizes(s3, bucket, export.folder, listed)
    problems = _problems(summary, listed, sizes, items=export.items, arn=export.export_arn, window=window)
    return _sized(listed, sizes), problems


def summary_key(export: TableExport) -> str:
    """Returns the key of the export's summary, which DynamoDB writes last. MalformedExportError for a key that no export has."""
    if not export.manifest_key:
        return export.folder + MANIFESTS[1]
    return with_prefix(export.manifest_key, export.prefix, where=f"DescribeExport of {export.arn}")


def record_of_set(export_set: ExportSet, contents: SetContents) -> ExportRecord:
    """Returns the record that the next stage, the conversion, reads."""
    task = export_set.task
    return ExportRecord(
        source=export_set.source,
        snapshot_date=export_set.snapshot_date,
        snapshot_arn=task.source_arn,
        snapshot_time=export_set.moment,
        export_task=export_set.identifier,
        bucket=task.bucket,
        folder=f"{task.prefix}/" if task.prefix else "",
        started_at=task.started_at,
        ended_at=task.ended_at,
        parts=tuple(
            replace(table.part, full_because=export_set.full_because.get(table.part.table, ""))
            if table.part.base is None
            else table.part
            for table in contents.tables
        ),
    )


def _inspect_chain(s3: S3Gateway, chain: ChainExports) -> tuple[ExportedItems | None, list[Finding]]:
    """Returns a chain's exports as one part of the record. DynamoDB bills every incremental export as 10 MB at least."""
    looked = [
        _inspect(s3, export, window) for export, window in zip(chain.exports, chain.windows, strict=True) if export
    ]
    findings = [finding for _, problems in looked for finding in problems]
    items = [step for step, _ in looked if step is not None]
    if len(items) < len(chain.windows):
        return None, findings
    steps = tuple(
        ExportStep(
            window=window,
            export_arn=step.part.export_arn,
            folder=step.part.folder,
            manifest_key=step.part.manifest_key,
            items=step.part.items,
        )
        for step, window in zip(items, chain.windows, strict=True)
    )
    part = replace(
        items[-1].part,
        items=sum(step.part.items for step in items),
        billed_bytes=sum(max(step.part.billed_bytes, LEAST_BILLED) for step in items),
        base=chain.base,
        steps=steps,
    )
    return ExportedItems(part=part, files=tuple(file for step in items for file in step.files)), findings


def _inspect(
    s3: S3Gateway, export: TableExport, window: Window | None = None
) -> tuple[ExportedItems | None, list[Finding]]:
    try:
        key = summary_key(export)
        summary, files = _manifests(s3, export.bucket, key)
    except MalformedExportError as error:
        return None, [Finding(severity="error", problem=f"{export.table}: {error}")]
    sizes = _sizes(s3, export.bucket, export.folder, files)
    problems = _problems(summary, files, sizes, items=export.items, arn=export.arn, window=window)
    part = ExportPart(
        table=export.table,
        export_arn=export.arn,
        folder=export.folder,
        manifest_key=key,
        items=summary.items,
        billed_bytes=summary.billed_bytes,
        table_id=export.table_id,
    )
    return ExportedItems(part=part, files=_sized(files, sizes)), [
        Finding(severity="error", problem=f"{export.table}: {problem}") for problem in problems
    ]


def _sized(files: Sequence[ManifestFile], sizes: dict[str, int]) -> tuple[DynamoFile, ...]:
    return tuple(DynamoFile(key=f.key, bytes=sizes.get(f.key, 0), items=f.items, md5=f.md5) for f in files)


def _manifests(s3: S3Gateway, bucket: str, key: str) -> tuple[ManifestSummary, tuple[ManifestFile, ...]]:
    where = f"s3://{bucket}/{key}"
    text = s3.find_text(bucket, key)
    if text is None:
        raise MalformedExportError(f"{where} is missing; export the date again")
    summary = parse_summary(text, where=where)
    listed = s3.find_text(bucket, summary.files_key, most=MOST_LISTED)
    where = f"s3://{bucket}/{summary.files_key}"
    if listed is None:
        raise MalformedExportError(f"{where} is missing; export the date again")
    return summary, parse_files(listed, prefix=summary.prefix, where=where)


def _sizes(s3: S3Gateway, bucket: str, folder: str, files: tuple[ManifestFile, ...]) -> dict[str, int]:
    """Returns the size in bytes of each existing file, by key: from one listing of the export's folder, others one by one."""
    sizes = {item.key: item.bytes for item in s3.list_objects(bucket, folder)} if files else {}
    others = [file.key for file in files if not file.key.startswith(folder)]
    heads = in_threads(lambda key: s3.find_head(bucket, key), others, threads=_PARALLEL, name="heads")
    return sizes | {key: head.bytes for key, head in zip(others, heads, strict=True) if head is not None}


def _problems(
    summary: ManifestSummary,
    files: tuple[ManifestFile, ...],
    sizes: dict[str, int],
    *,
    items: int | None,
    arn: str,
    window: Window | None = None,
) -> list[str]:
    problems = [f"file {file.key} is in the manifest, but does not exist" for file in files if file.key not in sizes]
    problems += [
        f"file {file.key} is empty (0 bytes), but should have {file.items} items"
        for file in files
        if sizes.get(file.key) == 0
    ]
    if summary.export_arn != arn:
        problems.append(f"the manifest is of another export, {summary.export_arn}")
    if summary.incremental != (window is not None) or summary.format != "DYNAMODB_JSON":
        kind = f"{'an incremental' if summary.incremental else 'a full'} export as {summary.format}"
        wanted = "a full one" if window is None else "an incremental one"
        problems.append(f"the manifest is of {kind}, and should be of {wanted} as DYNAMODB_JSON")
    elif window is not None and summary.window is not None:
        written = Window(start=summary.window[0], end=summary.window[1])
        if abs(written.start - window.start) >= _SECOND or abs(written.end - window.end) >= _SECOND:
            problems.append(f"the manifest is of {written}, and should be of {window}")
        if summary.view != OLD_AND_NEW:
            problems.append(f"the manifest is of {summary.view}, and should be of {OLD_AND_NEW}")
    listed = sum(file.items for file in files)
    if listed != summary.items:
        problems.append(f"the files hold {listed:,} items, and the summary says {summary.items:,}")
    if items is not None and items != summary.items:
        problems.append(f"DescribeExport says {items:,} items, and the summary {summary.items:,}")
    return problems
