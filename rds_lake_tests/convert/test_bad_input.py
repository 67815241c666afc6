"""Odd and damaged input: nothing is lost, nothing is made up, and the message names file and line."""

from __future__ import annotations

import io
import json
from base64 import b64encode
from dataclasses import replace
from decimal import Decimal
from gzip import compress
from hashlib import md5
from typing import Any

import pytest

from rds_lake.convert.local.lines import InputFile
from rds_lake.convert.local.source import Progress
from rds_lake.convert.local.table import ConvertOptions, convert_table
from rds_lake.convert.rules.tree import Limits
from rds_lake.errors import ConversionError
from rds_lake_tests.convert.reading import convert, differences, options_of
from rds_lake_tests.fakes.sinks import MemorySink, file_of, opener

BAD_LINES = [
    ("not json", "not JSON"),
    ('{"Item":{"pk":{"S":"1"}', "not JSON"),
    ('{"Item":{"pk":{"S":"1"},"pk":{"S":"2"}}}', "attributes are there twice: 'pk'"),
    ('{"Item":{"pk":{"S":"1"}}}{"Item":{"pk":{"S":"2"}}}', "not JSON"),
    ('{"Item":{"pk":{"S":"1"}},"More":1}', "nothing else"),
    ('{"pk":{"S":"1"}}', "nothing else"),
    ("{}", "nothing else"),
    ("", "not JSON"),
    ('{"Item":{"pk":{"S":1}}}', "'S' with 1 is not a value of DynamoDB"),
    ('{"Item":{"pk":{"X":"1"}}}', "'X'"),
    ('{"Item":{"pk":{"N":"ten"}}}', "'ten' is not a number"),
    ('{"Item":{"pk":{"N":""}}}', "'' is not a number"),
    ('{"Item":{"pk":{"N":"NaN"}}}', "'NaN' is not a number"),
    ('{"Item":{"pk":"1"}}', "one type and its content"),
    ('{"Item":{"pk":{"B":"a"}}}', "not base64"),
    ('{"Item":{"pk":{"B":"a==="}}}', "not base64"),
    ('{"Item":{"pk":{"NULL":"yes"}}}', "'NULL' with 'yes'"),
    ('{"Item":{"pk":{"S":"\\ud800"}}}', "not Unicode"),
    ('{"Item":{"pk":{"S":"\ud800"}}}', "not UTF-8"),
    ('{"Item":{"pk":{"S":"\t"}}}', "not JSON"),
    ('{"Item":{"pk":{"S":"\\x"}}}', "not JSON"),
    ('{"Item":{"pk":{"LS":["x"]}}}', "'LS'"),
    ('{"Item":[]}', "a map of attributes was expected"),
]
BAD_TEXTS = [
    ('{"M":{"d":{"X":"1"}}}', "'X'"),
    ('{"M":{"d":{"N":"ten"}}}', "'ten' is not a number"),
    ('{"M":{"d":{"S":"1"},"d":{"S":"2"}}}', "there twice: 'd'"),
    ('{"M":{"d":{"S":"1"},"c":{"S":"3"},"d":{"S":"2"}}}', "there twice: 'd'"),
    ('{"M":{"d":{"S":"1","N":"2"}}}', "one type and its content"),
    ('{"M":{"d":{"L":[{"NS":["1",2]}]}}}', "'NS' with ['1', 2]"),
    ('{"M":{"d":{"S":"\\udc00"}}}', "not Unicode"),
    ('{"M":[]}', "'M' with []"),
    ('{"S":"x"', "not JSON"),
]


def line(number: int, **attributes: Any) -> str:
    return json.dumps({"Item": {"pk": {"S": str(number)}} | attributes}, separators=(",", ":"))


def refused(*files: InputFile, **options: Any) -> str:
    """The message; the sink is empty afterwards."""
    sink = MemorySink()
    with pytest.raises(ConversionError) as caught:
        convert_table(files, sink=sink, options=options_of(**options))
    assert not sink.files and not sink.open_names
    return str(caught.value)


def test_a_truncated_file_is_named() -> None:
    whole = compress("".join(f"{line(n)}\n" for n in range(5000)).encode())
    assert "b.json.gz: the gz file ends early" in refused(
        file_of([line(1)]), InputFile(name="b.json.gz", open=opener(whole[:-20]))
    )


