"""DynamoDB's tables with their history: every write that moto executes is recorded, by any operation.

After moto has answered a write, the items of the keys in the request are compared with the log. For PartiQL, imports and restores,
whole tables are compared. Writes are answered one at a time, so that the log has the table's order.

What belongs here: which requests write which items. The log itself is `log.py`, point-in-time recovery `recovery.py`.
"""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from rds_lake.localcloud.dynamodb.log import Change, ItemLog, Version
from rds_lake.localcloud.dynamodb.moto_dynamodb import MotoTable, find_table, list_tables
from rds_lake.localcloud.http.app import Answer, LocalCloudApp, RequestContext
from rds_lake.localcloud.http.clock import Clock

TARGET = "DynamoDB_20120810."
Json = dict[str, Any]
_Moto = Callable[[], Answer]
_STATEMENTS = ("ExecuteStatement", "BatchExecuteStatement", "ExecuteTransaction")


@dataclass(slots=True, kw_only=True)
class TableRecord:
    """A table from its creation to its deletion; a later table with the same name has another record."""

    name: str
    region: str
    arn: str
    made: datetime
    key_names: tuple[str, ...]
    # `made` by the local cloud's clock, in microseconds.
    created: int
    table_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    log: ItemLog = field(default_factory=ItemLog)
    # The time (microseconds) since when point-in-time recovery has been on without a break; None: it is off.
    recovery_since: int | None = None
    recovery_days: int = 35


class Tables:
    """Every table, by Region and name."""

    def __init__(self, app: LocalCloudApp, clock: Clock) -> None:
        self._clock = clock
        self._records: dict[tuple[str, str], TableRecord] = {}
        # Held to read or write a table: moto's tables cannot be read while they are written to.
        self.lock = threading.RLock()
        around = app.json_around
        for operation, keys in _WRITES.items():
            around[TARGET + operation] = self._writing(keys)
        for operation in _STATEMENTS:
            around[TARGET + operation] = self._statement
        around[TARGET + "DescribeTable"] = self._described("Table")
        around[TARGET + "CreateTable"] = self._described("TableDescription")

    def reset(self) -> None:
        """Forget every table."""
        with self.lock:
            self._records = {}

    def find(self, region: str, name: str) -> TableRecord | None:
        """Returns the record of the table of a name or ARN, with every change until now; None if the table does not exist."""
        with self.lock:
            table = find_table(region, name)
            if table is None:
                return None
            record = self._record(table)
            self._compare(table, record)
            return record

    def items_as_of(self, record: TableRecord, moment: int) -> list[tuple[str, Version]]:
        """Returns key and version of every item that the table had just before a time."""
        with self.lock:
            return list(record.log.as_of(moment))

    def changes(self, record: TableRecord, start: int, end: int) -> list[Change]:
        """Returns the changes from `start` on and before `end`, one for each item."""
        with self.lock:
            return list(record.log.changes(start, end))

    def _record(self, table: MotoTable) -> TableRecord:
        """Returns the record of a table; a new record begins with the table's present items."""
        record = self._records.get((table.region, table.name))
        if record is None or record.made != table.made:
            record = TableRecord(
                name=table.name,
                region=table.region,
                arn=table.arn,
                made=table.made,
                key_names=table.key_names,
                created=self._clock.stamp(),
            )
            self._records[table.region, table.name] = record
            self._compare(table, record)
        return record

    def _compare(self, table: MotoTable, record: TableRecord) -> None:
        """Record every difference between table and log, as a change at the present time."""
        present = {item.key: item for item in table.items()}
        for key, item in present.items():
            record.log.record(key, item, self._clock.stamp)
        for key in record.log.missing(present):
            record.log.record(key, None, self._clock.stamp)

    def _writing(self, keys_of: Callable[[Json], Iterator[tuple[str, Json]]]) -> Any:
        def write(context: RequestContext, body: Json, moto: _Moto) -> Answer:
            with self.lock:
                # Before the write, because a new record begins with the present items of the table, without this write.
                for name in {name for name, _ in keys_of(body)}:
                    self._known(context.region, name)
                answer = moto()
                if answer.ok:
                    self._note(context.region, keys_of(body))
                return answer

        return write

    def _known(self, region: str, name: str) -> None:
        table = find_table(region, name)
        if table is not None:
            self._record(table)

    def _note(self, region: str, written: Iterable[tuple[str, Json]]) -> None:
        """Compare the items of these keys with the log."""
        for name, attributes in written:
            table = find_table(region, name)
            key = table.key_of(attributes) if table is not None else None
            if table is not None and key is not None:
                self._record(table).log.record(key, table.find(attributes), self._clock.stamp)

    def _statement(self, context: RequestContext, body: Json, moto: _Moto) -> Answer:
        """The items that a PartiQL statement writes are not known, so every table that it may write is compared."""
        statements = [entry["Statement"] for entry in body.get("Statements") or body.get("TransactStatements") or []]
        text = " ".join([*statements, body.get("Statement", "")])
        with self.lock:
            meant = [table for table in list_tables(context.region) if table.name in text]
            for table in meant:
                self._record(table)
            answer = moto()
            for table in meant:
                self._compare(table, self._record(table))
            return answer

    def _described(self, key: str) -> Any:
        def describe(context: RequestContext, body: Json, moto: _Moto) -> Answer:
            with self.lock:
                answer = moto()
                table = find_table(context.region, body.get("TableName", "")) if answer.ok else None
                if table is not None:
                    record, shown = self._record(table), json.loads(answer.body)
                    shown[key] |= {
                        "TableId": record.table_id,
                        "TableSizeBytes": record.log.size(),
                        "CreationDateTime": record.created / 1_000_000,
                    }
                    # AWS leaves this out for a table that was never switched to on-demand.
                    if shown[key].get("BillingModeSummary", {}).get("BillingMode") == "PROVISIONED":
                        del shown[key]["BillingModeSummary"]
                    answer.replace_body(json.dumps(shown).encode())
                return answer

        return describe


def _put(body: Json) -> Iterator[tuple[str, Json]]:
    yield body.get("TableName", ""), body.get("Item", {})


def _keyed(body: Json) -> Iterator[tuple[str, Json]]:
    yield body.get("TableName", ""), body.get("Key", {})


def _batch(body: Json) -> Iterator[tuple[str, Json]]:
    for name, requests in body.get("RequestItems", {}).items():
        for request in requests:
            yield name, request.get("PutRequest", {}).get("Item") or request.get("DeleteRequest", {}).get("Key") or {}


def _transaction(body: Json) -> Iterator[tuple[str, Json]]:
    for action in body.get("TransactItems", []):
        for part in action.values():
            yield part.get("TableName", ""), part.get("Item") or part.get("Key") or {}


_WRITES: dict[str, Callable[[Json], Iterator[tuple[str, Json]]]] = {
    "PutItem": _put,
    "UpdateItem": _keyed,
    "DeleteItem": _keyed,
    "BatchWriteItem": _batch,
    "TransactWriteItems": _transaction,
}
