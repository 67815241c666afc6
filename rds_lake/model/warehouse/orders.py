"""The statements of a load, decided once per run: one JSON object per load in the run's staging.

They are written before anything is loaded. If another process continues the run, it sends exactly the same statements, even if
the lake got another export of the date in between.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

from rds_lake.model.records import read_record, render_record

_VERSION = 1
_REMEDY = "start the run again"


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Statements that are sent together, at most 40. `together`: in one transaction; otherwise each in its own."""

    sqls: tuple[str, ...]
    together: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """The query `at` of a section: its first column is a number of rows, the others are lost values of `columns`."""

    at: int
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadOrder:
    """The sections of a load: those before `swap` fill a new table, `swap` replaces the old table with it.

    `checks`: the checks in section `checked`. `rows`: the expected number, None if unknown; `bytes` and `files`: of the
    loaded data; `notes`: for the user.
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
    """Returns the order in an object. Raises ManifestError for anything else."""
    return read_record(LoadOrder, text, where=where, known=(_VERSION,), remedy=_REMEDY)


def render_order(order: LoadOrder) -> str:
    """Returns the order as JSON."""
    return render_record(asdict(order), version=_VERSION)
