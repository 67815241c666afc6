"""Metadata and tags of a warehouse's run for Dagster."""

from datetime import datetime
from typing import Any

from rds_lake.config.warehouse import WarehouseSettings
from rds_lake.model.warehouse.plan import LakeTable
from rds_lake.model.warehouse.record import Piece, PieceKind, RunRecord
from rds_lake.stages.warehouse.cost import Bill, bill_of

WAREHOUSE_TAG = "rds_lake/warehouse"
RUN_TAG = _RUN = "rds_lake/warehouse_run"


def of_failure(record: RunRecord, settings: WarehouseSettings, *, now: datetime) -> dict[str, Any]:
    """Returns the metadata of a failed run."""
    return {_RUN: record.plan.run, **_cost(bill_of(record, settings, now))}


def of_piece(record: RunRecord, piece: Piece, bill: Bill) -> dict[str, Any]:
    """Returns the metadata of a finished load, step or result."""
    shown: dict[str, Any] = {
        _RUN: record.plan.run,
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
    """Returns the cost of the whole run; pieces run at the same time, so they have no separate cost."""
    return {
        key: value
        for key, value in (
            ("rds_lake/run_rpu_seconds", bill.rpu_seconds),
            ("rds_lake/run_node_minutes", bill.node_minutes),
            ("rds_lake/run_usd_estimated", None if bill.usd is None else round(bill.usd, 4)),
        )
        if value is not None
    }
