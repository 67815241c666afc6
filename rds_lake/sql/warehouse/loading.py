"""The statements of a load: fill a new table, check it, and rename it in place of the old table.

    CREATE TEMP TABLE stage; COPY stage …; CREATE TABLE new; INSERT INTO new SELECT … FROM stage; SELECT count(*), …    one transaction
    DROP TABLE IF EXISTS orders; ALTER TABLE new RENAME TO orders                                                      the other

Between the two, the rows are compared with the expected ones. Readers see the complete old table or the complete new one.
(https://docs.aws.amazon.com/redshift/latest/dg/r_COPY.html)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rds_lake.model.warehouse.orders import Check, LoadOrder, Section
from rds_lake.model.warehouse.plan import FileFormat, Files
from rds_lake.sql.quoting import date_literal, identifier, qualified, redshift_literal
from rds_lake.sql.warehouse.columns import WarehouseColumn

MOST_COLUMNS = 1600
_MOST_LOSSES = 200  # counted by one query
_STAGE = identifier("rds_lake_stage")


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """The expected result of a load; `rows` is None if unknown."""

    rows: int | None
    bytes: int
    files: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTable:
    """The table that a load makes: filled under the name `beside`, then renamed to `name`."""

    name: str
    beside: str
    columns: Sequence[WarehouseColumn]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalPartition:
    """A partition that Spectrum reads: `key` = `value` of the table `raw` in Glue's `database`, which Redshift sees as `schema`."""

    schema: str
    database: str
    raw: str
    key: str
    value: str


def render_copy_load(
    table: NewTable, stage: Sequence[tuple[str, str]], *, manifest: str, role: str, expected: Expected, nested: bool
) -> LoadOrder:
    """Renders the load of a lake table by COPY. `stage`: the file's columns in order, with the types in which they are read."""
    form = f"FORMAT AS PARQUET{' SERIALIZETOJSON' * nested}"
    copy = f"COPY {_STAGE} FROM {redshift_literal(manifest)} IAM_ROLE {_role(role)} {form} MANIFEST"
    # A manifest without files would fail.
    setup = [f"CREATE TEMP TABLE {_STAGE} ({_definitions(stage)})", *([copy] if expected.files else ())]
    return _order(table, setup, f"FROM {_STAGE}", expected)


def render_spectrum_load(table: NewTable, partition: ExternalPartition, *, role: str, expected: Expected) -> LoadOrder:
    """Renders the load of a lake table by Spectrum, from one partition."""
    external = (
        f"CREATE EXTERNAL SCHEMA IF NOT EXISTS {identifier(partition.schema)} FROM DATA CATALOG "
        f"DATABASE {redshift_literal(partition.database)} IAM_ROLE {_role(role)}"
    )
    where = f"{identifier(partition.key)} = {redshift_literal(partition.value)}"
    order = _order(table, [], f"FROM {qualified(partition.schema, partition.raw)} WHERE {where}", expected)
    # Outside of the transaction, in which external schemas cannot be created.
    sections = (Section(sqls=(external,)), *order.sections)
    return LoadOrder(
        sections=sections, swap=order.swap + 1, checked=order.checked + 1, checks=order.checks, rows=order.rows,
        bytes=order.bytes, files=order.files,
    )  # fmt: skip


def render_file_load(
    table: str, new: str, files: Files, *, manifest: str, role: str, gzip: bool, expected: Expected
) -> LoadOrder:
    """Renders the load of files in S3 by COPY, directly into a table with the declared types."""
    drop = f"DROP TABLE IF EXISTS {identifier(new)}"
    create = f"CREATE TABLE {identifier(new)} ({_definitions([(c.name, c.type) for c in files.columns])})"
    copy = f"COPY {identifier(new)} FROM {redshift_literal(manifest)} IAM_ROLE {_role(role)} {_format(files, gzip)} MANIFEST"
    count = f"SELECT count(*) FROM {identifier(new)}"
    fill = Section(sqls=(drop, create, copy, count))
    return LoadOrder(
        sections=(fill, _swap(table, new)), swap=1, checked=0, checks=(Check(at=3),), rows=expected.rows, bytes=expected.bytes,
        files=expected.files,
    )  # fmt: skip


def _format(files: Files, gzip: bool) -> str:
    if files.format is FileFormat.PARQUET:
        return "FORMAT AS PARQUET"
    packed = " GZIP" * gzip
    if files.format is FileFormat.JSON:
        return f"FORMAT AS JSON {redshift_literal('auto ignorecase')}{packed}"
    header = f" IGNOREHEADER {files.header_lines}" if files.header_lines else ""
    delimiter = f" DELIMITER {redshift_literal(files.delimiter)}" if files.delimiter else ""
    return f"{'FORMAT AS CSV' if files.format is FileFormat.CSV else ''}{delimiter}{header}{packed}".strip()


def _order(table: NewTable, setup: Sequence[str], source: str, expected: Expected) -> LoadOrder:
    new, columns = table.beside, table.columns
    names = ", ".join(identifier(column.name) for column in columns)
    selected = ",\n  ".join(column.expression for column in columns)
    fill = [
        f"DROP TABLE IF EXISTS {identifier(new)}",
        *setup,
        f"CREATE TABLE {identifier(new)} ({_definitions([(c.name, c.type) for c in columns])})",
        f"INSERT INTO {identifier(new)} ({names})\nSELECT\n  {selected}\n{source}",
        f"SELECT count(*) FROM {identifier(new)}",
    ]
    checks = [Check(at=len(fill) - 1)]
    casts = [column for column in columns if column.loss]
    for begin in range(0, len(casts), _MOST_LOSSES):
        some = casts[begin : begin + _MOST_LOSSES]
        counts = ", ".join(f"sum(CASE WHEN {column.loss} THEN 1 ELSE 0 END)" for column in some)
        checks.append(Check(at=len(fill), columns=tuple(column.name for column in some)))
        fill.append(f"SELECT count(*), {counts} {source}")
    return LoadOrder(
        sections=(Section(sqls=tuple(fill)), _swap(table.name, new)), swap=1, checked=0, checks=tuple(checks), rows=expected.rows,
        bytes=expected.bytes, files=expected.files,
    )  # fmt: skip


def _swap(table: str, new: str) -> Section:
    rename = f"ALTER TABLE {identifier(new)} RENAME TO {identifier(table)}"
    return Section(sqls=(f"DROP TABLE IF EXISTS {identifier(table)}", rename))


def date_column(name: str, day: object) -> WarehouseColumn:
    """Returns the date column that every view has."""
    return WarehouseColumn(name=name, type="date", expression=date_literal(day))  # type: ignore[arg-type]


def _definitions(columns: Sequence[tuple[str, str]]) -> str:
    return ", ".join(f"{identifier(name)} {kind}" for name, kind in columns)


def _role(role: str) -> str:
    return "default" if role == "default" else redshift_literal(role)
