"""Where a problem of lake.yaml is: line, column and the source's name, for all problems at once."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rds_lake.config.lake_yaml import LakeConfig, load_config, parse_config
from rds_lake.errors import ConfigError

LINES = (
    "lake:",
    "  bucket: acme-lake",
    "  export_role: arn:aws:iam::111122223333:role/rds-lake-export",
    "  kms_key: alias/rds-lake",
    "  events_queue: rds-lake-events",
    "  start_date: 2026-01-01",
    "sources:",
    "  - name: shop",
    "    kind: rds",
    "    identifier: shop-prod",
    "  - name: reviews",
    "    kind: dynamodb",
    "    tables: [Reviews]",
)


def file_with(**lines: str) -> str:
    """The file with some lines replaced or removed: `line_9="    kind: rsd"`."""
    return "\n".join(lines.get(f"line_{number}", line) for number, line in enumerate(LINES, start=1)) + "\n"


def problems_of(text: str, **environment: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse_config(text, where="lake.yaml", environment=environment)
    return list(caught.value.problems) or [str(caught.value)]


def test_every_problem_of_a_file_has_its_line_its_column_and_its_source() -> None:
    text = file_with(
        line_2="  bucket: Acme_Lake",
        line_9="    kind: rsd",
        line_10="    identifer: shop-prod\n    retention: {daily: 14, weekyl: 8}\n    which: oldest",
        line_12="    kind: dynamodb\n    format: csv\n    export_at: 25:00",
        line_13="    tables: [Reviews, a b]\nnonsense: []",
    )
    assert problems_of(text) == [
        "line 2, column 3: lake.bucket: must be the name of a bucket: 3 to 63 lower-case letters, digits, dots and hyphens, not "
        "'Acme_Lake'",
        "line 8, column 5: source shop: identifier: is required; add it (docs/configuration.md describes it)",
        "line 9, column 5: source shop: kind: 'rsd' is not a kind of source; did you mean `rds`? Write `kind: rds` (a DB instance), "
        "`kind: aurora` (an Aurora cluster) or `kind: dynamodb` (a set of DynamoDB tables)",
        "line 10, column 5: source shop: identifer: unknown key; did you mean `identifier`? Remove it or correct its spelling",
        "line 11, column 28: source shop: retention.weekyl: unknown key; did you mean `weekly`? Remove it or correct its spelling",
        "line 12, column 5: source shop: which: must be newest or first, not 'oldest'",
        "line 15, column 5: source reviews: format: csv files have no tables in Athena; add `athena: false`",
        "line 16, column 5: source reviews: export_at: '25:00' is not a time of day in UTC, such as '03:30'",
        "line 17, column 23: source reviews: tables.1: 'a b' is neither a name of a DynamoDB table (3-255 of a-z A-Z 0-9 _ - .) nor a "
        "pattern (* ? [abc])",
        "line 18, column 1: nonsense: unknown key; remove it or correct its spelling (docs/configuration.md lists all)",
    ]


@pytest.mark.parametrize(
    ("line", "begins"),
    [
        ("    athena: perhaps", "line 10, column 5: source shop: athena: must be true or false, not 'perhaps'"),
        ("    priority: 1.5", "line 10, column 5: source shop: priority: must be a whole number, not 1.5"),
        ("    include: {shop}", "line 10, column 5: source shop: include: must be a list"),
        ("    rename: [a]", "line 10, column 5: source shop: rename: must be a mapping of keys to values"),
        ("    retention: 14", "line 10, column 5: source shop: retention: must be a mapping of keys to values, not 14"),
        ("    retention: {daily: 0}", "line 10, column 17: source shop: retention.daily: must be at least 1, not 0"),
        ("    max_drop: 50", "line 10, column 5: source shop: max_drop: must be at most 1, not 50"),
        ("    start_date: 2026-02-30", "line 10, column 5: source shop: start_date: must be a date"),
        ("    publish: Manual", "line 10, column 5: source shop: publish: must be auto or manual, not 'Manual'; did you mean"),
        ("    rename: {shop.public.a: 7}", "line 10, column 14: source shop: rename.shop.public.a: must be text, not 7; put it in"),
        ("    rename: {shop: a, shop.public.a: 7}", "line 10, column 23: source shop: rename.shop.public.a: must be text, not 7"),
        ("    replace: true\n    publish: manual", "line 10, column 5: source shop: replace: true replaces a published date"),
        ("    freshness_hours: [1]", "line 10, column 5: source shop: freshness_hours: must be a number, not [1]"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_reported_in_words_of_lake_yaml(line: str, begins: str) -> None:
    (problem,) = problems_of(file_with(line_9=f"    kind: rds\n{line}"))
    assert problem.startswith(begins)


def test_a_problem_of_two_sources_stands_at_the_second_of_them() -> None:
    twice = "\n  - {name: shop, kind: rds, identifier: other}\n  - {name: more, kind: dynamodb, tables: [Reviews]}\n"
    assert problems_of(file_with(line_13=LINES[12] + twice)) == [
        "line 14, column 5: two sources are named 'shop': give each its own name",
        "line 15, column 5: source more: has the DynamoDB table 'Reviews', as source 'reviews' does; each would pay for an export "
        "of it",
    ]


def test_a_problem_of_a_warehouse_stands_at_that_warehouse_and_of_two_of_a_name_at_the_second() -> None:
    loads = "loads: [{table: other.orders}]"
    twice = f"\nwarehouses:\n  - {{name: mart}}\n  - {{name: mart, mode: cluster}}\n  - name: big\n    {loads}\n  - {{name: shop}}\n"
    assert problems_of(file_with(line_13=LINES[12] + twice)) == [
        "line 16, column 5: warehouse mart: 2 sources and warehouses have that name, the prefix of their assets; names must differ",
        "line 18, column 14: warehouse big: loads.0.table: no source is named 'other'; lake.yaml has shop, reviews",
        "line 19, column 5: warehouse shop: 2 sources and warehouses have that name, the prefix of their assets; names must differ",
    ]


_KEYS = st.sampled_from(
    ["bucket", "kind", "identifier", "tables", "athena", "retention", "which", "max_drop", "bogus", "priority"]
)
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)


@given(where=st.sampled_from([2, 6, 9, 10, 13]), key=_KEYS, value=_VALUES)
def test_no_message_has_a_word_of_pydantic_and_each_has_a_line_of_the_file(where: int, key: str, value: object) -> None:
    indent = "  " if where < 7 else "    "
    text = file_with(**{f"line_{where}": f"{LINES[where - 1]}\n{indent}{key}: {json.dumps(value, allow_nan=True)}"})
    try:
        parse_config(text, where="lake.yaml")
    except ConfigError as error:
        assert "Input should" not in str(error) and "valid " not in str(error)
        for problem in error.problems:
            assert problem.startswith("line ")
            assert 1 <= int(problem.split(",")[0].removeprefix("line ")) <= len(LINES) + 1


def test_a_file_with_windows_line_ends_and_a_byte_order_mark_reads_the_same(tmp_path: Path) -> None:
    place = tmp_path / "lake.yaml"
    place.write_bytes(b"\xef\xbb\xbf" + file_with().replace("\n", "\r\n").encode())
    assert _same(load_config(place), parse_config(file_with(), where="lake.yaml"))
    place.write_bytes(file_with(line_10="    identifer: x").replace("\n", "\r\n").encode())
    with pytest.raises(ConfigError, match="line 10, column 5: source shop: identifer"):
        load_config(place)


def _same(one: LakeConfig, other: LakeConfig) -> bool:
    return (one.lake, one.sources) == (other.lake, other.sources)


def test_a_file_of_another_encoding_is_a_sentence(tmp_path: Path) -> None:
    place = tmp_path / "lake.yaml"
    place.write_bytes(file_with(line_8="  - name: größe").encode("latin-1"))
    with pytest.raises(ConfigError, match="is not UTF-8 text: byte"):
        load_config(place)
