"""Publishes a result completely or not at all, and never overwrites objects of others.

*Several files* are copied to `<to>run=<run>/`, then `<to>_manifest.json` names them, changed by If-Match. Files of earlier
runs stay, since readers may be using them. A `<to>` that holds anything else is not changed. *One file* is copied to
`<to><name>.<ending>` in one request, which S3 refuses if another object exists there or was written meanwhile
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html). Its metadata name its owner. Of two runs, the
result of the one that began later stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime

from rds_lake.aws.s3.copying import CopyLimits
from rds_lake.errors import ConflictError, ManifestError, PublishError, UnavailableError
from rds_lake.model.warehouse.plan import Unload
from rds_lake.model.warehouse.record import RunRecord
from rds_lake.model.warehouse.result import (
    MANIFEST,
    PublishedResult,
    UnloadedFile,
    entries_of,
    parse_published,
    render_published,
)
from rds_lake.sql.warehouse.unloading import file_ending
from rds_lake.stages.lake.shared_state import change_text
from rds_lake.stages.warehouse.work.run_context import RunContext
from rds_lake.threads import cancelling_threads

_THREADS = 16
_TRIES = 10  # each conflict means that another writer succeeded
_RUN = "run="
_MINE = "rds-lake-result"
_BEGAN = "rds-lake-began"
_RUN_KEY = "rds-lake-run"

Published = tuple[tuple[str, ...], tuple[str, ...]]


def publish(
    unload: Unload, files: Sequence[UnloadedFile], rows: int, record: RunRecord, context: RunContext
) -> Published:
    """Publishes several files. Returns their URIs and remarks; raises PublishError if the place has other files."""
    bucket, prefix = _place(unload.to)
    _require_free(bucket, prefix, unload, record, context)
    folder = f"{prefix}{_RUN}{record.plan.run}/"
    staged = f"s3://{context.bucket}/"
    targets = [f"{folder}{_below_attempt(file.uri, context)}" for file in files]

    def copy(at: int) -> None:
        source = files[at].uri.removeprefix(staged)
        context.s3.copy(
            (context.bucket, source),
            (bucket, targets[at]),
            size=files[at].bytes,
            kms_key=context.kms_key,
            limits=CopyLimits(),
        )

    with cancelling_threads(_THREADS, "publish") as pool:
        list(pool.map(copy, range(len(files))))
    uris = tuple(f"s3://{bucket}/{key}" for key in targets)
    result = PublishedResult(
        warehouse=record.plan.warehouse, result=unload.name, run=record.plan.run, began_at=record.began_at, rows=rows,
        entries=entries_of([(uri, file.bytes) for uri, file in zip(uris, files, strict=True)]),
    )  # fmt: skip

    def change(text: str | None) -> str:
        if text is not None:
            _require_mine(text, unload, record)
        return render_published(result)

    change_text(context.s3, bucket, prefix + MANIFEST, change, kms_key=context.kms_key)
    return uris, () if rows else ("it has no rows",)


def publish_single(
    unload: Unload, files: Sequence[UnloadedFile], rows: int, record: RunRecord, context: RunContext
) -> Published:
    """Publishes a result of one object. Raises UnavailableError if others change the object during every attempt."""
    if not files:
        why = f"it has no rows, and Redshift writes no {unload.format.value} file without rows"
        return (), (f"{why}: the earlier result stays published",)
    bucket, prefix = _place(unload.to)
    key = f"{prefix}{unload.name}.{file_ending(unload)}"
    source = files[0].uri.removeprefix(f"s3://{context.bucket}/")
    for _ in range(_TRIES):
        # A conflict may come from another turn of the same run, which has published the result, so the object is read again.
        with suppress(ConflictError):
            _put_single((context.bucket, source), (bucket, key), unload, record, context)
            return (f"s3://{bucket}/{key}",), () if rows else ("it has no rows",)
    raise UnavailableError(
        f"s3://{bucket}/{key} was changed by other processes during {_TRIES} attempts to publish it; try again"
    )


def _put_single(
    source: tuple[str, str], target: tuple[str, str], unload: Unload, record: RunRecord, context: RunContext
) -> None:
    """Copies the file unless this run has. Raises ConflictError if another process wrote the object meanwhile."""
    own_metadata = {
        _MINE: f"{record.plan.warehouse}/{unload.name}",
        _RUN_KEY: record.plan.run,
        _BEGAN: record.began_at.isoformat(),
    }
    there = context.s3.find_metadata(*target)
    if there is not None:
        metadata = there[1]
        if metadata.get(_MINE) != own_metadata[_MINE]:
            raise PublishError(
                f"s3://{'/'.join(target)} does not belong to this result, so it was not changed; unload to another place or remove it"
            )
        if metadata.get(_RUN_KEY) == record.plan.run:
            return
        _require_later(metadata.get(_BEGAN, ""), record)
    context.s3.copy_over(
        source, target, etag=there[0] if there else None, metadata=own_metadata, kms_key=context.kms_key
    )


def _place(to: str) -> tuple[str, str]:
    bucket, _, prefix = to.removeprefix("s3://").partition("/")
    return bucket, prefix


def _below_attempt(uri: str, context: RunContext) -> str:
    """Returns the part after `unload/<name>/<attempt>/` in the staging: a name, or `day=2026-11-20/` and a name."""
    return uri.removeprefix(context.uri(context.staging)).split("/", 3)[3]


def _require_free(bucket: str, prefix: str, unload: Unload, record: RunRecord, context: RunContext) -> None:
    before = context.s3.find_text(bucket, prefix + MANIFEST)
    if before is None:
        _require_empty(bucket, prefix, context)
    else:
        _require_mine(before, unload, record)


def _require_empty(bucket: str, prefix: str, context: RunContext) -> None:
    # There was no manifest a moment ago; the owner of a new one is checked when it is changed.
    known = (prefix, prefix + MANIFEST)
    others = (
        item.key
        for item in context.s3.list_objects(bucket, prefix)
        if not item.key.removeprefix(prefix).startswith(_RUN)
    )
    other = next((key for key in others if key not in known), None)
    if other is not None:
        raise PublishError(
            f"s3://{bucket}/{prefix} is not empty: s3://{bucket}/{other} does not belong to this result. Nothing was published or "
            "removed; unload to a prefix that nothing else uses, or empty this one"
        )


def _require_mine(text: str, unload: Unload, record: RunRecord) -> None:
    where = unload.to + MANIFEST
    try:
        there = parse_published(text, where=where)
    except ManifestError as error:
        raise PublishError(f"{error}. Nothing was published") from error
    if (there.warehouse, there.result) != (record.plan.warehouse, unload.name):
        raise PublishError(
            f"{where} belongs to result {there.result} of warehouse {there.warehouse}, so nothing was published; "
            "unload to another place"
        )
    if there.run != record.plan.run:
        _require_later(there.began_at.isoformat(), record)


def _require_later(began: str, record: RunRecord) -> None:
    try:
        is_later = datetime.fromisoformat(began) > record.began_at
    except ValueError:
        is_later = False
    if is_later:
        raise PublishError(f"a later run, started at {began}, has already published this result, which stays published")
