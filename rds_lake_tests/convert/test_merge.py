"""Yesterday's table merged with the changes since gives today's table, as a full export would."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rds_lake.convert.local.table import convert_table
from rds_lake.convert.merging.merge import Merged, merge_changes
from rds_lake.convert.merging.unchanged_rows import PreviousFile
from rds_lake.convert.rules.converted import Converted
from rds_lake.errors import ConversionError, FullExportDueError, RdsLakeError, TypesChangedError
from rds_lake_tests.convert.reading import Item, differences, options_of
from rds_lake_tests.fakes.sinks import MemorySink, file_of

KEYS = ("pk", "sk")


def item(pk: str, sk: str, **attributes: Any) -> Item:
    return {"pk": {"S": pk}, "sk": {"N": sk}} | attributes


def change(keys: Item, image: Item | None, when: int, *, old: bool = True) -> str:
    line = {"Metadata": {"WriteTimestampMicros": {"N": str(when)}}, "Keys": {name: keys[name] for name in KEYS}}
    return json.dumps(line | ({"NewImage": image} if image is not None else {}) | ({"OldImage": keys} if old else {}))


def day(items: list[Item], files: int = 1, **more: Any) -> tuple[MemorySink, Converted]:
    sink = MemorySink()
    step = max(1, -(-len(items) // files))
    inputs = [
        file_of([json.dumps({"Item": one}) for one in items[start : start + step]], f"{start}.gz")
        for start in range(0, len(items), step)
    ]
    return sink, convert_table(inputs, sink=sink, options=options_of(keys=KEYS, **more))


def of_files(items: list[Item]) -> tuple[MemorySink, Converted]:
    """A date with a file of its own for each item."""
    sink, files = MemorySink(), []
    _, whole = day(items)
    for number, one in enumerate(items):
        other, alone = day([one])
        (file,) = alone.files
        sink.files[str(number)] = other.files[file.name]
        files.append(replace(file, name=str(number)))
    return sink, replace(whole, files=tuple(files))


def merged(
    before: tuple[MemorySink, Converted], *windows: list[str], part_bytes: int = 1, **more: Any
) -> tuple[Merged, pa.Table]:
    sink, (old, found) = MemorySink(), before
    previous = [
        PreviousFile(name=file.name, open=partial(io.BytesIO, old.files[file.name]), bytes=file.bytes)
        for file in found.files
    ]
    changes = [[file_of(lines, "changes.gz" if len(windows) == 1 else f"{n}.gz")] for n, lines in enumerate(windows)]
    options = options_of(keys=KEYS, part_bytes=part_bytes, **more)
    try:
        result = merge_changes(previous, changes, known=found.schema, sink=sink, options=options)
    except RdsLakeError:
        assert not sink.files and not sink.open_names, "files are left"
        raise
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
    after=st.lists(st.lists(st.tuples(keys, st.one_of(st.none(), values)), max_size=8), min_size=1, max_size=3),
    compacted=st.booleans(),
    part_bytes=st.sampled_from([1, 10_000]),
    order=st.randoms(use_true_random=False),
)
@settings(max_examples=60, deadline=None)
def test_any_history_in_any_windows_gives_the_table_of_a_full_export(
    before: dict[Any, Item], after: list[list[Any]], compacted: bool, part_bytes: int, order: Any
) -> None:
    state = {key: item(*key, v=value) for key, value in before.items()}
    first, windows = list(state.values()), []
    for number, writes in enumerate(after):
        lines = history(state, writes, compacted=compacted, clock=0 if compacted else 1000 * number)
        order.shuffle(lines)
        windows.append(lines)
    result, table = merged(day(first, files=3), *windows, part_bytes=part_bytes)
    wanted = [one | {"id": {"S": f"{one['pk']['S']}/{float(one['sk']['N'])}"}} for one in state.values()]
    if table.num_rows:
        ids = [f"{row['pk']}/{float(row['sk'])}" for row in table.to_pylist()]
        table = table.append_column("id", pa.array(ids))
    assert result.converted.items == len(wanted) == len(before) + result.inserted - result.deleted
    assert not result.repeated
    assert not differences(wanted, table, result.converted, key="id")


def history(state: dict[Any, Item], writes: list[Any], *, compacted: bool, clock: int) -> list[str]:
    """The lines of one window, and `state` as it is after it. AWS writes one line per item, whatever happened to it."""
    old, lines = dict(state), []
    for when, (key, value) in enumerate(writes, clock):
        existed = key in state
        state.pop(key, None)
        if value is not None:
            state[key] = item(*key, v=value)
        if not compacted:
            lines.append(change(item(*key), state.get(key), when, old=existed))
    if compacted:
        # Keys alone, where an item came and went within the window.
        lines = [change(item(*key), state.get(key), 7, old=key in old) for key in {key for key, _ in writes}]
    return lines


@pytest.mark.parametrize("numbers", ["exact", "double"])
@pytest.mark.parametrize("sort", [("1", "2"), ("1.5", "-2"), ("9007199254740993", "9007199254740992"), ("1E+125", "7")])
def test_numbers_are_keys_whatever_their_type(numbers: str, sort: tuple[str, str]) -> None:
    """Also two keys that would be the same number as double."""
    before = day([item("a", sort[0]), item("a", sort[1])], numbers=numbers)
    change_first = [change(item("a", sort[0]), item("a", sort[0], v={"S": "new"}), 1)]
    result, table = merged(before, change_first, numbers=numbers)
    assert (result.converted.items, result.updated) == (2, 1)
    assert sorted(filter(None, table.column("v").to_pylist())) == ["new"]


def test_small_files_are_put_together() -> None:
    result, _ = merged(
        of_files([item(str(n), "1", v={"S": "x" * 99}) for n in range(9)]),
        [change(item("3", "1"), None, 1)],
        part_bytes=1_000_000,
    )
    assert [len(result.kept), len(result.converted.files)] == [0, 1]


def test_an_item_that_the_earlier_date_lacks_asks_for_a_full_export() -> None:
    with pytest.raises(
        FullExportDueError, match=r"^1 items are changed or deleted by the changes, and the earlier date has 0"
    ):
        merged(day([item("a", "1")]), [change(item("b", "1"), item("b", "1"), 1)])


@pytest.mark.exhaustive
def test_more_changes_than_memory_holds_ask_for_a_full_export() -> None:
    before = day([item("a", "1")])
    many = [change(item(str(n), "1"), item(str(n), "1"), 1, old=False) for n in range(160_000)]
    with pytest.raises(FullExportDueError, match="keys changed, which is the most that memory can hold"):
        merged(before, many, memory_bytes=1)


def test_an_item_that_the_earlier_date_has_already_is_there_once() -> None:
    """An export may already contain a write of the second that its window ends with."""
    result, _ = merged(day([item("a", "1")]), [change(item("a", "1"), item("a", "1"), 1, old=False)])
    assert (result.converted.items, result.repeated, result.deleted) == (1, 1, 0)


def test_a_file_of_the_earlier_date_that_is_damaged_asks_for_a_full_export() -> None:
    before = day([item("a", "1")])
    (name,) = before[0].files
    before[0].files[name] = before[0].files[name][:-4]
    with pytest.raises(FullExportDueError, match=f"{name} cannot be read"):
        merged(before, [change(item("a", "1"), None, 1)])


def test_a_file_without_changed_keys_is_kept_as_it_is() -> None:
    before = day([item(str(n), "1", v={"S": "x" * 999}) for n in range(9)], files=1)
    result, _ = merged(before, [change(item("new", "1"), item("new", "1"), 1, old=False)])
    assert result.kept == tuple(file.name for file in before[1].files)
    assert (result.converted.items, result.inserted, result.deleted) == (10, 1, 0)


def test_an_item_that_came_and_went_leaves_nothing() -> None:
    before = day([item("a", "1")])
    lines = [change(item("b", "1"), item("b", "1"), 1, old=False), change(item("b", "1"), None, 2)]
    assert merged(before, lines)[0].converted.items == 1


def test_wider_numbers_and_new_attributes_are_merged() -> None:
    before = day([item(str(n), "1", v={"N": str(n)}) for n in range(5)])
    result, table = merged(before, [change(item("3", "1"), item("3", "1", v={"N": "0.5"}, w={"S": "new"}), 1)])
    assert {column.name: column.hive for column in result.converted.columns}["v"] == "decimal(38,2)"
    assert sorted(map(float, table.column("v").to_pylist())) == [0, 0.5, 1, 2, 4]


def test_another_type_asks_for_a_full_export_and_leaves_nothing() -> None:
    before = day([item(str(n), "1", v={"N": "1"}) for n in range(5)])
    with pytest.raises(TypesChangedError, match="cannot be converted to the types that the changes need"):
        merged(before, [change(item("3", "1"), item("3", "1", v={"S": "one"}), 1)])


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{}", "not a line of an incremental export"),
        ("x", "not a line of an incremental export"),
        (change(item("a", "1"), item("a", "1", v={"S": 1}), 5), "'S' with 1 is not a value"),
        (change(item("a", "1"), {"pk": {"S": 1}}, 5), "S is not a type of a key"),
        (change(item("a", "1"), item("c", "1"), 5), "NewImage is of another key"),
        ('{"Keys":{"pk":{"S":"a"}},"Metadata":{"WriteTimestampMicros":{"N":"1"}}}', "its Keys are ['pk']"),
        (
            '{"Keys":{"pk":{"S":"a"},"sk":{"N":"1"}},"Metadata":{"WriteTimestampMicros":1}}',
            "not a line of an incremental",
        ),
        (
            '{"Keys":{"pk":{"S":"a"},"sk":{"N":"1"}},"OldImage":[],"Metadata":{"WriteTimestampMicros":{"N":"1"}}}',
            "not a line",
        ),
        (
            '{"Keys":{"pk":{"SS":["a"]},"sk":{"N":"1"}},"Metadata":{"WriteTimestampMicros":{"N":"1"}}}',
            "not a type of a key",
        ),
    ],
)
def test_a_damaged_change_is_named(line: str, said: str) -> None:
    with pytest.raises(ConversionError, match=r"changes\.gz, line 2: ") as caught:
        merged(day([item("a", "1")]), [change(item("b", "1"), None, 1, old=False), line])
    assert said in str(caught.value)
