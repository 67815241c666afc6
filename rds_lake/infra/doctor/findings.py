"""The doctor's values: rows, the examinations of a row, and their findings.

Row         queue.policy: what is examined, what to do
Examination queue.policy of rule acme-events, after queue.exists of acme-events
Finding     queue.policy of rule acme-events: fail, "EventBridge may not send …", "rds-lake setup …"
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rds_lake.infra.doctor.patient import Patient

Key = tuple[str, str]
"""A row's id, and the name of what it is about; empty where there is but one."""


class Verdict(StrEnum):
    """`unknown`: AWS gave no answer. `not looked at`: an examination that it depends on failed."""

    PASS = "pass"  # noqa: S105 - no password
    WARN = "warn"
    FAIL = "fail"
    UNKNOWN = "unknown"
    SKIPPED = "not looked at"

    @property
    def blocks(self) -> bool:
        """Whether examinations that depend on this one are skipped."""
        return self in {Verdict.FAIL, Verdict.SKIPPED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A kind of finding. `looks_at` and `remedy` are sentences for a person who has never seen this account."""

    id: str
    looks_at: str
    remedy: str

    @property
    def subject(self) -> str:
        """The part before the dot."""
        return self.id.partition(".")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fix:
    """A change that the doctor may make. `does`: a sentence; `apply`: makes it with boto3's clients (service -> client)."""

    does: str
    apply: Callable[[Callable[[str], Any]], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The result of an examination. `remedy` replaces the row's if it is given; `missing`: actions that were denied."""

    verdict: Verdict
    text: str
    remedy: str | None = None
    missing: tuple[str, ...] = ()
    fix: Fix | None = None


def good(text: str) -> Seen:
    """Returns a result without a problem."""
    return Seen(verdict=Verdict.PASS, text=text)


def doubtful(text: str, remedy: str | None = None, *, fix: Fix | None = None) -> Seen:
    """Returns a result that works, or may work, and that a person should look at."""
    return Seen(verdict=Verdict.WARN, text=text, remedy=remedy, fix=fix)


def bad(text: str, remedy: str | None = None, *, missing: tuple[str, ...] = (), fix: Fix | None = None) -> Seen:
    """Returns a result with which dates will not become readable."""
    return Seen(verdict=Verdict.FAIL, text=text, remedy=remedy, missing=missing, fix=fix)


def undecided(text: str, remedy: str | None = None, *, missing: tuple[str, ...] = ()) -> Seen:
    """Returns a result that cannot be decided from here."""
    return Seen(verdict=Verdict.UNKNOWN, text=text, remedy=remedy, missing=missing)


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """One examination. `about` names the object; `after`: the examinations that it depends on."""

    row: Row
    about: str = ""
    look: Callable[[Patient], Seen]
    after: tuple[Key, ...] = ()

    @property
    def key(self) -> Key:
        return self.row.id, self.about


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The finding of an examination. `remedy`: empty if nothing has to be done; `depends_on`: as `Examination.after`."""

    row: Row
    about: str
    verdict: Verdict
    seen: str
    remedy: str = ""
    missing: tuple[str, ...] = ()
    depends_on: tuple[Key, ...] = ()
    fix: Fix | None = None

    @property
    def key(self) -> Key:
        return self.row.id, self.about

    @property
    def flagged(self) -> bool:
        """Whether a person has to look at it."""
        return self.verdict is not Verdict.PASS
