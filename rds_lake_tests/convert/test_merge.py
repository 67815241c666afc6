"""Yesterday's table and what changed since give today's, as a full export would."""

from __future__ import annotations

import io
import json
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rds_lake.convert.converted import Converted
from rds_lake.convert.merge import Merged, PreviousFile, merge_changes
from rds_lake.convert.table import convert_table
from rds_lake.errors import ConversionError, TypesChangedError
from rds_lake_tests.convert.reading import Item, differences, options_of
from rds_lake_tests.fakes.sinks import MemorySink, file_of

KEYS = ("pk", "sk")


def item(pk: str, sk: str, **attributes: Any) -> Item:
    return {"pk": {"S": pk}, "sk": {"N": sk}} | attributes


def change(keys: Item, image: Item | None, when: int) -> str:
    line = {"Metadata": {"WriteTimestampMicros": {"N": str(when)}}, "Keys": {name: keys[name] for name in KEYS}}
    return json.dumps(line | ({"NewImage": image} if image is not None else {}) | {"OldImage": keys})


def day(items: list[Item], files: int = 1) -> tuple[MemorySink, Converted]:
    sink = MemorySink()
    step = max(1, -(-len(items) // files))
    inputs = [
        file_of([json.dumps({"Item": one}) for one in items[start : start + step]], f"{start}.gz")
        for start in range(0, len(items), step)
    ]
    return sink, convert_table(inputs, sink=sink, options=options_of(keys=KEYS))


def merged(before: tuple[MemorySink, Converted], lines: list[str]) -> tuple[Merged, pa.Table]:
    sink, (old, found) = MemorySink(), before
    previous = [PreviousFile(name=file.name, open=partial(io.BytesIO, old.files[file.name])) for file in found.files]
    result = merge_changes(
        previous, [file_of(lines, "changes.gz")], known=found.schema, sink=sink, options=options_of(keys=KEYS)
    )
    assert not sink.open_names
    content = [old.files[name] for name in result.kept] + [sink.files[file.name] for file in result.converted.files]
    tables = [pq.ParquetFile(io.BytesIO(one)).read() for one in content]
    table = pa.concat_tables(tables, promote_options="permissive") if tables else pa.table({})
    assert table.num_rows == result.converted.items
    return result, table


keys = st.tuples(st.sampled_from(["a", "ab", "", "1"]), st.sampled_from(["1", "2", "1.5", "11"]))
values = st.one_of(st.integers(0, 99).map(lambda one: {"N": str(one)}), st.just({"NULL": True}))


@given(
    before=st.dictionaries(keys, values, max_size=10),
    after=st.lists(st.tuples(keys, st.one_of(st.none(), values)), max_size=10),
    order=st.randoms(use_true_random=False),
)
@settings(max_examples=40, deadline=None)
def test_updates_deletes_and_inserts_give_the_table_of_a_full_export(
    before: dict[Any, Item], after: list[Any], order: Any
) -> None:
    old = [item(*key, v=value) for key, value in before.items()]
    state = {key: item(*key, v=value) for key, value in before.items()}
    lines: list[str] = []
    for when, (key, value) in enumerate(after):
        image = None if value is None else item(*key, v=value)
        lines.append(change(item(*key), image, when))
        state.pop(key, None)
        if image is not None:
            state[key] = image
    order.shuffle(lines)
    result, table = merged(day(old, files=3), lines)
    wanted = [one | {"id": {"S": f"{one['pk']['S']}/{float(one['sk']['N'])}"}} for one in state.values()]
    if table.num_rows:
        ids = [f"{row['pk']}/{float(row['sk'])}" for row in table.to_pylist()]
        table = table.append_column("id", pa.array(ids))
    assert result.converted.items == len(wanted)
    assert not differences(wanted, table, result.converted, key="id")


def test_a_file_without_changed_keys_is_kept_as_it_is() -> None:
    before = day([item(str(n), "1", v={"S": "x" * 999}) for n in range(9)], files=1)
    result, _ = merged(before, [change(item("new", "1"), item("new", "1"), 1)])
    assert result.kept == tuple(file.name for file in before[1].files)
    assert (result.converted.items, result.written, result.deleted) == (10, 1, 0)


def test_an_item_that_came_and_went_leaves_nothing() -> None:
    before = day([item("a", "1")])
    lines = [change(item("b", "1"), item("b", "1"), 1), change(item("b", "1"), None, 2)]
    assert merged(before, lines)[0].converted.items == 1


def test_wider_numbers_and_new_attributes_are_merged() -> None:
    before = day([item(str(n), "1", v={"N": str(n)}) for n in range(5)])
    result, table = merged(before, [change(item("3", "1"), item("3", "1", v={"N": "0.5"}, w={"S": "new"}), 1)])
    assert {column.name: column.hive for column in result.converted.columns}["v"] == "decimal(38,2)"
    assert sorted(map(float, table.column("v").to_pylist())) == [0, 0.5, 1, 2, 4]


def test_another_type_asks_for_a_full_export_and_leaves_nothing() -> None:
    before = day([item(str(n), "1", v={"N": "1"}) for n in range(5)])
    with pytest.raises(TypesChangedError, match="full export is due"):
        merged(before, [change(item("3", "1"), item("3", "1", v={"S": "one"}), 1)])


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{}", "no line of an incremental export"),
        ("x", "no line of an incremental export"),
        (change(item("a", "1"), {"pk": {"S": 1}}, 5), "'S' with 1 is no value"),
    ],
)
def test_a_damaged_change_is_named(line: str, said: str) -> None:
    with pytest.raises(ConversionError, match=r"changes\.gz, line 2: ") as caught:
        merged(day([item("a", "1")]), [change(item("b", "1"), None, 1), line])
    assert said in str(caught.value)
