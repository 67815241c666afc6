"""A source's stages in order, by date, whatever its kind: what each Dagster asset calls, and what a REPL or Lambda can call.

    run = run_of(config, config.source("shop"), rds=…, dynamodb=…, lake=…, log=print)      # watch/sources.py

| stage | call | begins with | ends with, in this order |
|---|---|---|---|
| begin | `run.begin(day)` | the date's snapshot, or tables | export tasks at AWS (of DynamoDB: `<date>.begun.json`) |
| accept | `run.accept(day)` | the export, awaited until it ends | `<date>.export.json`, the accepted export |
| relocate | `run.relocate(day)` | `<date>.export.json` | Parquet in the lake, `<date>.json`: the manifest |
| catalogue | `run.shared.catalogue(day)` | the manifest | Glue's tables and partitions, read back through Athena |
| compare | `run.shared.compare_rows(day)` | this manifest and the one before | nothing: the answer is the caller's to judge |
| publish | `run.shared.publish(day, now=…)` | the manifest, Glue | the views, a row of `_snapshots`, the pointer; AWS's copy deleted |

`begin` returns within seconds, for events; `accept` also begins if nothing was begun. Records lie in
`<prefix>/_manifests/<source>/` (`lake/handover.py`). Each stage reads what the stage before it left there, never a value of an
earlier call, so that any of them can be repeated alone, on another machine, after a crash.

What belongs here: the interface that each kind of source implements: RDS and Aurora in `databases/run.py`, DynamoDB in
`dynamodb/run.py`. Stages after the manifest are in `stages.py`.
"""

from __future__ import annotations

from datetime import date
from typing import Protocol

from rds_lake.config.source import SourceSettings
from rds_lake.model.exports.task import ExportTask
from rds_lake.model.lake.manifest import Manifest
from rds_lake.stages.runs.accepted import AcceptedExport
from rds_lake.stages.source.stages import SharedStages


class SourceRun(Protocol):
    """One source's stages up to the manifest, and those that all kinds share."""

    @property
    def shared(self) -> SharedStages[SourceSettings]:
        """The stages from the manifest on."""
        ...

    def begin(self, day: date) -> ExportTask | None:
        """Starts or adopts the date's export and returns at once; None if AWS has no place for it now.

        For events and sensors: a failed export is not repeated; a person decides whether to pay for another.
        """
        ...

    def accept(self, day: date, *, export_task: str | None = None, poll_seconds: float = 30) -> AcceptedExport:
        """Returns the finished, inspected export of the date: the given task's, an earlier one, or a new one after waiting for it.

        If its findings have errors, nothing was recorded, and `relocate` must not follow. For a date that can no longer be
        exported, its manifest is used if there is one. Raises ExportTimeoutError if `export_task` has not ended.
        """
        ...

    def relocate(self, day: date) -> Manifest:
        """Brings the date's Parquet into the lake, verified, waiting for AWS's work. Returns the date's manifest.

        UnavailableError while the date is being removed.
        """
        ...
