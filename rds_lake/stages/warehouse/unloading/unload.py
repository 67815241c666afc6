"""An unload: files in the run's staging, verified by Redshift's manifest, then published by `publishing.py`."""

from __future__ import annotations

from dataclasses import replace

from rds_lake.aws.warehouse.redshift_data import StatementState
from rds_lake.errors import ConflictError, ManifestError, PublishError
from rds_lake.model.warehouse.orders import Section
from rds_lake.model.warehouse.plan import Unload
from rds_lake.model.warehouse.record import Piece, PieceState, RunRecord
from rds_lake.model.warehouse.result import UnloadedFile, parse_unloaded
from rds_lake.model.warehouse.target import Target
from rds_lake.sql.warehouse.unloading import render_unload
from rds_lake.stages.warehouse.unloading.guard import guard_section, is_guard, refusal
from rds_lake.stages.warehouse.unloading.publishing import publish, publish_single
from rds_lake.stages.warehouse.work.run_context import RunContext
from rds_lake.stages.warehouse.work.statements import MOST_ATTEMPTS, again, failed, is_conflict

_MANIFEST = "manifest"


def section_of(piece: Piece, unload: Unload, target: Target, context: RunContext) -> Section:
    """Returns the UNLOAD to a folder of only this attempt; before that of a single file, the estimate of its size."""
    if is_guard(piece, unload):
        return guard_section(unload)
    return Section(
        sqls=(
            render_unload(
                unload, context.uri(_folder(piece, context)), role=target.role, kms_key=context.key_of_unload
            ),
        )
    )


def is_too_large(piece: Piece, unload: Unload, context: RunContext) -> bool:
    """Whether a running unload to a single file has more files or bytes than allowed, and must be cancelled."""
    if not unload.single_file or is_guard(piece, unload):
        return False
    there = [
        item
        for item in context.s3.list_objects(context.bucket, _folder(piece, context))
        if not item.key.endswith(_MANIFEST)
    ]
    return len(there) > 1 or sum(item.bytes for item in there) > unload.most_bytes


def ended(piece: Piece, unload: Unload, state: StatementState, record: RunRecord, context: RunContext) -> Piece:
    """Returns the unload after its statement has ended; DONE once its result is published."""
    if is_guard(piece, unload) and state.status != "ABORTED":
        refused = refusal(unload, state, context)
        if refused:
            return failed(piece, f"unload {piece.name}: {refused}")
        return replace(piece, at=1, statement=None, seconds=state.seconds)
    if not state.is_good:
        return _failed(piece, state)
    piece = replace(piece, seconds=(piece.seconds or 0) + (state.seconds or 0))
    try:
        files = _verified(piece, unload, state, context)
        rows = state.parts[0].rows or 0
        published, notes = (publish_single if unload.single_file else publish)(unload, files, rows, record, context)
    except (ManifestError, PublishError, ConflictError) as error:
        return failed(piece, f"unload {piece.name}: {error}")
    return replace(
        piece, state=PieceState.DONE, rows=rows, bytes=sum(file.bytes for file in files), files=published, notes=notes
    )


def too_large(unload: Unload) -> str:
    """Returns the error of a result that does not fit into one file."""
    return (
        f"unload {unload.name}: its result is larger than {unload.most_bytes:,} bytes, the limit of a single file (`most_gb`), so "
        "nothing was published; raise `most_gb` (5 at most), remove `single_file`, or select fewer rows"
    )


def _folder(piece: Piece, context: RunContext) -> str:
    return context.key("unload", piece.name, str(piece.attempt)) + "/"


def _failed(piece: Piece, state: StatementState) -> Piece:
    error = state.error or f"it is {state.status}"
    if is_conflict(error) and piece.attempt < MOST_ATTEMPTS:
        return again(piece)
    if state.status != "FAILED":
        return failed(piece, f"unload {piece.name} was cancelled")
    return failed(piece, f"unload {piece.name}: {error}; nothing was published")


def _verified(piece: Piece, unload: Unload, state: StatementState, context: RunContext) -> tuple[UnloadedFile, ...]:
    """Returns the files in Redshift's manifest, after comparing their sizes and rows. Raises PublishError with all differences."""
    folder = _folder(piece, context)
    key = folder + _MANIFEST
    files = parse_unloaded(context.s3.get_text(context.bucket, key), where=context.uri(key))
    there = {context.uri(item.key): item.bytes for item in context.s3.list_objects(context.bucket, folder)}
    wrong = [
        f"{file.uri} has {there.get(file.uri, 'no')} bytes instead of {file.bytes}"
        for file in files
        if there.get(file.uri) != file.bytes
    ]
    rows, headers = state.parts[0].rows, len(files) * unload.header
    record_count = sum(file.records for file in files)
    if rows is not None and record_count != rows + headers and record_count != rows:
        wrong.append(
            f"its files hold {record_count:,} records, but the query has {rows:,} rows and {headers} header lines"
        )
    if unload.single_file and (len(files) > 1 or sum(file.bytes for file in files) > unload.most_bytes):
        raise PublishError(too_large(unload).removeprefix(f"unload {unload.name}: "))
    if wrong:
        raise PublishError(
            "the files that Redshift unloaded are incomplete, so nothing was published; start the run again:", wrong
        )
    return files
