"""Sentences about a source's status, for the command line and the report."""

from __future__ import annotations

from datetime import timedelta

from rds_lake.stages.watch.status import SourceStatus

_SHOWN = 10  # dates or tables that a sentence names

STALE = "STALE: no newer snapshot became readable"


def waiting_lines(state: SourceStatus) -> list[str]:
    """Returns a sentence for each date that waits for approval."""
    lines = [f"{day} waits: rds-lake publish {state.source} {day}" for day in state.waiting[-_SHOWN:]]
    if len(state.waiting) > len(lines):
        lines.insert(0, f"{len(state.waiting) - len(lines)} older dates wait as well")
    return lines


def unchecked_lines(state: SourceStatus) -> list[str]:
    """Returns a line about dates that a check may have stopped."""
    days = ", ".join(map(str, state.unchecked[-_SHOWN:]))
    return [f"in the lake, but checks did not pass: {days}; see the run of the date in Dagster"] if days else []


def gone_lines(state: SourceStatus) -> list[str]:
    """Returns a line about tables that readers no longer find."""
    if not state.gone:
        return []
    more = f" and {len(state.gone) - _SHOWN} more" if len(state.gone) > _SHOWN else ""
    return [f"not in this snapshot, so their views were dropped: {', '.join(state.gone[:_SHOWN])}{more}"]


def rolled_back_lines(state: SourceStatus) -> list[str]:
    """Returns a line about the date that was rolled back from."""
    newest = state.rolled_back_from
    return [f"rolled back from {newest}; the next newer date is published as usual"] if newest else []


def moving_lines(state: SourceStatus) -> list[str]:
    """Returns a line about a publication that has not ended."""
    moving = state.moving
    return (
        [f"views are being moved to {moving}; if no run is moving them, the run was killed: run it again"]
        if moving
        else []
    )


def decisions(state: SourceStatus) -> list[str]:
    """Returns the lines about decisions of a person, and about dates that wait for one."""
    return [
        *waiting_lines(state),
        *unchecked_lines(state),
        *gone_lines(state),
        *rolled_back_lines(state),
        *moving_lines(state),
    ]


def span(time: timedelta) -> str:
    """Returns a duration in its two largest units."""
    # If this machine's clock is minutes behind AWS's, a new snapshot is in the future.
    minutes, seconds = divmod(max(0, int(time.total_seconds())), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    units = [(days, "d"), (hours, "h"), (minutes, "min"), (seconds, "s")]
    first = next((n for n, (number, _) in enumerate(units) if number), len(units) - 1)
    return " ".join(f"{number} {unit}" for number, unit in units[first : first + 2] if number) or "0 s"
