"""Reads which changes a snapshot contains, from its own rows of `rds_lake.position` and `rds_lake.capture`.

A source has one such place per database (PostgreSQL), or per server (MySQL).

What belongs here: reading them through Athena. Their use is in `sql/changes/table.py`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from rds_lake.errors import CatalogError, ManifestError
from rds_lake.model.streams.captured import (
    CAPTURE,
    OUTBOX,
    OWN_SCHEMA,
    POSITION,
    CapturedTable,
    parse_captured,
)
from rds_lake.model.tables.names import AthenaTable
from rds_lake.model.tables.table import TableTarget
from rds_lake.sql.changes.arrived import Moment
from rds_lake.sql.changes.table import Watermark
from rds_lake.sql.quoting import identifier, literal, qualified
from rds_lake.stages.catalogue.dated import DatedTables
from rds_lake.stages.lake.lake import Lake
from rds_lake.stages.streams.cuts import forwarded


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """One database's capture in the snapshot. `home`: its database. `watermark`: a Moment for `capture: lambda`."""

    home: str
    watermark: Watermark | Moment
    captured: tuple[CapturedTable, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """All marks of a snapshot; `problems`: marks that exist but cannot be used."""

    marks: tuple[Mark, ...]
    problems: tuple[str, ...] = ()


def home_of(target: TableTarget, homes: Collection[str]) -> str:
    """Returns the database whose outbox has the table's changes: its own, or the only one of a MySQL server."""
    return target.database if target.database in homes else OWN_SCHEMA


def read_marks(lake: Lake, source: str, dated: DatedTables) -> Marks:
    """Returns the marks of the date; none if capture was not installed or not exported with the snapshot."""
    names = {table.names.target: table.names for table in dated.typed}
    homes = sorted(target.database for target in names if (target.schema, target.table) == (OWN_SCHEMA, POSITION))
    marks: list[Mark] = []
    problems: list[str] = []
    for home in homes:
        try:
            marks.append(_read(lake, source, dated, home, names))
        except (CatalogError, ManifestError) as error:
            problems.append(str(error))
    return Marks(marks=tuple(marks), problems=tuple(problems))


def _read(lake: Lake, source: str, dated: DatedTables, home: str, names: Mapping[TableTarget, AthenaTable]) -> Mark:
    own = {
        table: names.get(TableTarget(database=home, schema=OWN_SCHEMA, table=table))
        for table in (OUTBOX, POSITION, CAPTURE)
    }
    outbox, position, capture = own[OUTBOX], own[POSITION], own[CAPTURE]
    if outbox is None or position is None or capture is None:
        missing = ", ".join(f"{home}.{OWN_SCHEMA}.{name}" for name, table in own.items() if table is None)
        raise CatalogError(
            f"{source} {dated.snapshot_date} was exported without {missing}, so it does not say which changes are in it; "
            "materialize `snapshot_export` of a newer snapshot, and check that `include:` leaves no table of it out"
        )
    rows = _rows(lake, source, dated, position, '"cut", "epoch"')
    if len(rows) != 1 or rows[0][0] is None or not rows[0][1]:
        raise CatalogError(
            f"{home}.{OWN_SCHEMA}.{POSITION} of {source} {dated.snapshot_date} has {len(rows)} rows, and needs one with a cut and an "
            f"epoch; run `rds-lake streams reset {source}`"
        )
    defined = _rows(lake, source, dated, capture, '"definition"')
    where = f"{home}.{OWN_SCHEMA}.{CAPTURE} of {source} {dated.snapshot_date}"
    watermark = Watermark(
        day=dated.snapshot_date, epoch=rows[0][1], cut=int(rows[0][0]), position=position, outbox=outbox
    )
    _require_kept(lake, source, home, watermark)
    captured = tuple(parse_captured(text, where=where) for (text,) in defined if text)
    return Mark(home=home, watermark=watermark, captured=captured)


def _require_kept(lake: Lake, source: str, home: str, mark: Watermark) -> None:
    """Raises CatalogError if changes after the snapshot were removed, as live rows would then be wrong."""
    for record in forwarded(lake, source):
        cuts = record.find(mark.epoch) if record.database == home else None
        if cuts is not None and mark.cut + 1 < cuts.first:
            raise CatalogError(
                f"{source} {mark.day} was made at cut {mark.cut} of epoch {mark.epoch} of {home}, and the changes up to cut "
                f"{cuts.first - 1} were removed: it has no live views. Publish a later date"
            )


def _rows(
    lake: Lake, source: str, dated: DatedTables, names: AthenaTable, columns: str
) -> Sequence[tuple[str | None, ...]]:
    where = f"{identifier(names.partition_key)} = {literal(dated.snapshot_date.isoformat())}"
    sql = f"SELECT {columns} FROM {qualified(source, names.raw)} WHERE {where}"
    return lake.athena.run(sql, database=source).rows
