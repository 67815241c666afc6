"""One table that Glue or Athena cannot hold never keeps the others of its source from their readers."""

from bisect import bisect_right
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from rds_lake.config.database import Rds
from rds_lake.errors import CatalogError
from rds_lake.model.tables.evolution import SeenColumn, compare
from rds_lake.model.tables.names import AthenaTable
from rds_lake.model.tables.table import Column, TableTarget
from rds_lake.sql.view_columns import view_column
from rds_lake.sql.views import render_view, view_excess
from rds_lake.stages.catalogue.dated import tables_of
from rds_lake.stages.catalogue.limits import with_legal_types
from rds_lake.stages.catalogue.naming import name_tables
from rds_lake_tests.support.world import World, execute

# https://docs.aws.amazon.com/glue/latest/webapi/API_TableInput.html, API_Column.html; Athena's service quotas
GLUE_TYPE, ATHENA_STATEMENT = 131_072, 262_144


def columns_of(count: int, *, length: int = 61, kind: str = "numeric") -> list[str]:
    return [f"{'c' * (length - 5)}_{number:04} {kind}" for number in range(count)]


def wide(world: World, columns: list[str]) -> None:
    execute(world.url, f"CREATE TABLE wide ({', '.join(columns)}); INSERT INTO wide DEFAULT VALUES")


def run_all(world: World, day: str) -> tuple[list[str], list[str]]:
    """Publish a date; the tables left out by the catalogue and by publishing."""
    run, when = world.run(), date.fromisoformat(day)
    run.accept(when, poll_seconds=0.05)
    run.relocate(when)
    catalogued = run.shared.catalogue(when)
    published = run.shared.publish(when, now=datetime.now(UTC))
    return [left.table for left in catalogued.left_out], [left.table for left in published.left_out]


