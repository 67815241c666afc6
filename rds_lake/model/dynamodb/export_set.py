"""The exports of one source and date: all its tables as of one instant.

    <prefix>/_manifests/reviews/2026-11-20.begun.json
    {"version": 1, "moment": "2026-11-20T00:00:00+00:00", "tables": {"Reviews": "arn:…/export/0176…", "Users": null}}

Version 2, for an incremental source: `tables` has the tables that are exported in full, with the reason; the others have a chain:

     "tables": {"Users": "arn:…"}, "full_because": {"Users": "it is not part of 2026-11-19"},
     "chains": {"Reviews": {"base": {"day": "2026-11-19", …}, "exports": [{"from": …, "to": …, "export": "arn:…"}]}}

The record has the tables of the date (a pattern may match others tomorrow) and their exports. So checking a date costs one call
per export that still runs, and the export of a table that was deleted later is kept.

What belongs here: the record, and the state of all exports together. `stages/dynamodb/exporting/exports.py` starts them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from rds_lake.model.dynamodb.chain import Base, Chain, Window, render_chain, shape_of_chain
from rds_lake.model.dynamodb.tables import TableExport
from rds_lake.model.exports.task import ExportStatus, ExportTask
from rds_lake.model.records import read_record, render_record

VERSION = 1
_ABSENT: Any = object()  # the table is not in a record; None: its export is not started
CHAINS_VERSION = 2  # a release without chains must not read such a date as one with fewer tables


@dataclass(frozen=True, slots=True, kw_only=True)
class BegunSet:
    """Tables of a date by name: the ARN of the full export (None if not started yet), or a chain."""

    moment: datetime
    tables: Mapping[str, str | None]
    chains: Mapping[str, Chain] = field(default_factory=dict)
    full_because: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainExports:
    """A table's incremental exports in their current state, one per window; None if not started."""

    base: Base
    windows: tuple[Window, ...]
    exports: tuple[TableExport | None, ...]

    @property
    def recorded(self) -> Chain:
        """Returns the chain as the record stores it."""
        arns = tuple(export.arn if export else None for export in self.exports)
        return Chain(base=self.base, windows=self.windows, exports=arns)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportSet:
    """A date's exports in their current state, by table; None if not started. `chains`: tables made by increments."""

    source: str
    snapshot_date: date
    moment: datetime
    exports: Mapping[str, TableExport | None]
    left_out: tuple[str, ...] = field(default=())  # tables that did not exist at the moment
    chains: Mapping[str, ChainExports] = field(default_factory=dict)
    full_because: Mapping[str, str] = field(default_factory=dict)

    @property
    def wanted(self) -> tuple[tuple[str, TableExport | None], ...]:
        """Returns every export that the date needs, with its table's name."""
        steps = [(name, export) for name, chain in self.chains.items() for export in chain.exports]
        return (*self.exports.items(), *steps)

    @property
    def missing(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for name, export in self.wanted if export is None))

    @property
    def started(self) -> tuple[TableExport, ...]:
        return tuple(export for _, export in self.wanted if export is not None)

    @property
    def failed(self) -> tuple[TableExport, ...]:
        return tuple(export for export in self.started if export.status is ExportStatus.FAILED)

    @property
    def status(self) -> ExportStatus:
        """STARTING while one is not started, running while one runs; then FAILED if one failed, otherwise COMPLETE."""
        if self.missing:
            return ExportStatus.STARTING
        if any(export.status.running for export in self.started):
            return ExportStatus.IN_PROGRESS
        return ExportStatus.FAILED if self.failed else ExportStatus.COMPLETE

    @property
    def identifier(self) -> str:
        """`reviews-2026-11-20-3f9c2d71ab04`; it differs if any of the exports differs."""
        arns = json.dumps(sorted(export.arn for export in self.started))
        return f"{self.source}-{self.snapshot_date}-{hashlib.sha256(arns.encode()).hexdigest()[:12]}"

    @property
    def task(self) -> ExportTask:
        """Returns the set as one export task."""
        ended = [export for export in self.started if not export.status.running]
        starts = [export.started_at for export in self.started if export.started_at]
        ends = [export.ended_at for export in self.started if export.ended_at]
        return ExportTask(
            identifier=self.identifier,
            source_arn=subject(self.source, self.snapshot_date),
            status=self.status,
            bucket=next((export.bucket for export in self.started), ""),
            prefix=next((export.prefix for export in self.started), ""),
            snapshot_time=self.moment,
            started_at=min(starts, default=None),
            ended_at=max(ends, default=None) if not self.status.running else None,
            progress=100 * len(ended) // max(len(self.wanted), 1),
            failure_cause=failure_text(self.failed) or None,
        )


