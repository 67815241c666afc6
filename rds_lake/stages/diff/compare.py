"""Compares one table at two dates: the columns, the statement, and its result.

What belongs here: one table. All tables of a source are `source.py`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from itertools import chain

from rds_lake.aws.athena import QueryResult
from rds_lake.config.source import SourceSettings
from rds_lake.errors import DiffError
from rds_lake.model.tables.table import Column
from rds_lake.sql.diff.columns import Columns, DatedColumn, pair_columns
from rds_lake.sql.diff.comparison import ADDED, CHANGED, REMOVED, Comparison, Side
from rds_lake.sql.diff.condition import checked_condition
from rds_lake.sql.diff.statement import render_fitting, render_rows_meant, render_unusable_keys
from rds_lake.sql.quoting import identifier
from rds_lake.sql.view_columns import ViewColumn
from rds_lake.sql.views import MAX_STATEMENT_BYTES
from rds_lake.stages.catalogue.naming import TypedTable, columns_over
from rds_lake.stages.diff.keys import key_columns
from rds_lake.stages.diff.result import RowDiff, TableDiff
from rds_lake.stages.lake.lake import Lake
from rds_lake.stages.publish.as_of import readable_tables


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """How to compare a table.

    `keys`: given by the user; otherwise those of lake.yaml or DynamoDB. `whole_rows`: compare without keys. `columns`:
    only these, if given; `ignored`: not these. `where`: a condition on the view's columns. `most_rows`: per kind of
    difference.

    Raises DiffError if both dates are the same.
    """

    before: date
    after: date
    keys: tuple[str, ...] = ()
    whole_rows: bool = False
    columns: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    where: str | None = None
    most_rows: int = 0

    def __post_init__(self) -> None:
        if self.before == self.after:
            raise DiffError(f"the date {self.before} was given twice; give two different dates")


def compare_table(
    lake: Lake, source: SourceSettings, view: str, asked: Asked, *, known_key: Callable[[str], Sequence[str]]
) -> TableDiff:
    """Compares the table's rows. `known_key`: a DynamoDB table's own key columns, by its name.

    Raises AsOfError, which names existing dates; DiffError, which says why the table cannot be compared in this way;
    LostFilesError and CatalogError, which name missing files and partitions of a date.
    """
    before = _at(lake, source, view, asked.before, asked.after)
    after = _at(lake, source, view, asked.after, asked.before)
    return compare_typed(lake, source, before, after, asked, known_key=known_key)


def compare_typed(
    lake: Lake,
    source: SourceSettings,
    before: TypedTable,
    after: TypedTable,
    asked: Asked,
    *,
    known_key: Callable[[str], Sequence[str]],
) -> TableDiff:
    """Like `compare_table`, for a table that was already looked up at both dates."""
    compare, columns = comparison_of(source, before, after, asked, known_key)
    compare, statement = render_fitting(compare, most_bytes=MAX_STATEMENT_BYTES)
    if len(statement.encode()) > MAX_STATEMENT_BYTES:
        raise DiffError(
            f"{source.name}.{after.names.view}: comparing its {len(compare.columns)} columns takes a statement of "
            f"{len(statement.encode()):,} bytes, and Athena allows {MAX_STATEMENT_BYTES:,}; name fewer columns with --columns"
        )
    answer = lake.athena.run(statement, database=source.name)
    diff = _read(compare, columns, answer, rows=(before.named.manifest.rows, after.named.manifest.rows))
    if compare.where is not None:
        meant = lake.athena.run(render_rows_meant(compare), database=source.name)
        rows_before, rows_after = (int(value or 0) for value in meant.rows[0])
        diff = replace(
            diff,
            rows_before=rows_before,
            rows_after=rows_after,
            bytes_scanned=diff.bytes_scanned + meant.bytes_scanned,
            milliseconds=diff.milliseconds + meant.milliseconds,
        )
    _refuse_unusable_keys(lake, compare, diff, answer)
    return diff


def _at(lake: Lake, source: SourceSettings, view: str, day: date, other: date) -> TypedTable:
    tables = readable_tables(lake, source, day, {view})
    if not tables:
        raise DiffError(
            f"{source.name} {day} has no view {view}; give a view's name as Athena shows it, and two dates that both have it. "
            f"`rds-lake diff {source.name} {min(day, other)} {max(day, other)} --summary` lists the tables of both"
        )
    return tables[0]


def comparison_of(
    source: SourceSettings,
    before: TypedTable,
    after: TypedTable,
    asked: Asked,
    known_key: Callable[[str], Sequence[str]],
) -> tuple[Comparison, Columns]:
    """Returns the compared columns, and how columns differ. Raises DiffError if the table cannot be compared like that."""
    columns = pair_columns(_dated(before, source), _dated(after, source))
    keys = () if asked.whole_rows else key_columns(source, after, asked.keys, known_key=known_key)
    compared = _chosen(f"{source.name}.{after.names.view}", columns, keys, asked)
    where = None if asked.where is None else checked_condition(asked.where)
    return (
        Comparison(
            database=source.name,
            before=_side(before, asked.before),
            after=_side(after, asked.after),
            columns=tuple(column for column in columns.compared if column.name in compared),
            keys=keys,
            where=where,
            most_rows=asked.most_rows,
        ),
        columns,
    )


def _chosen(table: str, columns: Columns, keys: Sequence[str], asked: Asked) -> Collection[str]:
    """Returns the names of the columns to compare. Raises DiffError with every unknown name."""
    known = [column.name for column in columns.compared]
    named = dict.fromkeys(chain(keys, asked.columns, asked.ignored))
    problems = [f"{name}: {_why_not(name, columns)}" for name in named if name not in known]
    problems += [f"{name} belongs to the key, so it cannot be ignored" for name in asked.ignored if name in keys]
    wanted = [name for name in asked.columns or known if name not in asked.ignored]
    if not problems and not wanted:
        problems = ["no column that can be compared exists in both dates"]
    if problems:
        raise DiffError(f"{table} cannot be compared by these columns; it has {', '.join(known)}:", problems)
    return {*keys, *wanted}


def _why_not(name: str, columns: Columns) -> str:
    if name in columns.schema.added:
        return "only the later date has this column"
    if name in columns.schema.dropped:
        return "only the earlier date has this column"
    return columns.schema.not_compared.get(name, "the view has no such column")


def _dated(table: TypedTable, source: SourceSettings) -> list[DatedColumn]:
    """Returns the view's columns that the date's files have, including the member's name of a union."""
    own = {column.name.lower(): column for column in table.named.manifest.columns}
    dated = [
        DatedColumn(
            made_of=made,
            raw_name=column.name,
            raw_type=column.hive_type,
            declared=_declared(own[column.name.lower()]),
            is_set=_is_set(own[column.name.lower()]),
        )
        for column, made in columns_over(table.named, source)
    ]
    member = table.names.member_key
    if member is not None:
        dated.append(DatedColumn(made_of=partial(_member, member), raw_name=member, raw_type="string"))
    return dated


