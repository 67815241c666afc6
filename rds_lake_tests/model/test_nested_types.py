"""Nested types of two days become one, in an order older partitions can be read in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rds_lake.model.evolution import widest
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


def test_a_query_names_nested_types_as_athena_does() -> None:
    assert hive_to_presto("array<struct<a:string,b:array<int>>>") == 'array(row("a" varchar, "b" array(integer)))'
    assert hive_to_presto("decimal(38,2)") == "decimal(38,2)"
