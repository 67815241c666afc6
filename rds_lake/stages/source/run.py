"""A source's stages in order, by date, whatever its kind: what each Dagster asset calls, callable from a REPL or Lambda as well.

    run = run_of(config, config.source("shop"), rds=…, dynamodb=…, lake=…, log=print)      # watch/sources.py

    run.accept(day)                       the export of the date, awaited and inspected  -> <date>.export.json
    run.relocate(day)                     its Parquet in the lake                        -> <date>.json, the manifest
    run.shared.catalogue(day)             tables and partitions in Glue, read back
    run.shared.publish(day, now=…)        the views, all at once                         -> the pointer

Each stage reads what the stage before it left in S3, so any of them can be repeated alone, on another machine, after a crash.

What belongs here: what a kind of source has to do by itself. RDS and Aurora do it in `databases/run.py`, DynamoDB in
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

        For events and sensors: an export that ended badly is not repeated, that is a person's decision.
        """
        ...

    def accept(self, day: date, *, export_task: str | None = None, poll_seconds: float = 30) -> AcceptedExport:
        """The finished, inspected export of the date: the given task's, an earlier one's, or a new one awaited.

        A date that cannot be exported any more is served from its manifest when there is one.
        """
        ...

    def relocate(self, day: date) -> Manifest:
        """The date's Parquet in the lake, verified; waits for whatever AWS has to do for it. Ends with the manifest.

        UnavailableError while the date is being removed.
        """
        ...
