"""Many loads: never more at once than the run may have, and none is forgotten."""

from rds_lake.model.warehouse.plan import Column, FileFormat, Files, Load, LoadBy
from rds_lake.model.warehouse.record import PieceState
from rds_lake.stages.warehouse.work.advance import advance
from rds_lake_tests.stages.warehouse.running import Running, plan_of, record_of


def test_no_more_loads_run_at_once_than_they_may_and_all_come_to_an_end(running: Running) -> None:
    running.put("in/a.txt", b"1\n2\n")
    files = Files(uris=("s3://acme-lake/in/a.txt",), format=FileFormat.TEXT, columns=(Column(name="n", type="int"),))
    record = record_of(plan_of(*(Load(name=f"t{number}", origin=files, by=LoadBy.COPY) for number in range(8))))
    most = 0
    for _ in range(60):
        record = advance(record, running.target, running.context(parallel=3, wait_seconds=5))
        active = [one for one in running.context().data.named("rds-lake/") if one.is_active]
        at_once = sum(piece.state is PieceState.RUNNING for piece in record.pieces)
        most = max(most, at_once)
        assert len(active) <= 3 and at_once <= 3
        if all(piece.has_ended for piece in record.pieces):
            break
    assert most == 3 and {(piece.state, piece.rows) for piece in record.pieces} == {(PieceState.DONE, 2)}
