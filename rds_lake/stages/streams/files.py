"""The files of a cut while it is read: lines are collected per table and written as compressed files.

An object is written by one PUT, so that a killed attempt leaves no unfinished upload. Memory is limited for any number of
tables in the outbox: at the limit, the table with the most lines is written to a file.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from rds_lake.model.streams.cut import ChangeFile
from rds_lake.model.tables.table import TableTarget
from rds_lake.threads import in_threads

FILE_BYTES = 64 << 20  # of lines, before they are compressed
HELD_BYTES = 128 << 20
_THREADS = 8
_LEVEL = 4  # half the time of 6, for a tenth more bytes

# Writes the n-th file of the attempt, of this table; its key.
Write = Callable[[TableTarget, int, bytes], str]


@dataclass(slots=True, kw_only=True)
class _Lines:
    """Lines of a table that are not in a file yet."""

    first_seq: int
    last_seq: int = 0
    rows: int = 0
    text: bytearray = field(default_factory=bytearray)


class CutFiles:
    """Files of one attempt at a cut. A number over all tables makes their keys unique."""

    def __init__(self, write: Write, *, file_bytes: int = FILE_BYTES, held_bytes: int = HELD_BYTES) -> None:
        self._write, self._file_bytes, self._held_bytes = write, file_bytes, held_bytes
        self._open: dict[TableTarget, _Lines] = {}
        self._done: dict[TableTarget, list[ChangeFile]] = {}
        self._held = self._count = 0

    def add(self, target: TableTarget, seq: int, line: bytes) -> None:
        """Adds one event's line, without the line end. `seq` ascends."""
        lines = self._open.get(target) or self._open.setdefault(target, _Lines(first_seq=seq))
        lines.text += line
        lines.text += b"\n"
        lines.rows, lines.last_seq = lines.rows + 1, seq
        self._held += len(line) + 1
        if len(lines.text) >= self._file_bytes:
            self._close([target])
        elif self._held >= self._held_bytes:
            self._close([max(self._open, key=lambda each: len(self._open[each].text))])

    def finish(self) -> dict[TableTarget, tuple[ChangeFile, ...]]:
        """Writes remaining lines and returns all files, by table."""
        self._close(sorted(self._open))
        return {target: tuple(files) for target, files in self._done.items()}

    def _close(self, targets: Sequence[TableTarget]) -> None:
        numbered = list(enumerate(targets, start=self._count))
        self._count += len(numbered)
        files = (
            in_threads(self._put, numbered, threads=_THREADS, name="cut")
            if len(numbered) > 1
            else map(self._put, numbered)
        )
        for target, file in zip(targets, files, strict=True):
            self._held -= len(self._open.pop(target).text)
            self._done.setdefault(target, []).append(file)

    def _put(self, numbered: tuple[int, TableTarget]) -> ChangeFile:
        number, target = numbered
        lines = self._open[target]
        body = gzip.compress(lines.text, _LEVEL, mtime=0)
        key = self._write(target, number, body)
        return ChangeFile(key=key, rows=lines.rows, size=len(body), first_seq=lines.first_seq, last_seq=lines.last_seq)
