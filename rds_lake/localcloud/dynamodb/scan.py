"""Scan: its real consumed capacity (moto says 1.0 whatever was read), and quick answers to scans without expressions.

Half a read unit per 4 KB of items read, a whole one for consistent reads; items that a filter leaves out are read too.
moto takes a millisecond per item, so it answers only scans with expressions.

What belongs here: Scan. Items and segments are `moto_dynamodb.py`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from rds_lake.localcloud.dynamodb.moto_dynamodb import MotoTable, find_table
from rds_lake.localcloud.dynamodb.tables import TARGET, Tables
from rds_lake.localcloud.http.app import Answer, LocalCloudApp, RequestContext

_UNIT_BYTES = 4096
_PAGE_BYTES = 1_000_000
_CAPACITIES = ("NONE", "TOTAL", "INDEXES")
_PLAIN = {
    "TableName",
    "Limit",
    "ExclusiveStartKey",
    "Segment",
    "TotalSegments",
    "ConsistentRead",
    "ReturnConsumedCapacity",
    "Select",
}
Json = dict[str, Any]


def add_scan(app: LocalCloudApp, tables: Tables) -> None:
    """Answer Scan here."""

    def scan(context: RequestContext, body: Json, moto: Callable[[], Answer]) -> Answer:
        # moto's tables cannot be read while they are written to.
        with tables.lock:
            return _scan(context, body, moto)

    app.json_around[TARGET + "Scan"] = scan


def read_units(size: int, *, consistent: bool) -> float:
    """Returns the read units that one read of this many bytes consumes."""
    blocks = max(1, -(-size // _UNIT_BYTES))
    return blocks * (1.0 if consistent else 0.5)


def _scan(context: RequestContext, body: Json, moto: Callable[[], Answer]) -> Answer:
    table = find_table(context.region, body.get("TableName", ""))
    # Scans of indexes are left to moto, and so is every refusal.
    if table is None or "IndexName" in body or not _is_sound(body):
        return moto()
    if set(body) <= _PLAIN and body.get("Select", "ALL_ATTRIBUTES") == "ALL_ATTRIBUTES":
        return _plain(table, body)
    answer = moto()
    if answer.ok and body.get("ReturnConsumedCapacity", "NONE") != "NONE":
        shown = json.loads(answer.body)
        size = table.page_size(body, shown["ScannedCount"])
        answer.replace_body(json.dumps(shown | _consumed(table.name, body, size)).encode())
    return answer


def _plain(table: MotoTable, body: Json) -> Answer:
    """Returns a page of whole items, and the last one's key if there may be more."""
    items, cut = table.page(body, _PAGE_BYTES)
    size = sum(item.size for item in items)
    shown: Json = {"Count": len(items), "ScannedCount": len(items)} | _consumed(table.name, body, size)
    parts = [f'"Items":[{",".join(item.image for item in items)}]']
    parts += [f'"LastEvaluatedKey":{items[-1].key}'] if cut else []
    content = f"{json.dumps(shown)[:-1]},{','.join(parts)}}}".encode()
    headers = [("Content-Type", "application/x-amz-json-1.0"), ("Content-Length", str(len(content)))]
    return Answer(status="200 OK", headers=headers, body=content)


def _consumed(name: str, body: Json, size: int) -> Json:
    detail = body.get("ReturnConsumedCapacity", "NONE")
    if detail == "NONE":
        return {}
    units = read_units(size, consistent=body.get("ConsistentRead", False))
    of_table = {"Table": {"CapacityUnits": units}} if detail == "INDEXES" else {}
    return {"ConsumedCapacity": {"TableName": name, "CapacityUnits": units} | of_table}


def _is_sound(body: Json) -> bool:
    """Whether moto would accept everything in the request except its expressions."""
    segment, total = body.get("Segment"), body.get("TotalSegments")
    fits = segment is None if total is None else segment is not None and 0 <= segment < total
    return fits and body.get("Limit", 1) >= 1 and body.get("ReturnConsumedCapacity", "NONE") in _CAPACITIES
