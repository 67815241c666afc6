"""Checks through Athena: many tables by one statement, with the answers, and the errors, of each."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rds_lake.errors import QueryError
from rds_lake.sql.views import MAX_STATEMENT_BYTES, QualityQuery, render_together, together
from rds_lake.stages.catalogue.naming import name_tables, type_tables
from rds_lake.stages.checks.quality import check_tables
from rds_lake_tests.stages.calls import make_tables
from rds_lake_tests.support.faults import Faults
from rds_lake_tests.support.world import World, execute

DAY = date(2026, 11, 20)


@pytest.fixture
def many(world: World) -> tuple[Any, Any]:
    """Eight tables and the lossy one, catalogued: the run, and its typed tables."""
    execute(world.url, "DROP SCHEMA IF EXISTS sales CASCADE; DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    make_tables(world.url, 8)
    execute(world.url, "CREATE TABLE lossy AS SELECT 1 AS id, 'infinity'::date AS d, '5'::numeric AS n")
    world.snapshot(str(DAY))
    run = world.run()
    run.accept(DAY, poll_seconds=0.05)
    run.relocate(DAY)
    typed = type_tables([sync.named for sync in run.shared.catalogue(DAY).synced], run.shared.source)
    assert len(typed) == len(name_tables(run.relocate(DAY), run.shared.source)) == 9
    return run, typed


def check(run: Any, typed: Any) -> Any:
    return check_tables(run.shared.lake.athena, database="shop", snapshot_date=DAY, tables=typed, log=print)


@pytest.mark.exhaustive
def test_tables_that_share_a_statement_keep_their_own_answers(many: Any, world: World) -> None:
    run, typed = many
    faults = Faults(run.shared.lake.athena._client)
    found = {table.table: table for table in check(run, typed)}
    assert faults.count("StartQueryExecution") == 1
    assert {name: table.rows_read for name, table in found.items()} == {
        "shop.public.lossy": 1, **{f"shop.public.t_{number:04}": 2 for number in range(8)}
    }  # fmt: skip
    assert {name for name, table in found.items() if table.lost} == {"shop.public.lossy"}
    assert found["shop.public.lossy"].lost == (("d", 1),)


def test_a_table_that_cannot_be_read_is_named_and_the_others_are_asked_for(many: Any, world: World) -> None:
    run, typed = many
    for name in ("snapshots_t_0003", "snapshots_t_0005"):
        world.clients.client("glue").delete_table(DatabaseName="shop", Name=name)
    with pytest.raises(QueryError) as caught:
        check(run, typed)
    assert "2 of 9 checks of shop" in str(caught.value)
    assert "shop.public.t_0003: " in str(caught.value)
    assert "shop.public.t_0005: " in str(caught.value)
    assert "shop.public.t_0004: " not in str(caught.value)
    assert caught.value.query_id


GIB = 1024**3


@given(st.lists(st.tuples(st.integers(0, 20 * GIB), st.integers(0, 40), st.integers(1, 250_000)), max_size=90))
def test_statements_stay_within_athenas_limits_and_every_query_is_asked_once(
    wanted: list[tuple[int, int, int]],
) -> None:
    queries = [QualityQuery(sql="x" * length, columns=("c",) * columns) for _, columns, length in wanted]
    sizes = [size for size, _, _ in wanted]
    groups = together(sizes, queries)
    assert [at for group in groups for at in group] == list(range(len(wanted)))
    for group in groups:
        text = render_together([queries[at] for at in group])
        assert len(text.encode()) <= MAX_STATEMENT_BYTES
        assert len(group) <= 50, "Athena plans 150 stages"
        assert len(group) == 1 or sum(sizes[at] for at in group) <= 10 * GIB, "and stops after half an hour"
