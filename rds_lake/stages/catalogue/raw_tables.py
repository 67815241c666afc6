"""The raw tables of one table in Glue: its versions, and what each holds.

    snapshots_orders        version 1
    snapshots_orders__v2    since a column changed in a way Athena cannot read together with version 1

Glue's own columns are the truth about names and types. What Glue cannot hold is in the table's parameters: `rds_lake.view`,
`rds_lake.version` and `rds_lake.schema` (the columns as last seen, the date of the last change, and what it was). Tables of
earlier releases have none of them and are read by their comments. Data catalogues read the origin of the rows from
`rds_lake.source`, `rds_lake.owners` and `rds_lake.table` (docs/lineage.md).

What belongs here: from Glue's tables to values and back (pure). Which version a snapshot goes to is `placement.py`.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from rds_lake.errors import CatalogError
from rds_lake.model.exports.info import export_folder
from rds_lake.model.lake.layout import plain_segment
from rds_lake.model.lake.manifest import TableManifest
from rds_lake.model.tables.evolution import Change, Kind, SeenColumn
from rds_lake.model.tables.glue import ColumnSpec, GlueTable, TableSpec
from rds_lake.model.tables.names import RAW_PREFIX, AthenaTable
from rds_lake.model.tables.table import Column

TABLE = "rds_lake.table"  # `db.schema.table`, of a raw table and of each partition
_VIEW, _SOURCE, _OWNERS = "rds_lake.view", "rds_lake.source", "rds_lake.owners"
_VERSION, _SCHEMA = "rds_lake.version", "rds_lake.schema"
# Redshift Spectrum: a text that is longer than Redshift's longest fails the query. By default it would be NULL, without an error.
# https://docs.aws.amazon.com/redshift/latest/dg/r_CREATE_EXTERNAL_TABLE.html
LONG_TEXT_FAILS = {"data_cleansing_enabled": "true", "surplus_char_handling": "FAIL"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """The origin of a date's rows: the source and its owners, the snapshot's time, the export task."""

    source: str
    owners: tuple[str, ...]
    snapshot_time: datetime
    export_task: str

    @property
    def address(self) -> str:
        """The first owner that is an e-mail address, as DataHub treats Glue's only owner as a user; empty without one."""
        return next((owner for owner in self.owners if not owner.startswith("team:")), "")

    def described(self, table: str) -> str:
        """Returns the raw table's description, which OpenMetadata reads instead of owner and parameters."""
        asked = f"; owners: {', '.join(self.owners)}" if self.owners else ""
        return f"Snapshots of {table}, by rds-lake's source {self.source}{asked}"


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedTable:
    """A table of the manifest with its names in Athena.

    `members`: the tables that a `union:` combines in it. `seen`: the columns of its raw table; `elsewhere`: the other
    versions, as (name, partition key). Both are known once it is catalogued.
    """

    manifest: TableManifest
    names: AthenaTable
    origin: Origin
    members: tuple[TableManifest, ...] = ()
    seen: tuple[SeenColumn, ...] = ()
    elsewhere: tuple[tuple[str, str], ...] = ()

    @property
    def is_empty(self) -> bool:
        return not self.manifest.files


@dataclass(frozen=True, slots=True, kw_only=True)
class RawTable:
    """One existing version. `changed_on`: the date whose snapshot last changed it, by `changes`."""

    table: GlueTable
    version: int
    columns: tuple[SeenColumn, ...]
    changed_on: date = date.min
    changes: tuple[Change, ...] = ()


def raw_among(tables: Mapping[str, GlueTable]) -> dict[str, GlueTable]:
    """Returns the raw tables among a database's tables and views, by name."""
    return {name: table for name, table in tables.items() if not table.is_view and name.startswith(RAW_PREFIX)}


def group_versions(tables: Mapping[str, GlueTable]) -> dict[str, tuple[RawTable, ...]]:
    """Returns the raw tables of each view."""
    versions: dict[str, list[RawTable]] = defaultdict(list)
    for name, table in raw_among(tables).items():
        versions[table.parameters.get(_VIEW) or name.removeprefix(RAW_PREFIX)].append(_raw_table(table))
    return {view: tuple(sorted(raws, key=lambda raw: raw.version)) for view, raws in versions.items()}


def published_names(tables: Mapping[str, GlueTable]) -> dict[str, tuple[str, ...]]:
    """Returns the published views of each table (`str(target)`); for a table without a view, its former views."""
    shown: dict[str, set[str]] = defaultdict(set)
    once: dict[str, set[str]] = defaultdict(set)
    for name, table in raw_among(tables).items():
        target = table.parameters.get(TABLE)
        if not target:
            continue
        view = table.parameters.get(_VIEW) or name.removeprefix(RAW_PREFIX)
        is_shown = view in tables and tables[view].is_view
        (shown if is_shown else once)[target].add(view)
    return {target: tuple(sorted(shown.get(target) or once[target])) for target in {*shown, *once}}


