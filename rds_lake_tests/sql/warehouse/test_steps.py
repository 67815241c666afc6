"""Steps in an order in which each finds what it needs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rds_lake.errors import ConfigError
from rds_lake.sql.warehouse.steps import needed_by, read_steps, sections_of, statement_at

LOADS = ("orders", "Order Details")


def order(**files: str) -> list[tuple[str, tuple[str, ...]]]:
    return [(step.name, step.needs) for step in read_steps(files, {}, loads=LOADS)]


def problems(**files: str) -> str:
    with pytest.raises(ConfigError) as caught:
        read_steps(files, {}, loads=LOADS)
    return str(caught.value)


def test_a_step_comes_after_those_whose_tables_it_reads() -> None:
    assert order(
        a="create table report as select * from cleaned c join public.totals t on t.id = c.id",
        b="drop table if exists cleaned; create table cleaned as with t as (select * from orders) select * from t",
        c="create table totals (id int); insert into totals select id from \"order details\"",
        d="create temp table t as select 1 as x; select * from t",
    ) == [("b", ("orders",)), ("c", ("Order Details",)), ("a", ("b", "c")), ("d", ())]  # fmt: skip


def test_readers_come_after_all_that_fill_a_table_and_these_after_the_one_that_makes_it() -> None:
    assert order(
        a="select * from log", b="insert into log select 1", c="create table log (n int)", d="delete from log where n = 2"
    ) == [
        ("c", ()), ("b", ("c",)), ("d", ("c",)), ("a", ("b", "c", "d")),
    ]  # fmt: skip


def test_a_statement_that_only_redshift_knows_reads_what_it_names() -> None:
    body = (
        "create procedure fill() as $$ begin insert into x select * from cleaned; end; $$ language plpgsql; call fill()"
    )
    assert order(a=body, b="create table cleaned as select 1 as x") == [("b", ()), ("a", ("b",))]


def test_what_is_declared_counts_and_nothing_else() -> None:
    assert order(a="-- needs: b\nselect * from orders", b="-- about\n-- needs:\nselect * from orders") == [
        ("b", ()),
        ("a", ("b",)),
    ]


def test_every_problem_of_every_file_is_said_at_once() -> None:
    said = problems(
        a="select * from made_by_b; create table made_by_a (x int)", b="create table made_by_b as select * from made_by_a",
        c="-- needs: nobody\nselect 1", d="-- transaction: maybe\nselect {{x}}", e="-- nothing", orders="select 1",
    )  # fmt: skip
    for line in (
        "a needs b, b needs a: these steps need each other in a circle",
        "c.sql: it needs 'nobody', which is neither a load nor a step",
        "d.sql: `-- transaction: maybe`",
        "d.sql: line 2: no parameter is named 'x'", "e.sql: it has no statement", "orders.sql: a load has the same name",
    ):  # fmt: skip
        assert line in said


@given(st.dictionaries(st.sampled_from("abcdefg"), st.sets(st.sampled_from("abcdefg")), min_size=1))
def test_an_order_has_each_step_once_and_after_its_needs_or_names_a_circle(needs: dict[str, set[str]]) -> None:
    files = {
        name: f"-- needs: {', '.join(sorted(mine & set(needs) - {name}))}\nselect 1" for name, mine in needs.items()
    }
    try:
        ordered = read_steps(files, {})
    except ConfigError as error:
        assert "these steps need each other in a circle" in str(error)
        return
    names = [step.name for step in ordered]
    assert sorted(names) == sorted(needs)
    assert all(names.index(need) < at for at, step in enumerate(ordered) for need in step.needs)


def test_forty_statements_are_sent_at_once_and_each_is_found_again() -> None:
    (step,) = read_steps({"a": ";\n".join(f"select {n}" for n in range(90))}, {})
    assert [len(section.sqls) for section in sections_of(step)] == [40, 40, 10]
    number, of, statement = statement_at(step, 2, 4)
    assert (number, of, statement.sql, statement.line) == (85, 90, "select 84", 85)


def test_a_query_needs_the_loads_and_steps_whose_tables_it_reads() -> None:
    steps = read_steps({"a": "create table x as select 1 as n", "b": "create table y as select 2 as n"}, {})
    assert needed_by("select * from x join orders using (n)", LOADS, steps) == ("orders", "a")
