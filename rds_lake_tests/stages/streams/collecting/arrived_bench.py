"""A table with `capture: lambda` in a lake, without a database: snapshots of it, objects that arrived, cuts, live rows, an audit."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq

from rds_lake.model.streams.collected import LAMBDA_EPOCH
from rds_lake.model.streams.drift import TableDrift
from rds_lake.model.tables.glue import PartitionSpec, TableSpec
from rds_lake.model.tables.names import AthenaTable
from rds_lake.model.tables.table import Column, TableTarget
from rds_lake.sql.changes.arrived import Moment
from rds_lake.sql.changes.chains import Between
from rds_lake.sql.changes.table import ChangedColumn, ChangedTable
from rds_lake.sql.changes.views import render_live
from rds_lake.stages.lake.lake import Lake
from rds_lake.stages.streams.collecting.collect import CollectedNow, Collector
from rds_lake.stages.streams.compaction.compact import Compactor
from rds_lake.stages.streams.cuts import forwarded
from rds_lake.stages.streams.live.audit import audit_tables
from rds_lake_tests.stages.streams.collecting.calls import Row, Rows, Sent, deliver

_COLUMNS = (("id", "bigint"), ("a", "string"), ("b", "string"))
_TYPES = {"bigint": pa.int64(), "string": pa.string()}
TARGETS = {
    "postgres": TableTarget(database="shop", schema="public", table="items"),
    "mysql": TableTarget(database="shop", schema="shop", table="items"),
}


def items(engine: str) -> ChangedTable:
    names = AthenaTable(target=TARGETS[engine], view="items", columns=tuple((name, name) for name, _ in _COLUMNS))
    columns = tuple(
        ChangedColumn(column=Column(name=name, hive_type=kind, original_type="text"), alias=name)
        for name, kind in _COLUMNS
    )
    return ChangedTable(names=names, key=("id",), columns=columns, arrives=True)


@dataclass(slots=True)
class ArrivedBench:
    """`query` asks Athena as root."""

    lake: Lake
    query: Callable[[str], list[tuple[str | None, ...]]]
    engine: str = "postgres"
    lines: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.lake.glue.ensure_database("shop", description="")
        columns = tuple((name, kind, "") for name, kind in _COLUMNS)
        spec = TableSpec(
            name="snapshots_items",
            columns=columns,
            partition_keys=(("snapshot_date", "string"),),
            location="s3://acme-lake/bench/items/",
            description="",
        )
        self.lake.glue.create_table("shop", spec)

    @property
    def table(self) -> ChangedTable:
        return items(self.engine)

    def snapshot(self, rows: Rows, at: datetime) -> Moment:
        """A date with these rows."""
        arrays = [pa.array([_value(row, name) for row in rows.values()], _TYPES[kind]) for name, kind in _COLUMNS]
        buffer = io.BytesIO()
        pq.write_table(pa.Table.from_arrays(arrays, [name for name, _ in _COLUMNS]), buffer)
        folder = f"bench/items/{at:%Y-%m-%d}/"
        self.lake.s3.put_bytes("acme-lake", f"{folder}0.parquet", buffer.getvalue(), kms_key=None)
        spec = PartitionSpec(
            values=(at.date().isoformat(),),
            location=f"s3://acme-lake/{folder}",
            columns=tuple((name, kind, "") for name, kind in _COLUMNS),
        )
        self.lake.glue.create_partitions("shop", "snapshots_items", [spec])
        return Moment(day=at.date(), epoch=LAMBDA_EPOCH, at=at)

    def deliver(self, arrived: Iterable[tuple[datetime, Sent]], *, per_object: int = 40, name: str = "a") -> int:
        return deliver(self.lake, arrived, table=str(TARGETS[self.engine]), per_object=per_object, name=name)

    def collector(self, now: datetime, **more: object) -> Collector:
        target = TARGETS[self.engine]
        home = "shop" if self.engine == "postgres" else "rds_lake"
        return Collector(
            lake=self.lake, source="shop", database=home, targets={str(target): target}, log=self.lines.append,
            now=lambda: now, **more,  # type: ignore[arg-type]
        )  # fmt: skip

    def collect(self, now: datetime, **more: object) -> CollectedNow:
        """Collect, and compact."""
        done = self.collector(now, **more).collect()
        compactor = Compactor(lake=self.lake, source="shop", log=self.lines.append)
        (record,) = forwarded(self.lake, "shop")
        (final,) = record.epochs
        compacted = compactor.compact(final, compactor.versioned([self.table]))
        assert compacted.problems == () and not compacted.unparsed
        return done

    def live(self, mark: Moment, cut: int) -> Rows:
        self.query(render_live("shop", self.table, mark, cut))
        rows = self.query("SELECT CAST(id AS varchar), a, b FROM items_live")
        found: Rows = {str(key): {"id": key, "a": a, "b": b} for key, a, b in rows}
        assert len(found) == len(rows), "a key has two rows"
        return found

    def audit(self, earlier: Moment, later: Moment, *, named: int = 10) -> TableDrift:
        between = Between(
            database="shop",
            before=self.table,
            after=self.table,
            earlier=earlier,
            later=later,
            columns=self.table.columns,
        )
        (drift,) = audit_tables(self.lake, [between], named=named)
        assert not drift.error, drift.error
        return drift


def _value(row: Row, name: str) -> object:
    value = row[name]
    return int(value) if name == "id" and value else value


DAY = timedelta(days=1)
