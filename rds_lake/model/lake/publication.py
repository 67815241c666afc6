"""Decides which date of a source is published.

    a run's date            newer than the published one    publish: auto    -> published
                            newer                           publish: manual  -> held, until a person approves it
                            the published one               either           -> published (again)
                            older                           either           -> older: no view moves
                            up to the one rolled back from  either           -> rolled back: no view moves
                            older, and was rolled back      either           -> rolled back: no view moves
    `rds-lake publish`      not older than the published one                 -> published
    `rds-lake rollback`     older than the published one                     -> published; the newer ones are not published again

What belongs here: these rules and their values. `stages/publish/publisher.py` moves views.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum


class State(StrEnum):
    """The outcome of a date, as the table `_snapshots` shows it."""

    PUBLISHED = "published"
    HELD = "held"
    OLDER = "older"
    ROLLED_BACK = "rolled back"


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedView:
    """A published view: digests of rds-lake's statement and of the text that Athena stored for it."""

    statement: str
    stored: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Moving:
    """A publication that has begun: views of these names may show its date, or not yet.

    `token` identifies the publication; `since`: when it began. Entries of earlier releases have neither.
    """

    snapshot_date: date
    views: tuple[str, ...]
    token: str = ""
    since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pointer:
    """The published date of a source and its views. `rolled_back_from`: the newest date that no run may publish again.

    `rolled_back`: dates that were rolled back, also after a later date is published; no date is compared with them.
    """

    snapshot_date: date
    export_task: str
    rolled_back_from: date | None = None
    views: Mapping[str, PublishedView] = field(default_factory=dict)
    rolled_back: tuple[date, ...] = ()


def arriving(pointer: Pointer | None, day: date, *, manual: bool) -> State:
    """Whether a date that passed its checks is published, held, older than the published date, or rolled back."""
    if pointer is None:
        return State.HELD if manual else State.PUBLISHED
    if day == pointer.snapshot_date:
        return State.PUBLISHED
    if day < pointer.snapshot_date:
        return State.ROLLED_BACK if day in pointer.rolled_back else State.OLDER
    if pointer.rolled_back_from is not None and day <= pointer.rolled_back_from:
        return State.ROLLED_BACK
    return State.HELD if manual else State.PUBLISHED


def still_rolled_back(pointer: Pointer | None, day: date) -> date | None:
    """Returns `rolled_back_from` after `day` is published; None if `day` is that date or a newer one."""
    newest = pointer.rolled_back_from if pointer else None
    return newest if newest is not None and newest > day else None


def went_back_from(pointer: Pointer | None, days: Collection[date]) -> frozenset[date]:
    """Returns those of `days` that were rolled back and were not published since."""
    if pointer is None:
        return frozenset()
    newest = pointer.rolled_back_from or pointer.snapshot_date
    return frozenset(day for day in days if day in pointer.rolled_back or pointer.snapshot_date < day <= newest)


def rolling_back(pointer: Pointer) -> date:
    """Returns `rolled_back_from` after an older date replaces the pointer's."""
    return max(pointer.snapshot_date, pointer.rolled_back_from or pointer.snapshot_date)


def waiting(pointer: Pointer | None, days: set[date], *, manual: bool) -> tuple[date, ...]:
    """Returns the dates that wait for approval, of the dates that reached publishing, oldest first."""
    return tuple(sorted(day for day in days if arriving(pointer, day, manual=manual) is State.HELD))
