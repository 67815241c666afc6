"""Unions: every table is catalogued once, as itself or as a member."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rds_lake.errors import CatalogError
from rds_lake.model.lake.manifest import DataFile, TableManifest
from rds_lake.model.lake.union import combine, gather
from rds_lake.model.tables.table import Column, TableTarget
from rds_lake_tests.support import strategies

EVENTS = TableTarget(database="shop", schema="public", table="events")


def member(number: int, hive_type: str, original: str, *, rows: int = 1, precision: int | None = None) -> TableManifest:
    column = Column(name="n", hive_type=hive_type, original_type=original, num_precision=precision)
    return TableManifest(
        target=TableTarget(database="shop", schema="public", table=f"events_{number}"),
        location=f"s3://lake/shop/public.events_{number}/snapshot_date=2026-11-20/task/",
        columns=(column,),
        files=(DataFile(key=f"{number}.parquet", bytes=1, rows=rows),) if rows else (),
    )


@given(st.lists(strategies.targets, unique=True, max_size=6))
def test_every_table_is_gathered_exactly_once(targets: list[TableTarget]) -> None:
    groups = gather(targets, {"whole": "[a-m].*"})
    assert sorted(target for whole, mine in groups.items() for target in mine or (whole,)) == sorted(targets)
    assert all({(m.database, m.schema) for m in mine} <= {(w.database, w.schema)} for w, mine in groups.items())


def test_a_pattern_has_to_match_the_whole_name_and_never_crosses_schemas() -> None:
    names = [("public", "events_1"), ("public", "old_events_1"), ("public", "events_10"), ("sales", "events_2")]
    targets = [TableTarget(database="shop", schema=schema, table=table) for schema, table in names]
    groups = {str(whole): len(mine) for whole, mine in gather(targets, {"events": r"events_\d"}).items()}
    assert groups == {
        "shop.public.old_events_1": 0,
        "shop.public.events_10": 0,
        "shop.public.events": 1,
        "shop.sales.events": 1,
    }


def test_a_union_has_the_widest_type_the_greatest_precision_and_all_rows() -> None:
    whole = combine(EVENTS, [member(1, "int", "integer", rows=2), member(2, "bigint", "bigint", rows=3)])
    assert (whole.columns[0].hive_type, whole.rows) == ("bigint", 5)
    decimals = [member(1, "string", "numeric", precision=12), member(2, "string", "numeric", precision=14)]
    assert combine(EVENTS, decimals).columns[0].num_precision == 14


def test_a_member_without_files_decides_no_type() -> None:
    whole = combine(EVENTS, [member(1, "string", "integer", rows=0), member(2, "int", "integer")])
    assert whole.columns[0].hive_type == "int"


@pytest.mark.parametrize("other", [("string", "text"), ("timestamp", "integer")])
def test_members_that_differ_are_named(other: tuple[str, str]) -> None:
    with pytest.raises(CatalogError, match=r"events_1 .*events_2"):
        combine(EVENTS, [member(1, "int", "integer"), member(2, *other)])