def merge_begun(proposed: BegunSet, stored: BegunSet, *, read: BegunSet | None) -> BegunSet:
    """Merges the records of two runs that began the date at the same time: `stored` is in S3, `proposed` was made from `read`.

    A value that only one run changed is taken from that run. If both changed it, a full export stays decided, a started
    export comes before none, and `stored` before `proposed`, as other runs may already use it.
    """
    before = read or BegunSet(moment=stored.moment, tables={})
    wanted = _merged(_wanted(proposed), _wanted(stored), _wanted(before))
    tables = {name: arn for name, arn in wanted.items() if not isinstance(arn, Chain)}
    return BegunSet(
        moment=stored.moment,
        tables=tables,
        chains={name: chain for name, chain in wanted.items() if isinstance(chain, Chain)},
        full_because={
            name: why for name, why in {**proposed.full_because, **stored.full_because}.items() if name in tables
        },
    )


def _wanted(begun: BegunSet) -> dict[str, str | Chain | None]:
    return {**begun.chains, **begun.tables}


def _merged(
    proposed: Mapping[str, str | Chain | None],
    stored: Mapping[str, str | Chain | None],
    before: Mapping[str, str | Chain | None],
) -> dict[str, str | Chain | None]:
    merged: dict[str, str | Chain | None] = {}
    for name in sorted({*proposed, *stored}):
        here, there = proposed.get(name, _ABSENT), stored.get(name, _ABSENT)
        known = before.get(name, _ABSENT)
        chosen = here if there == known else there if here == known else _of_both(here, there)
        if chosen is not _ABSENT:
            merged[name] = chosen
    return merged


def _of_both(proposed: str | Chain | None, stored: str | Chain | None) -> str | Chain | None:
    """Returns the value of a table that both runs changed in different ways."""
    if proposed is _ABSENT or stored is _ABSENT:
        return stored if proposed is _ABSENT else proposed
    if isinstance(proposed, Chain) and isinstance(stored, Chain):
        if (proposed.base, proposed.windows) != (stored.base, stored.windows):
            return stored
        steps = tuple(there or here for here, there in zip(proposed.exports, stored.exports, strict=True))
        return replace(stored, exports=steps)
    if isinstance(proposed, Chain) or isinstance(stored, Chain):
        return stored if isinstance(proposed, Chain) else proposed
    return stored or proposed


def failure_text(exports: tuple[TableExport, ...]) -> str:
    """Returns the failed exports, each with DynamoDB's reason."""
    return "; ".join(f"{export.table}: {export.failure or 'no cause given'} ({export.arn})" for export in exports)


def subject(source: str, day: date) -> str:
    """Returns the label of runs that begin a date's exports."""
    return f"dynamodb:{source}@{day.isoformat()}"


def render_begun(begun: BegunSet) -> str:
    """Returns the record as JSON; `parse_begun` reads it."""
    body: dict[str, Any] = {"moment": begun.moment, "tables": dict(begun.tables)}
    if not begun.chains and not begun.full_because:
        return render_record(body, version=VERSION)
    chains = {name: render_chain(chain) for name, chain in begun.chains.items()}
    return render_record(body | {"chains": chains, "full_because": dict(begun.full_because)}, version=CHAINS_VERSION)


def parse_begun(text: str, *, where: str) -> BegunSet:
    """Returns the record in `text`. Raises ManifestError, which names the object and what to do."""
    remedy = "delete it and materialize `snapshot_export` again: running and complete exports are found and used"
    return read_record(
        BegunSet, text, where=where, known=(VERSION, CHAINS_VERSION), remedy=remedy, shaped=_shape_of_begun
    )


def _shape_of_begun(body: dict[str, Any]) -> dict[str, Any]:
    return body | {"chains": {name: shape_of_chain(chain) for name, chain in body.get("chains", {}).items()}}
