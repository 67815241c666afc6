"""A JSON that asks for a run: whatever is in it, its problems come at once, each with its place."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rds_lake.errors import InputError
from rds_lake.model.warehouse.input import MOST_BYTES, WarehouseInput, parse_input

FILES: dict[str, Any] = {"table": "usage", "files": ["usage.gz"], "columns": [{"name": "a", "type": "VARCHAR(3)"}]}


def problems(body: Any) -> list[str]:
    with pytest.raises(InputError) as caught:
        parse_input(body if isinstance(body, str) else json.dumps(body))
    return list(caught.value.problems)


def test_an_input_needs_no_more_than_its_version() -> None:
    assert parse_input('{"version": 1}') == WarehouseInput(version=1)
    assert parse_input(json.dumps({"version": 1, "tables": [FILES]})).tables[0].columns[0].type == "varchar(3)"  # type: ignore[index]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("", "$: is not JSON: Expecting value at line 1, column 1"),
        ("[1]", "$: must be an object, `{…}`, not a list"),
        ('{"version": NaN}', "$: is not JSON: NaN is not a number of JSON"),
        ('{"version": 1, "version": 1}', "$: the key 'version' is written twice; remove one"),
        ("[" * 100_000, "$: nested too deep to be an input"),
        (" " * (MOST_BYTES + 1), f"$: {MOST_BYTES + 1:,} characters; an input has at most"),
        ({}, "$.version: is required; add it"),
        ({"version": 2}, "$.version: Input should be 1, not 2"),
        ({"version": 1, "tabels": []}, "$.tabels: unknown key"),
        ({"version": 1, "delete_stack": "yes"}, "$.delete_stack: Input should be a valid boolean, not 'yes'"),
        ({"version": 1, "tables": [{"table": "Usage", "files": ["a"]}]}, "$.tables[0].table: String should match"),
        ({"version": 1, "tables": [{"table": "usage"}]}, "$.tables[0].files: a table without `files` comes from the lake"),
        ({"version": 1, "tables": [FILES, FILES]}, "$.tables[1]: 'usage' is already $.tables[0]"),
        ({"version": 1, "tables": [FILES | {"files": ["../x"]}]}, "$.tables[0].files: '../x' is not a name beside this JSON"),
        ({"version": 1, "tables": [FILES | {"date": "2026-11-20"}]}, "$.tables[0].date: is for tables of the lake only"),
        ({"version": 1, "tables": [{"table": "a", "schema": "s", "format": "csv"}]}, "$.tables[0].format: is for files only"),
    ],
)  # fmt: skip
def test_what_is_wrong_has_its_path_and_what_to_do(body: Any, said: str) -> None:
    (found,) = problems(body)
    assert found.startswith(said)


def test_all_problems_come_at_once_and_tables_keep_their_numbers() -> None:
    broken = FILES | {"columns": [{"name": "a", "type": "blob"}], "x": 1}
    found = problems({"version": 1, "tables": [broken, {"table": "b"}, FILES, FILES], "results": [], "delete_stack": 1})
    assert [problem.partition(": ")[0] for problem in found] == [
        "$.tables[0].columns[0].type",
        "$.tables[0].x",
        "$.results",
        "$.delete_stack",
        "$.tables[1].files",
        "$.tables[3]",
    ]


def test_a_thousand_problems_are_cut() -> None:
    found = problems({"version": 1, "tables": [{}] * 900})
    assert len(found) == 101
    assert found[-1] == "… and 800 more"


_KEYS = st.sampled_from(
    ["version", "tables", "table", "schema", "files", "columns", "name", "type", "date", "parameters", "results", "x"]
)
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=4),
    max_leaves=20,
)


@given(st.one_of(st.text(max_size=40), _VALUES.map(json.dumps), st.dictionaries(_KEYS, _VALUES).map(json.dumps)))
def test_no_text_raises_anything_but_an_input_error(text: str) -> None:
    try:
        value = parse_input(text)
    except InputError as error:
        assert error.problems
    else:
        assert value.version == 1