def _member(alias: str, name: str) -> ViewColumn:
    return ViewColumn(name=name, alias=alias, expression=identifier(name), presto_type="varchar")


def _is_set(column: Column) -> bool:
    """Whether all its values are sets of DynamoDB, which have no order (SS, NS, BS; `dynamodb/converting`)."""
    types = (column.original_type or "").split(" ")[0].split("|")
    return column.hive_type.startswith("array<") and {*types} <= {"SS", "NS", "BS"}


def _declared(column: Column) -> str:
    """Returns `numeric(12)` or `character varying(40)`, or the type in the files if the export does not give the database's."""
    size = column.char_max_length or column.num_precision
    return f"{column.original_type}{f'({size})' if size else ''}" if column.original_type else column.hive_type


def _side(table: TypedTable, day: date) -> Side:
    return Side(names=table.names, day=day, view=table.columns)


def _read(compare: Comparison, columns: Columns, answer: QueryResult, *, rows: tuple[int, int]) -> TableDiff:
    by_kind = {row[0] or "": row for row in answer.rows}
    changed = by_kind.get(CHANGED)
    by_column = {
        column.name: int(changed[4 + at] or 0) if changed is not None else 0 for at, column in enumerate(compare.others)
    }
    return TableDiff(
        source=compare.database,
        table=str(compare.after.names.target),
        view=compare.after.names.view,
        before=compare.before.day,
        after=compare.after.day,
        keys=compare.keys,
        rows_before=rows[0],
        rows_after=rows[1],
        added=_count(by_kind, ADDED),
        removed=_count(by_kind, REMOVED),
        changed=_count(by_kind, CHANGED),
        by_column={name: number for name, number in by_column.items() if number} if compare.keys else {},
        schema=columns.schema,
        rows=tuple(
            _row(compare, kind, cells)
            for kind in (ADDED, REMOVED, CHANGED)
            for cells in json.loads(by_kind.get(kind, ("", "", "", None))[3] or "[]")
        ),
        bytes_scanned=answer.bytes_scanned,
        milliseconds=answer.milliseconds,
    )


