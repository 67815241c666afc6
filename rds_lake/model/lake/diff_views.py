"""The record of a source's views `<view>_diff`: the two compared dates, and the existing views.

    lake/_manifests/shop/_diff_views.json

What belongs here: that record. `stages/diff/views.py` creates the views.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date

from rds_lake.model.lake.publication import PublishedView
from rds_lake.model.records import read_record, render_record


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffViewsMade:
    """`snapshot_date` is compared with `before`, None if there is no earlier date.

    `views`: the created views, in the form of the pointer's; `making`: names of views that a run is creating, or was
    when it was killed; `earlier`: dates that some views may still read. `problems`: requested views that do not exist.
    """

    snapshot_date: date
    before: date | None
    views: Mapping[str, PublishedView] = field(default_factory=dict)
    making: tuple[str, ...] = ()
    earlier: tuple[date, ...] = ()
    problems: tuple[str, ...] = ()


def dates_compared(made: DiffViewsMade | None) -> frozenset[date]:
    """Returns the dates whose rows the views read, or may read."""
    if made is None or not (made.views or made.making):
        return frozenset()
    days = {made.snapshot_date, *made.earlier}
    return frozenset(days if made.before is None else days | {made.before})


def render_diff_views(made: DiffViewsMade) -> str:
    """Returns the record as JSON."""
    return render_record(asdict(made), version=1)


def parse_diff_views(text: str, *, where: str) -> DiffViewsMade:
    """Returns the record that `render_diff_views` wrote. Raises ManifestError if the text is damaged."""
    remedy = "delete it and the views of Athena whose names end in `_diff`, and materialize the views of the newest date again"
    return read_record(DiffViewsMade, text, where=where, known=(1,), remedy=remedy)
