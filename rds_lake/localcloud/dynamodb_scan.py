"""Scans cost what they read: ConsumedCapacity by size, where moto says 1.0 whatever was read.

Half a read unit per 4 KB of items read, a whole one for consistent reads; what a filter leaves out is read all the same.

What belongs here: what Scan answers beside moto's items. Segments are `moto_dynamodb.py`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from rds_lake.localcloud.app import Answer, LocalCloudApp, RequestContext
from rds_lake.localcloud.dynamodb_tables import TARGET
from rds_lake.localcloud.moto_dynamodb import find_table

_UNIT_BYTES = 4096


def add_scan(app: LocalCloudApp) -> None:
    """Answer Scan with the capacity it consumed, where a request asks for it."""
    app.json_around[TARGET + "Scan"] = _scan


def read_units(size: int, *, consistent: bool) -> float:
    """Read units that reading so many bytes at once consumes."""
    blocks = max(1, -(-size // _UNIT_BYTES))
    return blocks * (1.0 if consistent else 0.5)


def _scan(context: RequestContext, body: dict[str, Any], moto: Callable[[], Answer]) -> Answer:
    answer = moto()
    table = find_table(context.region, body.get("TableName", "")) if answer.ok else None
    if table is None or body.get("ReturnConsumedCapacity", "NONE") == "NONE":
        return answer
    units = read_units(table.page_size(body), consistent=body.get("ConsistentRead", False))
    shown = json.loads(answer.body)
    consumed: dict[str, Any] = {"TableName": table.name, "CapacityUnits": units}
    if body["ReturnConsumedCapacity"] == "INDEXES":
        of_table = 0.0 if "IndexName" in body else units
        consumed["Table"] = {"CapacityUnits": of_table}
        if "IndexName" in body:
            consumed["GlobalSecondaryIndexes"] = {body["IndexName"]: {"CapacityUnits": units}}
    answer.replace_body(json.dumps(shown | {"ConsumedCapacity": consumed}).encode())
    return answer
