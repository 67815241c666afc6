"""Reports an ended run of a warehouse to Dagster: materializations with metadata, and checks."""

from collections.abc import Iterator, Mapping
from datetime import datetime

import dagster as dg

from rds_lake.config.warehouse import LoadOfTable, WarehouseSettings
from rds_lake.defs.warehouse.metadata import of_piece
from rds_lake.defs.warehouse.specs import ROWS_CHECK, piece_key
from rds_lake.model.warehouse.plan import LakeTable, Load
from rds_lake.model.warehouse.record import Piece, PieceKind, PieceState, RunRecord
from rds_lake.stages.warehouse.cost import bill_of

Event = dg.MaterializeResult
# Rows of a table of the lake by its manifest; None if they are no longer known.
Counted = Mapping[str, int | None]


def reported(record: RunRecord, settings: WarehouseSettings, counted: Counted, *, now: datetime) -> Iterator[Event]:
    """Yields a materialization for each finished piece with an asset."""
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
            metadata=of_piece(record, piece, bill),
            check_results=list(_checks(settings, piece, counted)),
        )


def lake_tables(record: RunRecord) -> list[Load]:
    """Returns the finished loads of tables of the lake."""
    done = {piece.name for piece in record.pieces if piece.kind is PieceKind.LOAD and piece.state is PieceState.DONE}
    return [load for load in record.plan.loads if isinstance(load.origin, LakeTable) and load.name in done]


def _checks(settings: WarehouseSettings, piece: Piece, counted: Counted) -> Iterator[dg.AssetCheckResult]:
    checked = {load.table_name for load in settings.loads if isinstance(load, LoadOfTable)}
    if piece.kind is not PieceKind.LOAD or piece.name not in checked:
        return
    expected = counted.get(piece.name)
    said = "the lake's manifest no longer exists" if expected is None else f"the lake's manifest counts {expected:,}"
    yield dg.AssetCheckResult(
        asset_key=piece_key(settings, piece.name),
        check_name=ROWS_CHECK,
        passed=expected is None or expected == piece.rows,
        description=f"{piece.rows or 0:,} rows in Redshift; {said}",
    )
