"""Reads converted files back, and brings boto3's reading of the same items to the documented form."""

from __future__ import annotations

import io
import json
from base64 import b64decode
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from boto3.dynamodb.types import Binary, TypeDeserializer

from rds_lake.convert.local.table import ConvertOptions, convert_table
from rds_lake.convert.rules.converted import Converted
from rds_lake.convert.rules.names import column_names, path_to
from rds_lake_tests.fakes.sinks import MemorySink, file_of

Item = dict[str, Any]


def convert(files: Sequence[Sequence[Item]], **options: Any) -> tuple[Converted, pa.Table]:
    """The result of converting the files to Parquet, and all rows."""
    sink = MemorySink()
    inputs = [
        file_of(
            [json.dumps({"Item": item}, ensure_ascii=False, separators=(",", ":")) for item in items], f"{n}.json.gz"
        )
        for n, items in enumerate(files)
    ]
    found = convert_table(inputs, sink=sink, options=options_of(**options))
    assert not sink.open_names
    assert sorted(sink.files) == [file.name for file in found.files]
    return found, read(sink, found)


def options_of(**options: Any) -> ConvertOptions:
    """Options with two workers, if the test does not set another number."""
    defaults: dict[str, Any] = {"workers": 2}
    return ConvertOptions(**defaults | options)


def read(sink: MemorySink, found: Converted) -> pa.Table:
    """All rows of all files; columns that a file lacks are null, as Athena has it."""
    tables = [pq.ParquetFile(io.BytesIO(sink.files[file.name])).read() for file in found.files]
    for table, file in zip(tables, found.files, strict=True):
        assert table.num_rows == file.rows
    return pa.concat_tables(tables, promote_options="default") if tables else pa.table({})


def differences(items: Iterable[Item], table: pa.Table, found: Converted, key: str = "pk") -> list[str]:
    """The differences between the rows and what boto3's TypeDeserializer returns for the items."""
    text = {path for path, _ in found.text}
    rows = {row[key]: row for row in table.to_pylist()}
    wanted = {item[key]["S"]: item for item in items}
    if set(rows) != set(wanted) or len(rows) != table.num_rows:
        return [f"rows of {sorted(rows)} instead of {sorted(wanted)}"]
    schema = pa.struct(list(table.schema))
    names = _names(list(wanted.values()))
    return [
        f"{name}: {problem}"
        for name, item in wanted.items()
        for problem in _differ({"M": item}, rows[name], schema, "", text, names)
    ]


def _names(items: Sequence[Item]) -> dict[str, dict[str, str]]:
    """The column names below each path, from all attributes that occur there."""
    seen: dict[str, set[str]] = {}

    def walk(value: Item, path: str) -> None:
        ((tag, content),) = value.items()
        if tag == "M":
            seen.setdefault(path, set()).update(content)
            for name, below in content.items():
                walk(below, path_to(path, name))
        elif tag == "L":
            for below in content:
                walk(below, path + "[]")

    for item in items:
        walk({"M": item}, "")
    return {path: column_names(names) for path, names in seen.items()}


def _differ(value: Item | None, got: Any, type_: pa.DataType, path: str, text: set[str], names: Any) -> list[str]:
    if value is None or "NULL" in value:
        return [] if got is None else [f"{path} is {got!r} instead of null"]
    if path in text:
        return _same(
            path, _plain(value), None if got is None else json.loads(got, parse_float=Decimal, parse_int=Decimal)
        )
    if isinstance(type_, pa.StructType):
        if got is None:
            return [f"{path} is null instead of {value!r}"]
        found: list[str] = []
        for original, name in names.get(path, {}).items():
            below = value["M"].get(original)
            place = type_.get_field_index(name)
            if place < 0:
                found += [f"{path}.{original} has no field"]
                continue
            inner = path_to(path, original)
            found += _differ(below, got[name], type_.field(place).type, inner, text, names)
        return found
    if isinstance(type_, pa.ListType) and "L" in value:
        if got is None or len(got) != len(value["L"]):
            return [f"{path} is {got!r} instead of {value!r}"]
        pairs = zip(value["L"], got, strict=True)
        return [
            one for wanted, had in pairs for one in _differ(wanted, had, type_.value_type, path + "[]", text, names)
        ]
    wanted = _value(TypeDeserializer().deserialize(_bytes(value)))
    if isinstance(wanted, set | frozenset):
        return _same(path, sorted(wanted), None if got is None else sorted(_number_like(wanted, one) for one in got))
    return _same(path, wanted, _number_like([wanted], got))


def _same(path: str, wanted: Any, got: Any) -> list[str]:
    same = wanted == got and (type(wanted) is type(got) or (isinstance(wanted, Decimal) and not isinstance(got, bool)))
    return [] if same else [f"{path} is {got!r} instead of {wanted!r}"]


def _number_like(wanted: Iterable[Any], got: Any) -> Any:
    """Numbers that are text are compared as numbers."""
    if isinstance(got, str) and any(isinstance(one, Decimal) for one in wanted):
        return Decimal(got)
    return got


def _value(found: Any) -> Any:
    if isinstance(found, Binary):
        return bytes(found.value)  # pyright: ignore[reportAttributeAccessIssue]
    if isinstance(found, set):
        return {_value(one) for one in found}
    return found


def _bytes(value: Item) -> Any:
    """TypeDeserializer wants bytes, DynamoDB JSON has base64."""
    ((tag, content),) = value.items()
    if tag == "B":
        return {tag: b64decode(content)}
    return {tag: [b64decode(one) for one in content]} if tag == "BS" else value


def _plain(value: Item) -> Any:
    """The documented form of JSON text: sets are lists, binary is base64."""
    ((tag, content),) = value.items()
    if tag == "M":
        return {name: _plain(below) for name, below in content.items()}
    if tag == "L":
        return [_plain(below) for below in content]
    if tag == "NULL":
        return None
    if tag not in ("N", "NS"):
        return content
    typed: Any = value
    found = TypeDeserializer().deserialize(typed)
    return found if tag == "N" else [Decimal(one) for one in content]
