"""What a load sends to Redshift, decided once for the whole run: one JSON object per load below the run's staging.

Written before anything is loaded, so that a run that is continued by another process, after the lake got another export of the
date, does what the first one would have done: a statement that was sent before is the same, to the letter.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

from rds_lake.model.records import read_record, render_record

_VERSION = 1
_REMEDY = "start the run again"


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Statements that are sent at once, 40 at most. `together`: in one transaction; else each in its own."""

    sqls: tuple[str, ...]
    together: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """The query `at` of a section's statements: its first column is a number of rows, the others are lost values of `columns`."""

    at: int
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadOrder:
    """A load's sections: those before `swap` fill a new table, which that puts in place of the old. `checks` are of `checked`.

    `rows`: how many there have to be, None where that is not known; `bytes` and `files` of what is loaded; `notes` for a person.
    """

    sections: tuple[Section, ...]
    swap: int
    checked: int
    checks: tuple[Check, ...]
    rows: int | None
    bytes: int
    files: int
    notes: tuple[str, ...] = ()


def parse_order(text: str, *, where: str) -> LoadOrder:
    """The order in an object; ManifestError for anything else."""
    return read_record(LoadOrder, text, where=where, known=(_VERSION,), remedy=_REMEDY)


def render_order(order: LoadOrder) -> str:
    """Its text."""
    return render_record(asdict(order), version=_VERSION)
