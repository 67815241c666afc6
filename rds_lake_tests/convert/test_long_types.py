"""An attribute whose column type is longer than Glue takes is JSON text, reported, and every other column stays what it is."""

import json
from typing import Any

import pytest

from rds_lake.convert.rules.columns import Rules, build_columns
from rds_lake.convert.rules.tree import Limits, Node, merge, observe_item
from rds_lake_tests.convert.reading import Item, convert

GLUE_TAKES = 131_072  # bytes of ColumnTypeString, as Glue's documentation has it


def wide(customers: int, attributes: int = 60) -> Item:
    """A map by customer, each with as many numbers."""
    one = {f"attribute_number_{number:02}": {"N": str(number)} for number in range(attributes)}
    return {"M": {f"customer-{number:08}": {"M": dict(one)} for number in range(customers)}}


def plain(value: Any) -> Any:
    ((tag, content),) = value.items()
    return {name: plain(below) for name, below in content.items()} if tag == "M" else int(content)


@pytest.mark.parametrize("parser", ["auto", "portable"])
def test_a_map_of_maps_beyond_glues_limit_is_text_with_every_value(parser: str) -> None:
    items: list[Item] = [
        {"pk": {"S": "1"}, "byId": wide(100), "n": {"N": "7"}, "small": {"M": {"a": {"S": "x"}}}},
        {"pk": {"S": "2"}, "byId": wide(2), "n": {"N": "8"}},
        {"pk": {"S": "3"}, "n": {"N": "9"}},
    ]
    found, table = convert([items[:1], items[1:]], parser=parser)
    hive = {column.name: column.hive for column in found.columns}
    assert hive == {"pk": "string", "n": "bigint", "byid": "string", "small": "struct<a:string>"}
    assert dict(found.text)["byId"].startswith("has a type longer than the 131,072 characters")
    rows = {row["pk"]: row for row in table.to_pylist()}
    assert json.loads(rows["1"]["byid"]) == plain(wide(100))
    assert json.loads(rows["2"]["byid"]) == plain(wide(2))
    assert rows["3"]["byid"] is None
    assert [rows[key]["n"] for key in "123"] == [7, 8, 9]


def test_files_written_before_the_type_became_too_long_are_made_anew() -> None:
    """Each item brings customers of its own; only together are they too many."""
    parts = [
        [{"pk": {"S": f"{number}"}, "byId": {"M": dict(list(wide(100)["M"].items())[number * 10 : number * 10 + 10])}}]
        for number in range(10)
    ]
    found, table = convert(parts, workers=1, chunk_bytes=100, part_bytes=1)
    assert {column.name: column.hive for column in found.columns}["byid"] == "string"
    whole = {name: one for row in table.to_pylist() for name, one in json.loads(row["byid"]).items()}
    assert whole == plain(wide(100))


def test_a_list_of_maps_beyond_the_limit_is_text_too() -> None:
    found, table = convert([[{"pk": {"S": "1"}, "all": {"L": [wide(100)]}}]])
    assert {column.name: column.hive for column in found.columns}["all"] == "string"
    assert json.loads(table.to_pylist()[0]["all"]) == [plain(wide(100))]


@pytest.mark.parametrize("more", [0, 1])
def test_a_type_of_just_the_length_that_glue_takes_stays_a_type(more: int) -> None:
    """A field adds its name, `:bigint` and a comma."""
    fields: Item = dict(wide(78)["M"])
    rest = GLUE_TAKES + more - len(hive_of(fields))
    while rest:
        length = rest if rest <= 108 else min(108, rest - 20)
        fields[f"{len(fields):03}".ljust(length - len(":bigint,"), "x")] = {"N": "1"}
        rest -= length
    hive = hive_of(fields)
    assert (hive == "string") == bool(more)
    assert more or len(hive) == GLUE_TAKES


def hive_of(fields: Item) -> str:
    root = Node(fields={})
    observe_item(root, {"m": {"M": fields}}, Limits())
    (column,) = build_columns(root, Rules())
    return column.hive


def test_what_is_known_of_the_attribute_is_kept_for_the_next_date() -> None:
    first, _ = convert([[{"pk": {"S": "1"}, "byId": wide(100)}]])
    second, table = convert([[{"pk": {"S": "1"}, "byId": wide(1)}]], known=first.schema)
    assert {column.name: column.hive for column in second.columns}["byid"] == "string"
    assert json.loads(table.to_pylist()[0]["byid"]) == plain(wide(1))


def test_two_halves_of_a_table_are_judged_together() -> None:
    """As the Spark job does: each worker sees a part, and the union decides."""
    roots = [Node(fields={}), Node(fields={})]
    for start, root in enumerate(roots):
        some = dict(list(wide(100)["M"].items())[start::2])
        observe_item(root, {"byId": {"M": some}}, Limits())
        assert build_columns(root, Rules())[0].hive.startswith("struct<")
    merge(roots[0], roots[1], Limits())
    assert build_columns(roots[0], Rules())[0].hive == "string"
