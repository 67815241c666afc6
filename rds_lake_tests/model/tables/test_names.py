"""Names in Athena: stable, legal, never two things under one."""

import re

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from rds_lake.errors import NameCollisionError
from rds_lake.model.tables.names import assign_names, athena_name, free_names
from rds_lake.model.tables.table import TableTarget
from rds_lake_tests.support import strategies


def target(text: str) -> TableTarget:
    database, schema, table = text.split(".", 2)
    return TableTarget(database=database, schema=schema, table=table)


def views(*names: str, default: str | None = "shop.public") -> list[str]:
    return [t.view for t in assign_names([(target(n), ["id"]) for n in names], default_schema=default, rename={})]


def problems(tables: list[tuple[str, list[str]]], rename: dict[str, str] | None = None) -> str:
    with pytest.raises(NameCollisionError) as caught:
        assign_names([(target(n), columns) for n, columns in tables], default_schema="shop.public", rename=rename or {})
    return str(caught.value)


def test_tables_of_the_default_schema_keep_their_name_and_others_get_theirs_in_front() -> None:
    assert views("shop.public.orders", "shop.public.Order Details", "shop.sales.orders") == [
        "orders",
        "order_details",
        "sales_orders",
    ]


def test_tables_of_another_database_carry_its_name() -> None:
    assert views("shop.public.orders", "crm.public.orders", "my.my.orders") == [
        "orders",
        "crm_public_orders",
        "my_orders",
    ]


@given(st.lists(strategies.targets, unique=True, max_size=5), strategies.targets)
def test_a_tables_name_does_not_depend_on_what_else_a_snapshot_holds(
    others: list[TableTarget], one: TableTarget
) -> None:
    (alone,) = (
        assign_names([(one, [])], default_schema="shop.public", rename={})
        if athena_name(one.table) not in ("_snapshots",)
        else (None,)
    )
    try:
        named = assign_names([(t, []) for t in {*others, one}], default_schema="shop.public", rename={})
    except NameCollisionError:
        return
    assert alone in named


def test_without_a_default_schema_every_name_carries_its_database_unless_include_names_only_one() -> None:
    tables = [(target(name), []) for name in ("shop.public.orders", "my.my.orders")]
    assert [t.view for t in assign_names(tables, default_schema=None, rename={})] == ["shop_public_orders", "my_orders"]
    (home, _) = assign_names(tables, default_schema=None, rename={}, home="shop")
    assert home.view == "public_orders"


def test_a_name_that_was_published_stays_and_only_rename_changes_it() -> None:
    tables = [(target("shop.sales.leads"), [])]
    published = {"shop.sales.leads": ["shop_sales_leads"]}
    (kept,) = assign_names(tables, default_schema="shop.public", rename={}, published=published)
    assert kept.view == "shop_sales_leads"
    twice = {"shop.sales.leads": ["leads", "sales_leads"]}
    (rules,) = assign_names(tables, default_schema="shop.public", rename={}, published=twice)
    assert rules.view == "sales_leads"
    renamed = {"shop.sales.leads": "leads"}
    (new,) = assign_names(tables, default_schema="shop.public", rename=renamed, published=published)
    assert new.view == "leads"


@given(strategies.identifiers)
def test_any_name_becomes_one_athena_reads_without_trouble(name: str) -> None:
    assert re.fullmatch(r"[a-z0-9_]{1,245}", athena_name(name))


def test_tables_that_fold_together_are_refused_with_the_line_that_helps() -> None:
    text = problems([("shop.public.Users", []), ("shop.public.users", [])])
    assert "shop.public.Users and shop.public.users" in text
    assert "rename: {'shop.public.users': users_2}" in text


def test_the_line_that_is_shown_really_helps() -> None:
    tables = [(target("shop.public.Users"), []), (target("shop.public.users"), [])]
    named = assign_names(tables, default_schema="shop.public", rename={"shop.public.users": "users_2"})
    assert [table.view for table in named] == ["users", "users_2"]


def test_a_table_named_like_the_raw_table_of_another_is_refused() -> None:
    assert "'snapshots_orders'" in problems([("shop.public.orders", []), ("shop.public.snapshots_orders", [])])


def test_a_table_named_like_our_own_record_is_refused() -> None:
    assert "keeps for itself" in problems([("shop.public._snapshots", [])])


