"""Nested types of two days become one, in an order older partitions can be read in."""

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rds_lake.model.tables.evolution import widest
from rds_lake.model.tables.nested_types import merge_nested, to_query_type
from rds_lake.sql.types import hive_to_presto

names = st.from_regex(r"[a-z_][a-z0-9_]{0,5}", fullmatch=True)
leaves = st.sampled_from(["string", "bigint", "double", "boolean", "binary", "decimal(38,2)"])


def _struct(fields: dict[str, str]) -> str:
    return f"struct<{','.join(f'{name}:{kind}' for name, kind in fields.items())}>"


types = st.recursive(
    leaves,
    lambda inner: st.one_of(
        inner.map(lambda kind: f"array<{kind}>"), st.dictionaries(names, inner, min_size=1, max_size=3).map(_struct)
    ),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("before", "now", "both"),
    [
        ("struct<a:string,b:bigint>", "struct<b:bigint,c:string>", "struct<a:string,b:bigint,c:string>"),
        ("array<struct<a:int>>", "array<struct<b:decimal(38,2),a:bigint>>", "array<struct<a:bigint,b:decimal(38,2)>>"),
        ("struct<a:struct<x:string>>", "struct<a:struct<y:string>>", "struct<a:struct<x:string,y:string>>"),
        ("struct<a:string>", "struct<a:bigint>", None),
        ("struct<a:string>", "string", None),
        ("array<string>", "struct<a:string>", None),
    ],
)
def test_fields_are_gathered_and_types_never_mixed(before: str, now: str, both: str | None) -> None:
    assert widest(before, now) == both


@given(types, types)
def test_what_two_days_become_holds_both(one: str, other: str) -> None:
    both = widest(one, other)
    assert widest(one, one) == one
    if both is not None:
        assert widest(both, one) == widest(both, other) == both


@pytest.mark.parametrize(
    "odd", ["struct<a:string", "array<int>>", "struct<a:int>,b", "uniontype<int,string>", "row<", ""]
)
def test_what_is_no_type_of_ours_is_left_as_it_is(odd: str) -> None:
    assert to_query_type(odd, leaf=str.upper, quote=str) == odd.upper()


def test_brackets_of_types_that_hold_no_others_are_not_taken_apart() -> None:
    both = merge_nested("struct<a:decimal(38,2),b:uniontype<int,string>>", "struct<c:varchar(3)>", leaf=widest)
    assert both == "struct<a:decimal(38,2),b:uniontype<int,string>,c:varchar(3)>"


def lines_run(work: Callable[[], object]) -> int:
    """How many lines of Python the work takes: the same on every machine, however busy."""
    lines = 0

    def trace(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal lines
        lines += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return lines


def test_a_type_that_is_nested_as_deep_as_dynamodb_allows_costs_no_more_than_a_flat_one() -> None:
    """A type that is read once per level would take three hundred times as many lines."""
    fields = ",".join(f"field_{number}:bigint" for number in range(1000))
    flat = f"struct<{fields}>"
    deep = "array<" * 300 + flat + ">" * 300
    lines = {}
    for text in (flat, deep):
        lines[text] = lines_run(lambda text=text: merge_nested(text, text, leaf=widest))
        assert merge_nested(text, text, leaf=widest) == text
    assert lines[deep] < 2 * lines[flat]


def test_a_query_names_nested_types_as_athena_does() -> None:
    assert hive_to_presto("array<struct<a:string,b:array<int>>>") == 'array(row("a" varchar, "b" array(integer)))'
    assert hive_to_presto("decimal(38,2)") == "decimal(38,2)"
