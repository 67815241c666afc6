"""The record of a source's live views: the snapshot, and the epoch and cut up to which changes are applied.

    lake/_compacted/shop/_live.json

What belongs here: that record. `stages/streams/live/move.py` moves the views.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date

from rds_lake.model.lake.publication import PublishedView
from rds_lake.model.records import read_record, render_record


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownCut:
    """A database's (`home`) cut: its tables show all changes committed by then; with 0, the snapshot itself."""

    home: str
    epoch: str
    cut: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """The live views of a source. `views`: every created view of changes, in the form of the pointer's.

    `moving`: views may show another cut.

    `earlier`: dates that some views may still read while they are moved. `merged`: by `<raw table>/<epoch>`, the cut up
    to which the views read merged files instead of batches.
    """

    snapshot_date: date
    export_task: str
    cuts: tuple[ShownCut, ...] = ()
    views: Mapping[str, PublishedView] = field(default_factory=dict)
    moving: bool = False
    earlier: tuple[date, ...] = ()
    merged: Mapping[str, int] = field(default_factory=dict)


def dates_shown(shown: Shown | None) -> frozenset[date]:
    """Returns the dates whose rows live views read; during a move also those they read before."""
    return frozenset({shown.snapshot_date, *shown.earlier} if shown is not None and (shown.views or shown.cuts) else ())


def render_shown(shown: Shown) -> str:
    """Returns the record as JSON."""
    return render_record(asdict(shown), version=1)


def parse_shown(text: str, *, where: str) -> Shown:
    """Returns the record that `render_shown` wrote. Raises ManifestError if the text is damaged."""
    remedy = "delete it, and materialize `changes`: every live view is then created again"
    return read_record(Shown, text, where=where, known=(1,), remedy=remedy)
