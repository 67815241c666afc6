"""The other formats hold the same values."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pyarrow.orc
import pyarrow.parquet as pq

from rds_lake.convert.local.table import convert_table
from rds_lake.convert.rules.converted import Converted
from rds_lake_tests.convert.reading import Item, differences, options_of
from rds_lake_tests.fakes.sinks import MemorySink, file_of

ITEMS: list[Item] = [
    {"pk": {"S": "0"}, "n": {"N": "1.50"}, "m": {"M": {"A": {"S": 'x"y'}, "l": {"L": [{"N": "1"}, {"NULL": True}]}}}},
    {"pk": {"S": "1"}, "n": {"N": "2"}, "b": {"B": "aGk="}, "s": {"SS": ["a,b", "c\n"]}, "t": {"BOOL": True}},
    {"pk": {"S": "2"}, "x": {"S": ""}, "b": {"B": ""}, "mixed": {"N": "7"}},
    {"pk": {"S": "3"}, "mixed": {"S": "7"}, "e": {"S": 'é, "😀"\n'}},
]


def converted(form: Any) -> tuple[Converted, list[bytes]]:
    sink = MemorySink()
    files = [file_of([json.dumps({"Item": one})], f"{n}.gz") for n, one in enumerate(ITEMS)]
    found = convert_table(files, sink=sink, options=options_of(format=form, keys=["pk"]))
    assert sum(file.rows for file in found.files) == len(ITEMS)
    return found, [sink.files[file.name] for file in found.files]


def test_orc_holds_what_parquet_holds() -> None:
    found, files = converted("orc")
    tables = [pyarrow.orc.ORCFile(io.BytesIO(one)).read() for one in files]
    assert not differences(ITEMS, pyarrow.concat_tables(tables), found)


def test_lines_of_json_have_the_columns_names_and_leave_out_what_is_null() -> None:
    found, files = converted("json")
    rows = [json.loads(line) for one in files for line in one.decode().splitlines()]
    assert sorted(rows, key=lambda row: row["pk"]) == [
        {"pk": "0", "n": 1.5, "m": {"a": 'x"y', "l": [1, None]}},
        {"pk": "1", "n": 2, "b": "aGk=", "s": ["a,b", "c\n"], "t": True},
        {"pk": "2", "x": "", "b": "", "mixed": 7},
        {"pk": "3", "mixed": "7", "e": 'é, "😀"\n'},
    ]
    assert {column.name: column.hive for column in found.columns}["m"] == "struct<a:string,l:array<bigint>>"


def test_csv_has_one_header_and_nested_values_as_json() -> None:
    found, files = converted("csv")
    rows = {row["pk"]: row for one in files for row in csv.DictReader(io.StringIO(one.decode()))}
    assert json.loads(rows["0"]["m"]) == {"A": 'x"y', "l": [1, None]}
    assert json.loads(rows["1"]["s"]) == ["a,b", "c\n"]
    assert (rows["1"]["b"], rows["0"]["n"], rows["3"]["mixed"], rows["3"]["e"]) == ("aGk=", "1.50", '"7"', 'é, "😀"\n')
    assert {column.hive for column in found.columns} == {"string", "decimal(38,2)", "boolean"}


def test_zstd_and_statistics_of_keys_are_in_the_parquet_files() -> None:
    sink = MemorySink()
    files = [file_of([json.dumps({"Item": one}) for one in ITEMS])]
    found = convert_table(files, sink=sink, options=options_of(keys=["pk"], compression="zstd"))
    group = pq.ParquetFile(io.BytesIO(sink.files[found.files[0].name])).metadata.row_group(0)
    key = next(group.column(place) for place in range(group.num_columns) if group.column(place).path_in_schema == "pk")
    assert (key.compression, key.statistics.min, key.statistics.max) == ("ZSTD", "0", "3")