def in_version(named: NamedTable, raw: RawTable, versions: Sequence[RawTable]) -> NamedTable:
    """Returns the table with the names and columns of the version that holds it."""
    keys = [name for name, _ in raw.table.partition_keys]
    names = replace(
        named.names,
        version=raw.version,
        partition_key=keys[0],
        member_key=keys[1] if len(keys) > 1 else None,
    )
    elsewhere = tuple(
        (other.table.name, other.table.partition_keys[0][0]) for other in versions if other.version != raw.version
    )
    return replace(named, names=names, seen=raw.columns, elsewhere=elsewhere)


def raw_spec(
    named: NamedTable, changed_on: date, changes: Sequence[Change], *, location: str | None = None
) -> TableSpec:
    """Returns the wanted definition of the raw table. Without `location` it is new, in its own folder of the lake."""
    names = named.names
    keys = [names.partition_key] + ([names.member_key] if names.member_key else [])
    return TableSpec(
        name=names.raw,
        columns=tuple((s.key, s.column.hive_type, comment(s.column.name, s.column.original_type)) for s in named.seen),
        partition_keys=tuple((key, "string") for key in keys),
        location=location or _table_location(named),
        description=plain_segment(named.origin.described(str(names.target))),
        owner=named.origin.address,
        parameters={
            TABLE: str(names.target),
            _SOURCE: named.origin.source,
            _OWNERS: ", ".join(named.origin.owners),
            _VIEW: names.view,
            _VERSION: str(names.version),
            _SCHEMA: _render_schema(named.seen, changed_on, changes),
            **LONG_TEXT_FAILS,
        },
    )


def comment(name: str, original_type: str | None) -> str:
    """Returns the comment of a raw column, in Glue's limits: 255 characters, one line, no control characters."""
    return plain_segment(f"{name}: {original_type or 'unknown'}")[:255]


def _table_location(named: NamedTable) -> str:
    """Returns the table's own folder in the lake, even if its partitions are AWS's folders.

    The folder of a union is named after it and empty, as each partition has its own location.
    """
    folder = named.manifest.own_folder
    if named.members:
        own = export_folder(named.names.target).split("/", 1)[1]
        return f"{folder.rstrip('/').rsplit('/', 1)[0]}/{own}/"
    return folder


def _render_schema(seen: Sequence[SeenColumn], changed_on: date, changes: Sequence[Change]) -> str:
    """Returns the columns in one line: name, original type, three lengths, position, announced (the type is in Glue)."""
    columns = [
        [
            s.column.name,
            s.column.original_type,
            s.column.char_max_length,
            s.column.num_precision,
            s.column.datetime_precision,
            s.position,
            int(s.announced),
        ]
        for s in seen
    ]
    rows = [[change.kind.value, change.column, change.before, change.after] for change in changes]
    body = {"changed_on": changed_on.isoformat(), "columns": columns, "changes": rows}
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


def _raw_table(table: GlueTable) -> RawTable:
    text = table.parameters.get(_SCHEMA)
    if text is None:
        columns = tuple(_commented(spec, index) for index, spec in enumerate(table.columns))
        return RawTable(table=table, version=1, columns=columns)
    try:
        body = json.loads(text)
        known = {column[0].lower(): column for column in body["columns"]}
        return RawTable(
            table=table,
            version=int(table.parameters.get(_VERSION, "1")),
            columns=tuple(_recorded(spec, known.get(spec[0])) for spec in table.columns),
            changed_on=date.fromisoformat(body["changed_on"]),
            changes=tuple(
                Change(kind=Kind(kind), column=column, before=before, after=after)
                for kind, column, before, after in body["changes"]
            ),
        )
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError) as error:
        raise CatalogError(
            f"the parameter {_SCHEMA} of the raw table {table.name!r} is damaged ({error!r}); remove it from the table "
            "in Glue and materialize `catalog` again: the columns are then read from their comments"
        ) from error


def _recorded(spec: ColumnSpec, known: Sequence[Any] | None) -> SeenColumn:
    if known is None:  # a column that a person added by hand: it is kept, like a column that the snapshot no longer has
        return replace(_commented(spec, 0), position=None)
    name, original_type, char_length, precision, datetime_precision, position, announced = known
    column = Column(
        name=name,
        hive_type=spec[1],
        original_type=original_type,
        char_max_length=char_length,
        num_precision=precision,
        datetime_precision=datetime_precision,
    )
    return SeenColumn(column=column, position=position, announced=bool(announced))


def _commented(spec: ColumnSpec, index: int) -> SeenColumn:
    """Parses a column from its comment `Name: type`, as far as possible."""
    name, hive_type, text = spec
    original_name, separator, original_type = text.rpartition(": ")
    matches = bool(separator) and original_name.lower() == name
    known = original_type if matches and original_type != "unknown" else None
    column = Column(name=original_name if matches else name, hive_type=hive_type, original_type=known)
    return SeenColumn(column=column, position=index)
