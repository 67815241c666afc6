"""One attempt at the next cut of an outbox: reading it into files, and the manifest that names them.

The steps around it are `forward.py`.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime

from rds_lake.aws.budget import tidying
from rds_lake.database.outbox.outbox import Outbox, OutboxRow, Position, Reading
from rds_lake.errors import ConflictError, ManifestError, RdsLakeError, UnavailableError
from rds_lake.model.exports.info import export_folder
from rds_lake.model.streams.captured import OWN_SCHEMA, CapturedTable, parse_captured
from rds_lake.model.streams.cut import ChangeFile, Cut, CutTable, render_cut
from rds_lake.model.streams.event import render_event
from rds_lake.model.tables.table import TableTarget
from rds_lake.stages.lake.lake import Lake
from rds_lake.stages.streams.files import CutFiles
from rds_lake.stages.streams.rows import event_of
from rds_lake.stages.streams.uncommitted import Standing
from rds_lake.threads import check

_NAMED = 5  # changes that a warning names


@dataclass(slots=True, kw_only=True)
class Attempt:
    """One attempt. `name`: never used before. `ids`: of all changes read, 8 bytes each. `sizes`: see `CutFiles`."""

    lake: Lake
    source: str
    database: str
    position: Position
    name: str
    began: datetime
    log: Callable[[str], None]
    sizes: tuple[int, int]
    ids: array[int] = field(default_factory=lambda: array("q"))
    _captured: dict[TableTarget, CapturedTable] = field(default_factory=dict)
    _written: list[str] = field(default_factory=list)
    _unread: list[int] = field(default_factory=list)
    _warnings: list[str] = field(default_factory=list)
    _files: CutFiles = field(init=False)
    _may_be_named: bool = False  # S3 may have a manifest that names the files

    def __post_init__(self) -> None:
        self._files = CutFiles(self._put, file_bytes=self.sizes[0], held_bytes=self.sizes[1])

    def read(self, outbox: Outbox, standing: Standing) -> None:
        """Writes every row of one database snapshot to files; at most 4 MiB of rows, and `sizes` of lines, are in memory."""
        with outbox.reading() as reading:
            if reading.position != self.position:
                raise UnavailableError(
                    "rds_lake.position was changed although this forwarder has locked it; forwarding is tried again"
                )
            self._describe(reading)
            for page in reading.pages():
                check()
                outbox.keep()
                for row in page:
                    self._add(row, standing)
                self.log(f"{len(self.ids):,} changes read")

    def write(self, outbox: Outbox, standing: Standing) -> Cut:
        """Writes the last files, then the manifest, which replaces an existing manifest with the same number."""
        standing.require_within(self.lake, self.ids)
        cut = self._cut(self._files.finish())
        outbox.keep()
        text, bucket = render_cut(cut), self.lake.layout.bucket
        self._may_be_named = True
        try:
            self.lake.s3.replace_text(bucket, standing.key, text, etag=standing.etag, kms_key=self.lake.kms_key)
        except ConflictError:
            # If the answer to a PUT is lost, it is sent again and conflicts with itself.
            if self.lake.s3.find_text(bucket, standing.key) != text:
                self._may_be_named = False
                raise UnavailableError(
                    f"{self.lake.layout.uri(standing.key)} was written by another forwarder in the meantime; nothing was "
                    "deleted, and the changes are forwarded again"
                ) from None
        return cut

    @contextmanager
    def tidied(self) -> Iterator[None]:
        """Removes the attempt's files after an error or interrupt in the block, while no manifest can name them."""
        try:
            yield
        except BaseException:
            if self._written and not self._may_be_named:
                with tidying(), suppress(RdsLakeError):
                    self.lake.s3.delete(self.lake.layout.bucket, self._written)
            raise

    def note_deleted(self, deleted: int) -> None:
        """Warns of forwarded rows that another user or program deleted. They are in the cut, so nothing is lost."""
        if deleted != len(self.ids):
            self._warnings.append(
                f"{len(self.ids) - deleted:,} of {len(self.ids):,} changes were deleted from rds_lake.outbox by another user or "
                "program while they were forwarded: only the forwarder may delete there"
            )

    def warnings(self) -> tuple[str, ...]:
        """Returns warnings for a person, as sentences."""
        if not self._unread:
            return tuple(self._warnings)
        named = ", ".join(map(str, self._unread[:_NAMED])) + ", …" * (len(self._unread) > _NAMED)
        unread = (
            f"{len(self._unread):,} changes have values that no trigger writes ({named}); the cut has them unchanged"
        )
        return (*self._warnings, unread)

    def _describe(self, reading: Reading) -> None:
        for schema, table, text in reading.definitions():
            target = self._target(schema, table)
            try:
                self._captured[target] = parse_captured(text, where=f"the definition of {target} in rds_lake.capture")
            except ManifestError as error:
                self._warnings.append(str(error))

    def _add(self, row: OutboxRow, standing: Standing) -> None:
        event, target = event_of(row), self._target(row.schema, row.table)
        if event.unread:
            self._unread.append(row.seq)
        line = render_event(event).encode()
        self._files.add(target, row.seq, line)
        standing.note(target, line)
        self.ids.append(row.seq)

    def _cut(self, files: Mapping[TableTarget, tuple[ChangeFile, ...]]) -> Cut:
        return Cut(
            source=self.source,
            database=self.database,
            epoch=self.position.epoch,
            number=self.position.cut + 1,
            attempt=self.name,
            began=self.began,
            tables=tuple(
                CutTable(table=self._described(target), files=files.get(target, ()))
                for target in sorted(self._captured.keys() | files.keys())
            ),
        )

    def _described(self, target: TableTarget) -> CapturedTable:
        if target not in self._captured:
            self._warnings.append(
                f"{target} has changes in the outbox and no readable definition in rds_lake.capture; were its triggers removed?"
            )
        return self._captured.get(target) or CapturedTable(target=target, columns=(), key=())

    def _target(self, schema: str, table: str) -> TableTarget:
        """The row's table. In MySQL, whose outbox covers the whole server, the schema is the database."""
        of_server = self.database == OWN_SCHEMA
        return TableTarget(database=schema if of_server else self.database, schema=schema, table=table)

    def _put(self, target: TableTarget, number: int, body: bytes) -> str:
        layout, place = self.lake.layout, self.position
        folder = export_folder(target)
        key = layout.change_file_key(self.source, place.epoch, place.cut + 1, self.name, folder, number)
        self._written.append(key)
        self.lake.s3.put_bytes(layout.bucket, key, body, kms_key=self.lake.kms_key)
        return key