def test_of_many_tables_that_fold_together_every_line_gives_another_free_name() -> None:
    text = problems([(f"shop.public.{name}", []) for name in ("users", "Users", "USERS", "users_2")])
    assert "rename: {'shop.public.Users': users_3, 'shop.public.USERS': users_4}" in text


def test_a_line_whose_new_name_yaml_would_read_as_a_number_is_quoted() -> None:
    text = problems([("shop.public.1 2", []), ("shop.public.1_2", [])])
    assert yaml.safe_load(text.splitlines()[-1].split(": ", 1)[1]) == {"rename": {"shop.public.1_2": "1_2_2"}}


def test_columns_that_fold_together_are_refused_with_the_line_that_helps() -> None:
    assert "rename: {'shop.public.t.a_b': a_b_2}" in problems([("shop.public.t", ["a b", "a_b"])])


def test_a_column_named_like_the_partition_key_gets_a_line_and_the_raw_table_another_key() -> None:
    assert "row_snapshot_date" in problems([("shop.public.t", ["Snapshot_Date"])])
    (table,) = assign_names(
        [(target("shop.public.t"), ["Snapshot_Date"])],
        default_schema="shop.public",
        rename={"shop.public.t.Snapshot_Date": "row_snapshot_date"},
    )
    assert table.partition_key != "snapshot_date"


def test_the_raw_tables_key_is_never_the_name_of_a_column_whatever_columns_there_are() -> None:
    columns = ["Snapshot_Date", "lake_snapshot_date"]
    renamed = {"shop.public.t.Snapshot_Date": "day"}
    (table,) = assign_names([(target("shop.public.t"), columns)], default_schema="shop.public", rename=renamed)
    assert table.partition_key == "lake_lake_snapshot_date"


def test_all_collisions_are_in_one_error() -> None:
    text = problems(
        [("shop.public.A", ["x y", "x_y"]), ("shop.public.a", ["b-c", "b_c"])], {"shop.public.q": "No Good"}
    )
    assert len(text.splitlines()) == 5


def test_a_rename_of_something_gone_does_not_stop_the_others() -> None:
    named = assign_names(
        [(target("shop.public.a"), [])], default_schema="shop.public", rename={"shop.public.gone": "g"}
    )
    assert named[0].view == "a"


SCHEMAS = st.lists(
    st.tuples(strategies.targets, st.lists(strategies.column_names, max_size=5, unique=True)),
    max_size=6,
    unique_by=lambda table: table[0],
)
# Few names, so that they meet.
MEETING = st.lists(
    st.tuples(
        st.sampled_from(
            ["a", "A", "a b", "a_b", "a_2", "snapshots_a", "_snapshots", "_Snapshots", "12", "1 2", "1_2", "\x7f\n"]
        ).map(lambda name: TableTarget(database="shop", schema="public", table=name)),
        st.lists(strategies.column_names, max_size=4, unique_by=str.lower),
    ),
    max_size=6,
    unique_by=lambda table: table[0],
)


@given(SCHEMAS | MEETING)
def test_names_never_collide_in_silence(tables: list[tuple[TableTarget, list[str]]]) -> None:
    try:
        named = assign_names(tables, default_schema="shop.public", rename={})
    except NameCollisionError:
        return
    taken = [name for table in named for name in (table.view, table.raw)]
    assert len(taken) == len(set(taken))
    for table in named:
        aliases = [alias for _, alias in table.columns]
        assert len(aliases) == len(set(aliases))
        assert "snapshot_date" not in aliases
        assert table.partition_key not in {name.lower() for name, _ in table.columns}


@given(MEETING)
def test_adding_all_lines_that_are_shown_always_ends_the_collisions(
    tables: list[tuple[TableTarget, list[str]]],
) -> None:
    try:
        assign_names(tables, default_schema="shop.public", rename={})
    except NameCollisionError as error:
        shown = [yaml.safe_load("rename: " + problem.rsplit("rename: ", 1)[1])["rename"] for problem in error.problems]
        lines = {what: name for line in shown for what, name in line.items()}
        assert assign_names(tables, default_schema="shop.public", rename=lines)


@given(MEETING)
def test_the_entries_of_free_names_end_the_collisions_of_tables(tables: list[tuple[TableTarget, list[str]]]) -> None:
    bare = [TableTarget(database="", schema="", table=target.table) for target, _ in tables]
    assert assign_names([(target, []) for target in bare], default_schema=None, rename=free_names(bare)) is not None
