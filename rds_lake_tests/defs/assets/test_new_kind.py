"""A kind of source that rds-lake does not know goes the whole way when six files know of it; here Parquet that somebody uploads.

Of those files the test's kind needs four: its settings and its run, which are new, the union in `config/source.py`, and the choice in
`stages/watch/sources.py`. Two more are generated or words: `config/lake.schema.json` and `docs/configuration.md`.
"""

import ast
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Literal

import pytest
from pydantic import Field

from rds_lake.config import source as union
from rds_lake.config.shared import SharedKeys
from rds_lake.model.exports.task import ExportTask
from rds_lake.model.lake.data_files import DataFile
from rds_lake.model.lake.manifest import Manifest, TableManifest
from rds_lake.model.lake.record import ExportRecord
from rds_lake.model.tables.table import Column, TableTarget
from rds_lake.stages.lake import handover
from rds_lake.stages.runs.accepted import AcceptedExport
from rds_lake.stages.source.stages import SharedStages
from rds_lake.stages.upkeep.own_exports import limited_to_source
from rds_lake.stages.watch import sources as choice
from rds_lake_tests.defs.shell import Shell
from rds_lake_tests.house import PACKAGE
from rds_lake_tests.support.builders import orders, parquet

ENTRY = {"name": "uploads", "kind": "upload", "folder": "inbox", "keep_export": True, "retention": {"daily": 7}}
DAY = date(2026, 11, 20)


class Upload(SharedKeys):
    """Parquet below `folder` of the lake's bucket: `<folder>/upload-<date>/`."""

    described = "Parquet that somebody uploads"
    asset_kind = "s3"
    export_asset = "What was uploaded for the date."
    parquet_asset = "The uploaded files, copied to the lake."

    kind: Literal["upload"] = Field(description="upload: Parquet that somebody uploads.")
    folder: str = Field(description="Where it is uploaded to.")


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadRun:
    """What every kind has to do by itself (`stages/source/run.py`)."""

    shared: SharedStages[Any]

    def begin(self, day: date) -> ExportTask | None:
        return None

    def accept(self, day: date, *, export_task: str | None = None, poll_seconds: float = 30) -> AcceptedExport:
        lake, source = self.shared.lake, self.shared.source
        record = ExportRecord(
            source=source.name,
            snapshot_date=day,
            snapshot_arn="arn:aws:s3:::acme-lake/inbox",
            snapshot_time=datetime(day.year, day.month, day.day, tzinfo=UTC),
            export_task=f"upload-{day}",
            bucket=lake.layout.bucket,
            folder=f"{source.folder}/upload-{day}/",
        )
        handover.write_export_record(lake.s3, lake.layout, record, kms_key=None)
        return AcceptedExport(record=record, findings=(), reused=False)

    def relocate(self, day: date) -> Manifest:
        lake, source = self.shared.lake, self.shared.source
        record = handover.get_export_record(lake.s3, lake.layout, source.name, day)
        folder = lake.layout.partition_folder(source.name, "orders", day, record.export_task)
        body, key = parquet(orders(1, 5)), f"{folder}orders.parquet"
        lake.s3.put_bytes(lake.layout.bucket, key, body, kms_key=None)
        table = TableManifest(
            target=TableTarget(database="", schema="", table="orders"),
            location=lake.layout.uri(folder),
            columns=(Column(name="id", hive_type="bigint"), Column(name="note", hive_type="string")),
            files=[DataFile(key=key, bytes=len(body), rows=5)],
        )
        manifest = Manifest(export=record, lake_bucket=lake.layout.bucket, tables=(table,))
        return handover.write_manifest(lake.s3, lake.layout, manifest, kms_key=None)


@pytest.fixture
def uploads(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.setitem(union.KINDS, "upload", Upload)  # type: ignore[arg-type] # 1: the union
    known = choice.run_of

    def run_of(config: Any, source: Any, *, rds: Any, lake: Any, log: Callable[[str], None], **others: Any) -> Any:
        if not isinstance(source, Upload):
            return known(config, source, rds=rds, lake=lake, log=log, **others)
        owned = limited_to_source(lake, config, source, rds)  # type: ignore[arg-type]
        return UploadRun(shared=SharedStages(config=config, source=source, lake=owned, log=log))  # type: ignore[type-var]

    monkeypatch.setattr(choice, "run_of", run_of)  # 2: the choice
    read = union.read_source(ENTRY, "sources.0")
    assert read.problems == ()
    shell.world.config = shell.world.config.model_copy(update={"sources": (read.settings,)})
    shell.reload()
    return shell


@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")  # of the tests' own deployment
def test_a_kind_that_four_files_know_is_published_reconciled_watched_and_pruned(uploads: Shell) -> None:
    result = uploads.materialize(str(DAY))
    assert result.success
    assert uploads.world.query("SELECT count(*), max(note) FROM orders") == [("5", "row 5")]
    checked = {evaluation.check_name: evaluation.passed for evaluation in result.get_asset_check_evaluations()}
    assert checked["source_is_watched"]
    assert checked["rows_readable"]
    assert uploads.reconcile() == []
    assert uploads.materialize(str(DAY), "retention").success


@pytest.mark.exhaustive
def test_only_two_files_must_choose_among_all_kinds() -> None:
    """All others ask for what one kind has, and leave a kind alone that they do not know."""
    chosen = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if path.relative_to(PACKAGE).parts[0] != "localcloud" and _must_know_all(ast.parse(path.read_text("utf-8")))
    }
    assert chosen == {"config/source.py", "stages/watch/sources.py"}


def _must_know_all(tree: ast.Module) -> bool:
    """Whether it names the union of all kinds, or matches a source and refuses what it does not know."""
    for node in ast.walk(tree):
        names = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
        if isinstance(node, ast.BinOp) and {"Rds", "Aurora", "DynamoDb"} <= names:
            return True
        if isinstance(node, ast.Match) and "assert_never" in names and {"Rds", "DynamoDb"} & names:
            return True
    return False
