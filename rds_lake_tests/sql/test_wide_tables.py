"""Whatever is asked of a table of 400 columns, no call in the SQL has more arguments than Athena's engine takes."""

from collections.abc import Iterator
from datetime import date
from functools import partial

import pytest

from rds_lake.localcloud.athena.errors import QueryFailedError
from rds_lake.localcloud.athena.sql.allowed import refuse_foreign
from rds_lake.localcloud.athena.sql.dialect import parse
from rds_lake.model.tables.names import AthenaTable
from rds_lake.model.tables.table import Column, TableTarget
from rds_lake.sql.changes.drift import render_drift
from rds_lake.sql.changes.table import ChangedColumn, ChangedTable, Watermark
from rds_lake.sql.changes.views import render_changes, render_history, render_live
from rds_lake.sql.diff.columns import DatedColumn, pair_columns
from rds_lake.sql.diff.comparison import Comparison, Side
from rds_lake.sql.diff.statement import render_fitting
from rds_lake.sql.view_columns import ViewColumn, view_column
from rds_lake.sql.views import render_quality_queries, render_select, render_together

_BEFORE, _DAY = date(2026, 11, 19), date(2026, 11, 20)
_WORDS = ("text", "numeric", "date", "ARRAY")
_COLUMNS = (
    Column(name="id", hive_type="bigint", original_type="bigint"),
    *(Column(name=f"c{at}", hive_type="string", original_type=_WORDS[at % 4]) for at in range(399)),
)


def names(view: str) -> AthenaTable:
    return AthenaTable(target=TableTarget(database="shop", schema="public", table=view), view=view, columns=())


def shown(column: Column, name: str) -> ViewColumn:
    return (
        view_column(column, column.name)
        if name == column.name
        else view_column(Column(name=name, hive_type=column.hive_type, original_type=column.original_type), column.name)
    )


def compared(keys: tuple[str, ...], most_bytes: int) -> str:
    dated = [DatedColumn(made_of=partial(shown, one), raw_name=one.name, raw_type=one.hive_type) for one in _COLUMNS]
    view = tuple(one.column for one in dated)
    sides = [Side(names=names("t"), day=day, view=view) for day in (_BEFORE, _DAY)]
    columns = pair_columns(dated, dated).compared
    compare = Comparison(database="shop", before=sides[0], after=sides[1], columns=columns, keys=keys, most_rows=20)
    return render_fitting(compare, most_bytes=most_bytes)[1]


def of_changes() -> Iterator[str]:
    columns = tuple(ChangedColumn(column=column, alias=column.name) for column in _COLUMNS)
    table = ChangedTable(names=names("t"), key=("id",), columns=columns)
    before, after = (
        Watermark(day=day, epoch="e", cut=cut, position=names("position"), outbox=names("outbox"))
        for cut, day in enumerate((_BEFORE, _DAY))
    )
    for view in (
        render_live("shop", table, before, 2),
        render_changes("shop", table),
        render_history("shop", table, "e", 2),
    ):
        yield view.split("AS\n", 1)[1]
    yield render_drift(
        "shop", table, before, after, compared=columns, found_raw=("snapshots_t", "snapshot_date"), most=2
    )


def statements() -> Iterator[str]:
    """All that is generated over the columns of a table."""
    columns = [view_column(column, column.name) for column in _COLUMNS]
    yield render_select("shop", names("t"), columns, _DAY)
    yield render_together(render_quality_queries("shop", names("t"), columns, _DAY))
    for keys in (("id",), ()):
        for most_bytes in (10**7, 0):  # written for each column, and packed
            yield compared(keys, most_bytes)
    yield from of_changes()


@pytest.mark.exhaustive
def test_a_table_of_400_columns_needs_no_call_that_athena_refuses() -> None:
    for sql in statements():
        refuse_foreign(parse(sql))


def test_a_call_that_athena_refuses_would_be_seen() -> None:
    with pytest.raises(QueryFailedError, match="TOO_MANY_ARGUMENTS"):
        refuse_foreign(parse(f"SELECT ARRAY[{', '.join(column.name for column in _COLUMNS)}] FROM t"))
