"""What the live views of a source show: which snapshot, and up to which cut of which epoch.

    lake/_compacted/shop/_live.json

What belongs here: that record. Moving the views is `stages/streams/live/move.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date

from rds_lake.model.lake.publication import PublishedView
from rds_lake.model.records import read_record, render_record


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownCut:
    """`cut`: all tables of the database (`home`) show what was committed by then; the snapshot's own state where it is 0."""

    home: str
    epoch: str
    cut: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """`views`: every view of changes that was made, as the pointer remembers its own. `moving`: views may show another cut.

    `earlier`: while they move, dates that some views may still stand on.
    `merged`: by `<raw table>/<epoch>` the cut up to which the views read merged files, and none of the batches in them.
    """

    snapshot_date: date
    export_task: str
    cuts: tuple[ShownCut, ...] = ()
    views: Mapping[str, PublishedView] = field(default_factory=dict)
    moving: bool = False
    earlier: tuple[date, ...] = ()
    merged: Mapping[str, int] = field(default_factory=dict)


def dates_shown(shown: Shown | None) -> frozenset[date]:
    """The dates whose rows live views read; of a move that has not ended also those that they read before."""
    return frozenset({shown.snapshot_date, *shown.earlier} if shown is not None and (shown.views or shown.cuts) else ())


def render_shown(shown: Shown) -> str:
    """The JSON of the record."""
    return render_record(asdict(shown), version=1)


def parse_shown(text: str, *, where: str) -> Shown:
    """The record that `render_shown` wrote; ManifestError if the text is damaged."""
    remedy = "delete it, and materialize `changes`: every live view is then created again"
    return read_record(Shown, text, where=where, known=(1,), remedy=remedy)