def test_a_damaged_file_is_named() -> None:
    whole = bytearray(compress("".join(f"{line(n)}\n" for n in range(5000)).encode()))
    whole[len(whole) // 2] ^= 0xFF
    assert "b.json.gz" in refused(InputFile(name="b.json.gz", open=opener(bytes(whole))))


def test_a_missing_file_is_named() -> None:
    def gone() -> io.BytesIO:
        raise FileNotFoundError("NoSuchKey")

    assert "gone.json.gz: the file is missing" in refused(InputFile(name="gone.json.gz", open=gone))


def test_a_file_that_is_not_the_one_in_the_manifest_is_refused() -> None:
    content = compress(f"{line(1)}\n".encode())
    right = InputFile(
        name="a.gz", open=opener(content), bytes=len(content), items=1,
        md5=b64encode(md5(content, usedforsecurity=False).digest()).decode(),
    )  # fmt: skip
    assert convert_table([right], sink=MemorySink(), options=ConvertOptions()).items == 1
    assert "a.gz: its MD5 is" in refused(replace(right, md5="x" * 22 + "=="))
    assert "the manifest says 7" in refused(replace(right, bytes=7))
    assert "a.gz: it has 1 item, the manifest says 2" in refused(replace(right, items=2))


@pytest.mark.parametrize("parser", ["auto", "portable"])
@pytest.mark.parametrize(("bad", "said"), BAD_LINES)
def test_a_line_that_dynamodb_does_not_write_is_named(bad: str, said: str, parser: str) -> None:
    lines = [line(n, n={"N": "1"}) for n in range(3000)]
    message = refused(file_of([*lines, bad, *lines], "data/x.json.gz"), chunk_bytes=5000, parser=parser)
    assert "data/x.json.gz, line 3001: " in message
    assert said in message


@pytest.mark.parametrize("parser", ["auto", "portable"])
@pytest.mark.parametrize("first", [{"M": {"d": {"M": {"e": {"S": "x"}}}}}, {"S": "several types"}])
@pytest.mark.parametrize(("bad", "said"), BAD_TEXTS)
def test_a_bad_value_within_json_text_is_named(bad: str, said: str, first: Any, parser: str) -> None:
    lines = [line(n, x=first) for n in range(300)] + [line(n, x={"M": {"d": {"S": "y"}}}) for n in range(300)]
    wrong = '{"Item":{"pk":{"S":"1"},"x":' + bad + "}}"
    file = file_of([*lines, wrong, *lines], "data/x.json.gz")
    message = refused(file, chunk_bytes=5000, parser=parser, limits=Limits(max_depth=1))
    assert "data/x.json.gz, line 601: " in message
    assert said in message


@pytest.mark.parametrize("parser", ["auto", "portable"])
def test_a_null_in_json_text_is_no_absent_key_even_if_it_comes_late(parser: str) -> None:
    early: list[Any] = [{"S": "text"}, {"M": {"a": {"S": "x"}, "b": {"S": "y"}}}] * 3000
    values = [*early, {"M": {"b": {"S": "y"}, "a": {"NULL": True}}}]
    _, table = convert([[{"pk": {"S": f"{n:04}"}, "v": value} for n, value in enumerate(values)]], parser=parser)
    assert table.sort_by("pk").column("v").to_pylist()[-2:] == ['{"a":"x","b":"y"}', '{"a":null,"b":"y"}']


def test_all_files_at_fault_are_reported_at_once() -> None:
    message = refused(file_of(["x"], "a.gz"), workers=1)
    assert "a.gz, line 1" in message


def test_numbers_are_exact_up_to_the_last_digit() -> None:
    numbers = ["9" * 38, "-" + "9" * 38, "0." + "1" * 38, "9223372036854775807", "1E125", "1.5", "1E-130"]
    items = [{"pk": {"S": str(n)}, f"n{n}": {"N": text}} for n, text in enumerate(numbers)]
    found, table = convert([items])
    types = {column.name: column.hive for column in found.columns}
    assert not differences(items, table, found)
    assert [types[f"n{n}"] for n in range(7)] == [
        "decimal(38,0)", "decimal(38,0)", "decimal(38,38)", "bigint", "string", "decimal(38,2)", "string",
    ]  # fmt: skip


def test_a_number_of_39_digits_stays_text() -> None:
    _, table = convert([[{"pk": {"S": "1"}, "n": {"N": "1" * 39}}]])
    assert table.column("n").to_pylist() == ["1" * 39]


def test_decimals_that_no_type_holds_together_are_text_and_reported() -> None:
    items = [{"pk": {"S": "0"}, "n": {"N": "1" * 30}}, {"pk": {"S": "1"}, "n": {"N": "0.000000000000000000001"}}]
    found, table = convert([items[:1], items[1:]])
    assert not differences(items, table, found)
    assert ("n", "has numbers that do not fit one type decimal(38)") in found.text


def test_a_decimal_keeps_its_exact_scale_where_a_rounder_one_would_not_fit() -> None:
    items = [{"pk": {"S": "0"}, "n": {"N": "1" * 25 + ".1234567890123"}}, {"pk": {"S": "1"}, "n": {"N": "1"}}]
    found, table = convert([items])
    assert [column.hive for column in found.columns if column.name == "n"] == ["decimal(38,13)"]
    assert not differences(items, table, found)


@pytest.mark.parametrize("whole", range(19, 39))
def test_a_long_number_beside_long_fractions_is_never_another_number(whole: int) -> None:
    items = [{"pk": {"S": "0"}, "n": {"N": "1" * whole}}, {"pk": {"S": "1"}, "n": {"N": "0.1234567890123"}}]
    found, table = convert([items])
    assert not differences(items, table, found)


def test_doubles_are_there_for_who_asks() -> None:
    items = [{"pk": {"S": "0"}, "n": {"N": "1.5"}, "i": {"N": "3"}}, {"pk": {"S": "1"}, "n": {"N": "1E125"}}]
    found, table = convert([items], numbers="double")
    assert {column.name: column.hive for column in found.columns}["n"] == "double"
    assert sorted(table.column("n").to_pylist()) == [1.5, 1e125]
    assert table.schema.field("i").type == "int64"


def test_a_fraction_in_the_last_of_many_items_widens_all_of_them() -> None:
    items = [{"pk": {"S": str(n)}, "n": {"N": str(n)}} for n in range(20_000)]
    items.append({"pk": {"S": "last"}, "n": {"N": "0.25"}})
    found, table = convert([items[:7000], items[7000:]], chunk_bytes=20_000)
    assert str(table.column("n").type) == "decimal128(38, 2)"
    assert sum(table.column("n").to_pylist()) == sum(range(20_000)) + Decimal("0.25")
    assert found.items == table.num_rows == 20_001


def test_a_late_second_type_makes_json_text_of_all_items_written_before() -> None:
    items = [{"pk": {"S": str(n)}, "v": {"M": {"a": {"N": str(n)}}}} for n in range(3000)]
    items.append({"pk": {"S": "last"}, "v": {"S": "10%"}})
    found, table = convert([items], chunk_bytes=10_000, workers=1, memory_bytes=1)
    assert not differences(items, table, found)
    assert ("v", "has the types S, M") in found.text


def test_null_and_absent_stay_apart_inside_json_text_and_lists() -> None:
    value = {"L": [{"S": "x"}, {"NULL": True}, {"M": {"a": {"NULL": True}}}, {"M": {}}]}
    _, table = convert([[{"pk": {"S": "0"}, "v": value}]])
    assert table.column("v").to_pylist() == [['"x"', None, '{"a":null}', "{}"]]


def test_empty_texts_sets_lists_and_maps_are_not_null() -> None:
    empty = {
        "s": {"S": ""},
        "b": {"B": ""},
        "ss": {"SS": []},
        "ns": {"NS": []},
        "bs": {"BS": []},
        "l": {"L": []},
        "m": {"M": {}},
    }
    items = [{"pk": {"S": "0"}} | empty, {"pk": {"S": "1"}}]
    found, table = convert([items])
    assert not differences(items, table, found)
    assert table.to_pylist()[0]["m"] == "{}"


def test_an_attribute_that_is_always_null_is_a_column_of_nulls() -> None:
    found, table = convert([[{"pk": {"S": "0"}, "x": {"NULL": True}}]])
    assert table.column("x").to_pylist() == [None]
    assert [(one.hive, one.types) for one in found.columns if one.name == "x"] == [("string", ("NULL",))]


def test_large_items_and_deep_nesting_keep_every_byte() -> None:
    deep: dict[str, Any] = {"S": "bottom"}
    for _ in range(32):
        deep = {"M": {"d": deep}}
    items = [{"pk": {"S": str(n)}, "big": {"S": "\x00é" * 60_000}, "deep": deep} for n in range(10)]
    found, table = convert([items])
    assert not differences(items, table, found)
    assert found.text == (("deep.d.d.d.d.d.d.d.d", "nested deeper than 8 levels"),)


@pytest.mark.exhaustive
def test_an_item_of_400_kb_is_read_whole_wherever_its_bytes_are() -> None:
    most = 400 * 1024 - 20  # DynamoDB counts names as well
    values: list[dict[str, Any]] = [
        {"S": "x" * most},
        {"B": b64encode(b"\x00" * most).decode()},
        {"L": [{"N": "1"}] * (most // 3)},
        {"M": {f"k{n}": {"S": "x" * 90} for n in range(most // 96)}},
    ]
    for value in values:
        items = [{"pk": {"S": str(n)}, "big": value} for n in range(3)]
        found, table = convert([items], chunk_bytes=10_000)
        assert not differences(items, table, found)


def test_a_map_with_an_id_as_key_becomes_json_text() -> None:
    items = [{"pk": {"S": str(n)}, "by_id": {"M": {f"id-{n}": {"N": "1"}}}} for n in range(500)]
    found, table = convert([items[:250], items[250:]], chunk_bytes=3000)
    assert not differences(items, table, found)
    assert found.text == (("by_id", "more than 200 different keys"),)


def test_too_many_attributes_say_what_to_change() -> None:
    items = [line(n, **{f"a{n}": {"S": "x"}}) for n in range(30)]
    assert "raise `max_columns`" in refused(file_of(items), limits=Limits(max_columns=20))


def test_names_that_athena_takes_for_one_are_told_apart_and_keep_their_values() -> None:
    names = ["a.b", "A_b", "a_b", "Select", "snapshot_date", "😀", "🙂", "x" * 300, "x" * 300 + "y"]
    items = [{"pk": {"S": "0"}} | {name: {"S": name} for name in names} | {"m": {"M": {n: {"S": n} for n in names}}}]
    found, table = convert([items])
    assert not differences(items, table, found)
    assert {"select", "snapshot_date"} <= {column.name for column in found.columns}
    assert len({column.name.lower() for column in found.columns}) == len(names) + 2
    assert dict(found.renamed)["Select"] == "select"


def test_an_empty_table_and_empty_files_give_no_file() -> None:
    sink = MemorySink()
    found = convert_table([file_of([]), InputFile(name="b", open=opener(b""))], sink=sink, options=ConvertOptions())
    assert (found.items, found.columns, found.files, sink.files) == (0, (), (), {})


def test_a_plain_file_and_one_without_a_last_newline_are_read() -> None:
    sink, seen = MemorySink(), list[Progress]()
    files = [InputFile(name="plain", open=opener(line(1).encode()), items=1), file_of([line(2)])]
    assert convert_table(files, sink=sink, options=ConvertOptions(), progress=seen.append).items == 2
    assert seen[-1] == Progress(items=2, files=2)


def test_spaces_between_tokens_make_no_difference() -> None:
    lines = [json.dumps({"Item": {"pk": {"S": str(n)}, "x": {"NULL": True}, "y": {"N": "1"}}}) for n in range(50)]
    found = convert_table([file_of(lines)], sink=MemorySink(), options=ConvertOptions())
    assert [column.name for column in found.columns] == ["pk", "x", "y"]


def test_a_failing_sink_leaves_nothing_behind() -> None:
    class Full(MemorySink):
        def create(self, name: str) -> Any:
            if self.files:
                raise OSError("no space left on device")
            return super().create(name)

    sink = Full()
    files = [file_of([line(n, x={"S": "x" * 999}) for n in range(9000)], f"{n}.gz") for n in range(4)]
    with pytest.raises(OSError, match="no space"):
        convert_table(
            files, sink=sink, options=ConvertOptions(workers=1, part_bytes=1, memory_bytes=1, chunk_bytes=99_999)
        )
    assert not sink.files and not sink.open_names
