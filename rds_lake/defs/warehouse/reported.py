"""What Dagster shows of an ended run of a warehouse: materializations with metadata, and checks.

Every key of metadata of warehouses is written here.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import dagster as dg

from rds_lake.config.warehouse import LoadOfTable, WarehouseSettings
from rds_lake.defs.warehouse.specs import ROWS_CHECK, piece_key
from rds_lake.model.warehouse.plan import LakeTable, Load
from rds_lake.model.warehouse.record import Piece, PieceKind, PieceState, RunRecord
from rds_lake.stages.warehouse.cost import Bill, bill_of

Event = dg.MaterializeResult
# Rows of a table of the lake by its manifest; None where nobody knows them any more.
Counted = Mapping[str, int | None]


def reported(record: RunRecord, settings: WarehouseSettings, counted: Counted, *, now: datetime) -> Iterator[Event]:
    """A materialization for each piece that is done and has an asset."""
    own = {load.table_name for load in settings.loads}
    results = {result.name for result in settings.unload}
    bill = bill_of(record, settings, now)
    for piece in record.pieces:
        if piece.state is not PieceState.DONE:
            continue
        # A table or result that only a JSON named has no asset.
        if (piece.kind is PieceKind.LOAD and piece.name not in own) or (
            piece.kind is PieceKind.UNLOAD and piece.name not in results
        ):
            continue
        yield dg.MaterializeResult(
            asset_key=piece_key(settings, piece.name),
            metadata=_shown(record, piece, bill),
            check_results=list(_checks(settings, piece, counted)),
        )


def failure_metadata(record: RunRecord, settings: WarehouseSettings, *, now: datetime) -> dict[str, Any]:
    """Of the failure of a run."""
    return {"rds_lake/warehouse_run": record.plan.run, **_cost(bill_of(record, settings, now))}


def lake_tables(record: RunRecord) -> list[Load]:
    """The loads of tables of the lake that are done."""
    done = {piece.name for piece in record.pieces if piece.kind is PieceKind.LOAD and piece.state is PieceState.DONE}
    return [load for load in record.plan.loads if isinstance(load.origin, LakeTable) and load.name in done]


def _shown(record: RunRecord, piece: Piece, bill: Bill) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "rds_lake/warehouse_run": record.plan.run,
        "rds_lake/asked_by": record.cause,
        "dagster/row_count": piece.rows,
        "rds_lake/bytes": piece.bytes,
        "rds_lake/seconds": piece.seconds,
        "rds_lake/notes": "\n".join(piece.notes) or None,
    }
    for load in record.plan.loads:
        if piece.kind is PieceKind.LOAD and load.name == piece.name:
            shown["rds_lake/loaded_by"] = load.by.value
            if isinstance(load.origin, LakeTable):
                shown["rds_lake/snapshot_date"] = load.origin.snapshot_date.isoformat()
    if piece.kind is PieceKind.UNLOAD:
        shown |= {"dagster/uri": piece.files[0] if len(piece.files) == 1 else None, "rds_lake/files": len(piece.files)}
        shown["rds_lake/published"] = list(piece.files[:20]) or None
    return {key: value for key, value in (shown | _cost(bill)).items() if value is not None}


def _cost(bill: Bill) -> dict[str, Any]:
    """Of the whole run: pieces run beside each other, so none has a cost of its own."""
    return {
        key: value
        for key, value in (
            ("rds_lake/run_rpu_seconds", bill.rpu_seconds),
            ("rds_lake/run_node_minutes", bill.node_minutes),
            ("rds_lake/run_usd_estimated", None if bill.usd is None else round(bill.usd, 4)),
        )
        if value is not None
    }


def _checks(settings: WarehouseSettings, piece: Piece, counted: Counted) -> Iterator[dg.AssetCheckResult]:
    checked = {load.table_name for load in settings.loads if isinstance(load, LoadOfTable)}
    if piece.kind is not PieceKind.LOAD or piece.name not in checked:
        return
    expected = counted.get(piece.name)
    said = "the lake does not count them any more" if expected is None else f"the lake's manifest counts {expected:,}"
    yield dg.AssetCheckResult(
        asset_key=piece_key(settings, piece.name),
        check_name=ROWS_CHECK,
        passed=expected is None or expected == piece.rows,
        description=f"{piece.rows or 0:,} rows in Redshift; {said}",
    )
