"""DynamoDB's tables as moto stores them: their items as DynamoDB JSON, and repairs of moto's errors.

moto stores binary values as bytes at the top of an item, and as base64 inside nested values. Here all values are JSON.
`test_scan.py` shows what bare moto does.

What belongs here: moto's DynamoDB models. The history of items is `log.py`.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from moto.dynamodb import dynamodb_backends
from moto.dynamodb.exceptions import ResourceNotFoundException
from moto.dynamodb.models.dynamo_type import DynamoType, Item
from moto.dynamodb.models.table import Table

from rds_lake.localcloud.http.account import ACCOUNT

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredItem:
    """An item and its key as compact DynamoDB JSON. `size`: bytes, as DynamoDB counts them."""

    key: str
    image: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MotoTable:
    """A table in moto. `made`, the time it was created, distinguishes it from another of the same name."""

    name: str
    region: str
    arn: str
    key_names: tuple[str, ...]
    made: datetime
    table: Table

    def find(self, key: Mapping[str, Any]) -> StoredItem | None:
        """Returns the item of a request's key; None if it does not exist, or if the key does not fit this table."""
        if any(name not in key for name in self.key_names):
            return None
        hash_key, *range_key = (DynamoType(_from_wire(key[name])) for name in self.key_names)
        item = self.table.get_item(hash_key, range_key[0] if range_key else None)
        # Looking up a missing partition in moto's dictionaries would create it, without range keys.
        return self._stored(item) if isinstance(item, Item) else None

    def key_of(self, attributes: Mapping[str, Any]) -> str | None:
        """Returns the key in an item or key of a request; None if it has none."""
        if any(name not in attributes for name in self.key_names):
            return None
        return _compact({name: _plain(DynamoType(_from_wire(attributes[name]))) for name in self.key_names})

    def items(self) -> Iterator[StoredItem]:
        """Returns every item, in no particular order."""
        return (self._stored(item) for item in self.table.all_items())

    def page_size(self, request: Json, scanned: int) -> int:
        """Returns the bytes of the items that a Scan has read for a page of this many, with those that a filter left out."""
        return sum(item.size() for item in itertools.islice(self._scanned(request), scanned))

    def page(self, request: Json, most_bytes: int) -> tuple[list[StoredItem], bool]:
        """Returns the items of a Scan's page, and whether it was cut: by its limit, also at the very end, or by its size."""
        page: list[StoredItem] = []
        limit, size = request.get("Limit"), 0
        for item in self._scanned(request):
            size += item.size()
            if page and size > most_bytes:
                return page, True
            page.append(self._stored(item))
            if len(page) == limit:
                return page, True
        return page, False

    def _scanned(self, request: Json) -> Iterator[Item]:
        """Returns the items of a Scan's segment from its start key on, in moto's order."""
        segments, start = (request.get("Segment"), request.get("TotalSegments")), request.get("ExclusiveStartKey")
        names: tuple[list[str], list[str | None]] = ([self.table.hash_key_attr], [self.table.range_key_attr])
        after = {name: _from_wire(value) for name, value in start.items()} if start else None
        for item in self.table.all_items():
            if not item.is_within_segment(segments):  # type: ignore[arg-type]
                continue
            if after is not None and self.table._item_comes_before_dct(item, after, *names, True):
                continue
            after = None
            yield item

    def _stored(self, item: Item) -> StoredItem:
        image = {name: _plain(value) for name, value in item.attrs.items()}
        key = {name: image[name] for name in self.key_names}
        return StoredItem(key=_compact(key), image=_compact(image), size=item.size())


def find_table(region: str, name: str) -> MotoTable | None:
    """Returns the table of a name or ARN; None if it does not exist."""
    try:
        return _described(region, dynamodb_backends[ACCOUNT][region].get_table(name))
    except ResourceNotFoundException:
        return None


def list_tables(region: str) -> Iterable[MotoTable]:
    """Returns every table of a Region."""
    return [_described(region, table) for table in list(dynamodb_backends[ACCOUNT][region].tables.values())]


def apply_dynamodb_fixes() -> None:
    """Let moto assign any key to a segment of a Scan; without this it fails for binary keys. Safe to repeat."""
    if getattr(Item.is_within_segment, "rds_lake", False):
        return

    def is_within_segment(self: Item, segments: tuple[int | None, int | None]) -> bool:
        segment, total = segments
        if segment is None or total is None:
            return True
        digest = hashlib.md5(_compact(_plain(self.hash_key)).encode(), usedforsecurity=False).digest()
        return int.from_bytes(digest[:8], "big") % total == segment

    is_within_segment.rds_lake = True  # type: ignore[attr-defined]
    Item.is_within_segment = is_within_segment  # type: ignore[method-assign]


def _described(region: str, table: Table) -> MotoTable:
    return MotoTable(
        name=table.name,
        region=region,
        arn=table.table_arn,
        key_names=tuple(table.table_key_attrs),
        made=table.created_at,
        table=table,
    )


def _plain(value: Any) -> Json:
    """Returns a value as DynamoDB JSON, binary values in base64."""
    kind, inner = (value.type, value.value) if isinstance(value, DynamoType) else next(iter(value.items()))
    if kind == "M":
        return {kind: {name: _plain(item) for name, item in inner.items()}}
    if kind == "L":
        return {kind: [_plain(item) for item in inner]}
    if kind in ("SS", "NS", "BS"):
        return {kind: [_text(item) for item in inner]}
    return {kind: _text(inner) if kind == "B" else inner}


def _text(value: Any) -> Any:
    return base64.b64encode(value).decode() if isinstance(value, bytes | bytearray) else value


def _from_wire(value: Json) -> Json:
    """Returns a key's value as moto keeps it: binary values as bytes."""
    ((kind, inner),) = value.items()
    return {kind: base64.b64decode(inner) if kind == "B" and isinstance(inner, str) else inner}


def _compact(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
