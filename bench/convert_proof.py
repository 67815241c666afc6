"""That the converted table has the items' values: item by item against boto3 on a sample, by count and hash in all.

The hash of a table is the sum of its rows' hashes, so the order of rows makes no difference. Both sides are brought to one
plain form by code that shares nothing with the converter but the list of columns.

Speed is `convert.py`.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import random
import sys
from collections.abc import Iterator, Sequence
from decimal import Context, Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from boto3.dynamodb.types import TypeDeserializer

from rds_lake.convert.local.plan import build_plan
from rds_lake.convert.rules.columns import Column, Kind, Rules
from rds_lake.convert.rules.tree import from_plain

_SAMPLE = 2000
_WRAP = 2**64
_EXACT = Context(prec=200)


def prove(folder: Path, out: Path, schema: Path, keys: Sequence[str]) -> str:
    """Says what was compared. Raises AssertionError if anything differs."""
    columns = build_plan(from_plain(json.loads(schema.read_text(encoding="utf-8"))), Rules()).columns
    count, total, sample = 0, 0, dict[str, Any]()
    chance = random.Random(1)
    for item in items_of(folder):
        plain = {one.original: of_item(item.get(one.original), one) for one in columns}
        assert set(item) <= set(plain), f"attributes without a column: {set(item) - set(plain)}"
        count, total = count + 1, (total + hashed(plain)) % _WRAP
        if len(sample) < _SAMPLE and chance.random() < 0.01:
            sample[json.dumps([item[key] for key in keys])] = item
    rows, found, compared = 0, 0, 0
    for row in rows_of(out):
        plain = {one.original: of_row(row.get(one.name), one) for one in columns}
        rows, found = rows + 1, (found + hashed(plain)) % _WRAP
        key = json.dumps([_key(plain[key]) for key in keys])
        if (item := sample.pop(key, None)) is not None:
            assert plain == {one.original: of_boto3(item.get(one.original), one) for one in columns}, key
            compared += 1
    assert (rows, found) == (count, total), f"{rows} rows with hash {found} of {count} items with hash {total}"
    assert not sample, f"{len(sample)} items of the sample are missing"
    return f"{rows:,} rows equal by count and hash, {compared:,} of them item by item against TypeDeserializer"


def items_of(folder: Path) -> Iterator[dict[str, Any]]:
    for name in sorted(folder.glob("*.json.gz")):
        with gzip.open(name) as lines:
            for line in lines:
                yield json.loads(line)["Item"]


def rows_of(out: Path) -> Iterator[dict[str, Any]]:
    for name in sorted(out.glob("*.parquet")):
        for batch in pq.ParquetFile(name).iter_batches(5000):
            yield from batch.to_pylist()


def hashed(plain: dict[str, Any]) -> int:
    text = repr(sorted(plain.items())).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big")


def _key(value: Any) -> dict[str, Any]:
    return {"N": value[1:]} if value.startswith("#") else {"S": value}


def number(text: Any) -> str:
    """One text for all ways to write a number; `#` tells it from a text."""
    found = _EXACT.normalize(Decimal(text))
    return f"#{found or 0:f}"


def of_item(value: Any, column: Column) -> Any:
    """A typed value of an export line in plain form."""
    if value is None or "NULL" in value:
        return None
    if column.kind in (Kind.MIXED, Kind.RAW):
        return as_json(value)
    ((tag, content),) = value.items()
    if tag == "M":
        return {one.original: of_item(content.get(one.original), one) for one in column.below}
    if tag == "L":
        return [of_item(one, column.below[0]) for one in content]
    if tag in ("SS", "NS", "BS"):
        return sorted(of_item({tag[0]: one}, column.below[0]) for one in content)
    return number(content) if tag == "N" else base64.b64decode(content) if tag == "B" else content


def as_json(value: Any) -> Any:
    ((tag, content),) = value.items()
    if tag == "M":
        return {name: as_json(below) for name, below in sorted(content.items())}
    if tag == "L":
        return [as_json(below) for below in content]
    if tag == "NS":
        return [number(one) for one in content]
    return number(content) if tag == "N" else None if tag == "NULL" else content


def of_row(value: Any, column: Column) -> Any:
    """A value of a Parquet row in plain form."""
    if value is None:
        return None
    match column.kind:
        case Kind.MIXED | Kind.RAW:
            return from_json(json.loads(value, parse_float=number, parse_int=number))
        case Kind.STRUCT:
            return {one.original: of_row(value.get(one.name), one) for one in column.below}
        case Kind.LIST:
            found = [of_row(one, column.below[0]) for one in value]
            return sorted(found) if column.tag != "L" else found
        case Kind.NUMBER:
            return number(value)
        case _:
            return value


def from_json(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: from_json(below) for name, below in sorted(value.items())}
    return [from_json(below) for below in value] if isinstance(value, list) else value


def of_boto3(value: Any, column: Column) -> Any:
    """What TypeDeserializer makes of a value, in plain form."""
    if value is None:
        return None
    if column.kind in (Kind.MIXED, Kind.RAW):
        return as_json(value) if "NULL" not in value else None
    return _plain(TypeDeserializer().deserialize(_decoded(value)), column)


def _plain(value: Any, column: Column) -> Any:
    if isinstance(value, Decimal):
        return number(value)
    if isinstance(value, dict):
        return {one.original: _plain(value.get(one.original), one) for one in column.below}
    if isinstance(value, set):
        return sorted(_plain(one, column.below[0]) for one in value)
    if isinstance(value, list):
        element = column.below[0]
        if element.kind is Kind.MIXED:
            return [None if one is None else number(one) if isinstance(one, Decimal) else one for one in value]
        return [_plain(one, element) for one in value]
    return bytes(value.value) if hasattr(value, "value") else value


def _decoded(value: Any) -> Any:
    """Binary as bytes, which TypeDeserializer wants."""
    ((tag, content),) = value.items()
    if tag == "B":
        return {tag: base64.b64decode(content)}
    if tag == "BS":
        return {tag: [base64.b64decode(one) for one in content]}
    if tag == "M":
        return {tag: {name: _decoded(below) for name, below in content.items()}}
    return {tag: [_decoded(below) for below in content]} if tag == "L" else value


if __name__ == "__main__":
    print(prove(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4:]))
