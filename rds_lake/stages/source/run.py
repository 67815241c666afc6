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

`begin` returns within seconds, for events; `accept` begins as well where nothing was begun. Records lie in
`<prefix>/_manifests/<source>/` (`lake/handover.py`). Each stage reads what the stage before it left there, never a value of
an earlier call, so that any of them can be repeated alone, on another machine, after a crash.

What belongs here: what every kind of source has to do by itself. RDS and Aurora do it in `databases/run.py`, DynamoDB in
`dynamodb/run.py`; what comes after the manifest is `stages.py`.
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
        """Start or adopt the date's export and return at once; None when AWS has no place for it now.

        For events and sensors: an export that ended badly is not repeated; a person decides whether to pay for another.
        """
        ...

    def accept(self, day: date, *, export_task: str | None = None, poll_seconds: float = 30) -> AcceptedExport:
        """The finished, inspected export of the date: the given task's, an earlier one's, or a new one awaited.

        Where its findings have errors nothing was recorded, and `relocate` must not follow. A date that cannot be exported
        any more is served from its manifest when there is one. `export_task` has to have ended: ExportTimeoutError if not.
        """
        ...

    def relocate(self, day: date) -> Manifest:
        """The date's Parquet in the lake, verified; waits for whatever AWS has to do for it. Returns the date's manifest.

        UnavailableError while the date is being removed.
        """
        ...