@pytest.mark.exhaustive
def test_a_table_whose_view_would_be_too_long_has_none_and_the_others_are_published(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Of the real size, 1,590 columns, the local Athena needs minutes; that one is counted below.
    monkeypatch.setattr("rds_lake.sql.views.MAX_STORED_CHARACTERS", 20_000)
    wide(world, columns_of(20))
    world.snapshot("2026-11-19")
    assert run_all(world, "2026-11-19") == ([], [])
    assert world.query("SELECT count(*) FROM wide") == [("1",)]
    assert len(world.gateways.glue.list_tables("shop")["wide"].view_text) <= 20_000
    execute(world.url, "DROP TABLE wide")
    wide(world, columns_of(80))
    world.snapshot("2026-11-20")
    assert run_all(world, "2026-11-20") == (["shop.public.wide"], ["shop.public.wide"])
    assert world.query("SELECT DISTINCT snapshot_date FROM orders") == [("2026-11-20",)]
    tables = world.gateways.glue.list_tables("shop")
    assert "wide" not in tables, "a view of the date before would join two dates"
    assert "snapshots_wide" in tables
    assert world.query("SELECT count(*) FROM snapshots_wide WHERE snapshot_date = '2026-11-20'") == [("1",)]
    world.lines.clear()
    world.snapshot("2026-11-21")
    world.run().begin(date(2026, 11, 21))
    assert any("without a view, as on 2026-11-20: shop.public.wide" in line for line in world.lines), (
        "before it is paid"
    )


@pytest.mark.parametrize(
    ("kind", "fits"), [("text", 1200), ("numeric", 900), ("timestamp with time zone", 600), ("ARRAY", 150)]
)
def test_what_is_let_through_is_no_longer_than_glue_and_athena_take(kind: str, fits: int) -> None:
    target = TableTarget(database="shop", schema="public", table="wide")
    names = AthenaTable(target=target, view="wide", columns=(), partition_key="snapshot_date")
    made = [
        view_column(Column(name=name, hive_type="string", original_type=kind), name)
        for name in (column.split(" ")[0] for column in columns_of(3000))
    ]
    day = date(2026, 11, 20)
    assert view_excess("shop", names, made[:fits], day) is None
    legal = bisect_right(range(3000), 0, key=lambda count: bool(view_excess("shop", names, made[:count], day))) - 1
    assert len(render_view("shop", names, made[:legal], day).encode()) <= ATHENA_STATEMENT
    assert view_excess("shop", names, made[: legal + 1], day)


def test_the_view_of_a_report_that_glue_refused_is_not_even_tried() -> None:
    target = TableTarget(database="shop", schema="public", table="wide")
    names = AthenaTable(target=target, view="wide", columns=(), partition_key="snapshot_date")
    made = [
        view_column(Column(name=name.split(" ")[0], hive_type="string", original_type="numeric"), name.split(" ")[0])
        for name in columns_of(1590)
    ]
    assert "Glue, which allows 409,600" in str(view_excess("shop", names, made, date(2026, 11, 20)))
    with pytest.raises(CatalogError, match="wide"):
        render_view("shop", names, made, date(2026, 11, 20))


def test_a_column_type_beyond_glues_limit_leaves_out_its_table_alone(world: World) -> None:
    world.snapshot("2026-11-20")
    world.publish("2026-11-20")
    manifest = world.run().shared.manifest(date(2026, 11, 20))
    first, *others = manifest.tables
    long = replace(first.columns[0], hive_type=f"struct<{','.join(f'field_{n}:string' for n in range(9000))}>")
    assert len(long.hive_type) > GLUE_TYPE
    tables = (replace(first, columns=(long, *first.columns[1:])), *others)
    source = Rds(name="shop", kind="rds", identifier="shop-prod", default_schema="shop.public")
    kept, left_out = with_legal_types(name_tables(replace(manifest, tables=tables), source))
    assert {table.manifest.target for table in kept} == {table.target for table in others}
    assert [left.table for left in left_out] == [str(first.target)]


def test_column_names_that_glue_refuses_or_takes_for_one_leave_out_their_tables_alone(world: World) -> None:
    # What a tool makes of a CSV file with Windows line ends, and what one makes of quoted names; AWS exports both.
    execute(world.url, """CREATE TABLE imported (id int, U&"total\\000D" int); INSERT INTO imported VALUES (1, 2)""")
    execute(world.url, """CREATE TABLE twins (id int, "Id" text, "ID" int); INSERT INTO twins VALUES (1, 'a', 2)""")
    world.snapshot("2026-11-20")
    left_out = ["shop.public.imported", "shop.public.twins"]
    assert run_all(world, "2026-11-20") == (left_out, left_out)
    assert world.query("SELECT count(*) FROM orders") == [("10",)]
    imported, twins = tables_of(world.gateways.lake, world.config.sources[0], date(2026, 11, 20)).left_out
    assert r"column 'total\r' has a character that Glue does not allow" in imported.reason
    assert "columns 'id' and 'Id' and 'ID' of shop.public.twins differ only in case" in twins.reason


def test_a_union_with_a_member_whose_columns_differ_only_in_case_mixes_no_values(world: World) -> None:
    execute(world.url, """CREATE TABLE part_1 (id int, v int); CREATE TABLE part_2 (id int, v int, "V" int)""")
    execute(world.url, "INSERT INTO part_1 VALUES (1, 1); INSERT INTO part_2 VALUES (2, 2, 3)")
    world.with_source(union={"parts": r"part_\d"})
    world.snapshot("2026-11-20")
    left_out = ["shop.public.parts"]
    assert run_all(world, "2026-11-20") == (left_out, left_out)
    assert world.query("SELECT count(*) FROM orders") == [("10",)]


def test_two_days_that_fit_alone_and_not_together_are_kept_apart() -> None:
    one, other = (f"struct<{','.join(f'{day}_{n}:string' for n in range(8000))}>" for day in ("a", "b"))
    assert max(len(one), len(other)) <= GLUE_TYPE < len(one) + len(other)
    seen = [SeenColumn(column=Column(name="item", hive_type=one), position=0)]
    changes = compare(seen, [Column(name="item", hive_type=other)])
    assert changes.incompatible
    assert all(len(column.column.hive_type) <= GLUE_TYPE for column in changes.columns)
