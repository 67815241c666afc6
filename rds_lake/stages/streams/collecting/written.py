"""Writes a cut of collected changes to S3, under names that only one attempt uses.

What belongs here: writing. Whether the cut is taken is decided in `collect.py`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from rds_lake.model.exports.info import export_folder
from rds_lake.model.streams.arrived import ArrivedChange
from rds_lake.model.streams.captured import Capture, CapturedColumn, CapturedTable
from rds_lake.model.streams.collected import LAMBDA_EPOCH, Collected, UnreadLine
from rds_lake.model.streams.cut import ChangeFile
from rds_lake.model.streams.event import Arrival, ChangeEvent, render_event
from rds_lake.model.tables.table import TableTarget
from rds_lake.stages.lake.lake import Lake
from rds_lake.stages.streams.collecting.next_cut import NextCut
from rds_lake.stages.streams.files import CutFiles

_UNREAD_BYTES = 16 << 20  # maximum of texts that one cut stores


def write_files(
    lake: Lake, source: str, before: Collected, new: NextCut, attempt: str
) -> Mapping[TableTarget, tuple[ChangeFile, ...]]:
    """Writes the changes, numbered from `before` on, as files of each table."""
    seq = before.seq

    def put(target: TableTarget, at: int, body: bytes) -> str:
        folder = export_folder(target)
        key = lake.layout.change_file_key(source, LAMBDA_EPOCH, before.cut + 1, attempt, folder, at)
        lake.s3.put_bytes(lake.layout.bucket, key, body, kms_key=lake.kms_key)
        return key

    files = CutFiles(put)
    for target, changes in new.changes.items():
        for hour, change in changes:
            seq += 1
            files.add(target, seq, render_event(_event(seq, hour, change)).encode())
    return files.finish()


def write_unread(lake: Lake, key: str, unread: Sequence[tuple[UnreadLine, bytes]]) -> None:
    """Writes the lines that are not changes, with a limit for their texts."""
    if unread:
        text = "".join(_aside(line, text) for line, text in _limited(unread))
        lake.s3.put_text(lake.layout.bucket, key, text, kms_key=lake.kms_key)


def described(
    known: Sequence[CapturedTable], changes: Mapping[TableTarget, Sequence[tuple[datetime, ArrivedChange]]]
) -> tuple[CapturedTable, ...]:
    """Returns the tables with columns and keys from these changes. Changes have no types: text, until a snapshot has the column."""
    tables = {table.target: table for table in known}
    for target, several in changes.items():
        table = tables.get(target) or CapturedTable(target=target, columns=(), key=(), capture=Capture.LAMBDA)
        names = dict.fromkeys(column.name for column in table.columns)
        for _, change in several:
            names |= dict.fromkeys([*(change.new or ()), *(change.old or ())])
        key = next((tuple(change.key) for _, change in reversed(several) if change.key), table.key)
        columns = tuple(CapturedColumn(name=name, type="text") for name in names)
        tables[target] = replace(table, columns=columns, key=key)
    return tuple(tables[target] for target in sorted(tables))


def _event(seq: int, hour: datetime, change: ArrivedChange) -> ChangeEvent:
    return ChangeEvent(
        seq=seq,
        op=change.op,
        at=change.at.astimezone(UTC),
        xid=change.xid,
        old=change.old,
        new=change.new,
        omitted=change.omitted or (),
        arrival=Arrival(id=change.id, hour=hour),
    )


def _limited(unread: Sequence[tuple[UnreadLine, bytes]]) -> Iterator[tuple[UnreadLine, bytes]]:
    held = 0
    for line, text in unread:
        held += len(text)
        yield line, text if held <= _UNREAD_BYTES else b""


def _aside(line: UnreadLine, text: bytes) -> str:
    body = {"object": line.object, "line": line.line, "why": line.why, "text": text.decode(errors="backslashreplace")}
    return json.dumps(body, ensure_ascii=False) + "\n"
