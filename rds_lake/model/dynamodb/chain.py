"""A table's date as an earlier date plus the changes since: the time windows, and the exports of each window.

    2026-11-20 00:00 ──────── 2026-11-21 00:00 ──────── 2026-11-22 00:00
    base: in the lake          window 1 (≤ 24 h)          window 2

A window includes its start and excludes its end, so that consecutive windows contain every change exactly once.

What belongs here: values and their arithmetic. `stages/dynamodb/exporting/increments.py` decides whether a table can have a chain.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any

SHORTEST = timedelta(minutes=15)
LONGEST = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The changes written from `start` (inclusive) to `end` (exclusive)."""

    start: datetime
    end: datetime

    def __str__(self) -> str:
        return f"{self.start:%Y-%m-%d %H:%M} to {self.end:%Y-%m-%d %H:%M} UTC"


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """The date in the lake to which changes are applied: the export of its files, its instant, and the table's keys."""

    day: date
    export_task: str
    moment: datetime
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """A table of a date made by increments: the ARN of each window's export, None if it is not started."""

    base: Base
    windows: tuple[Window, ...]
    exports: tuple[str | None, ...]


def windows_between(start: datetime, end: datetime) -> tuple[Window, ...]:
    """Returns the fewest equal windows between the times that DynamoDB can export (15 minutes to 24 hours each).

    Returns none if the time between is too short.
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/S3DataExport.HowItWorks.html
    """
    if end - start < SHORTEST:
        return ()
    count = -(-(end - start) // LONGEST)
    seconds = int((end - start).total_seconds())
    edges = [start + timedelta(seconds=seconds * number // count) for number in range(count)] + [end]
    return tuple(Window(start=first, end=last) for first, last in pairwise(edges))


def render_chain(chain: Chain) -> dict[str, Any]:
    """Returns the chain for JSON, with each window beside its export."""
    exports = [
        {"from": window.start, "to": window.end, "export": arn}
        for window, arn in zip(chain.windows, chain.exports, strict=True)
    ]
    return {"base": asdict(chain.base), "exports": exports}


def shape_of_chain(body: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the output of `render_chain` in the shape of a `Chain`. Raises one of RECORD_ERRORS for anything else."""
    windows = [{"start": step["from"], "end": step["to"]} for step in body["exports"]]
    return {"base": body["base"], "windows": windows, "exports": [step["export"] for step in body["exports"]]}