def _count(by_kind: Mapping[str, Sequence[str | None]], kind: str) -> int:
    return int(by_kind[kind][1] or 0) if kind in by_kind else 0


def _row(compare: Comparison, kind: str, cells: Sequence[str | None]) -> RowDiff:
    names = [column.name for column in compare.others]
    if not compare.keys:
        values = dict(zip(names, cells[1:], strict=True))
        gone = kind == REMOVED
        return RowDiff(
            kind=kind,
            key={},
            before=values if gone else None,
            after=None if gone else values,
            times=int(cells[0] or 0),
        )
    places, keyed = cells[0] or "", 1 + len(compare.keys)
    before = dict(zip(names, cells[keyed : keyed + len(names)], strict=True))
    after = dict(zip(names, cells[keyed + len(names) :], strict=True))
    if kind == CHANGED:
        differing = [names[int(place)] for place in places.split(",")]
        before, after = ({name: side[name] for name in differing} for side in (before, after))
    return RowDiff(
        kind=kind,
        key=dict(zip(compare.keys, cells[1:keyed], strict=True)),
        before=None if kind == ADDED else before,
        after=None if kind == REMOVED else after,
    )


def _refuse_unusable_keys(lake: Lake, compare: Comparison, diff: TableDiff, answer: QueryResult) -> None:
    """Raises DiffError with examples if a key is NULL, or if several rows have the same key.

    A key that several rows of one date have joins each of them with the other date's, so there are more pairs than
    rows.
    """
    if not compare.keys:
        return
    without = sum(int(row[2] or 0) for row in answer.rows)
    pairs = sum(int(row[1] or 0) for row in answer.rows)
    if not without and pairs - diff.added == diff.rows_before and pairs - diff.removed == diff.rows_after:
        return
    problems: list[str] = []
    for side, day in (("before", diff.before), ("after", diff.after)):
        for row in lake.athena.run(render_unusable_keys(compare, side), database=compare.database).rows:
            key = ", ".join(
                f"{name}={'NULL' if value is None else value}"
                for name, value in zip(compare.keys, row[1:], strict=True)
            )
            problems.append(f"{day}: {key} in {int(row[0] or 0):,} row{'' if row[0] == '1' else 's'}")
    if not problems:
        problems = [
            f"{diff.before}: {diff.rows_before:,} rows expected",
            f"{diff.after}: {diff.rows_after:,} rows expected",
        ]
    raise DiffError(
        f"{compare.database}.{diff.view} cannot be compared by {', '.join(compare.keys)}, which is not a key of the table. "
        "Name other columns with --key or `keys:`, or compare whole rows with --whole-rows:",
        problems,
    )
