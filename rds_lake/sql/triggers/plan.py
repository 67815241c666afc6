"""The input of triggers, reasons to refuse a table, and the resulting statements, for any engine."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from rds_lake.errors import ConfigError
from rds_lake.model.streams.captured import Capture, CapturedTable, Level
from rds_lake.model.tables.table import TableTarget

# In bytes: a column with a longer text is not in an image; its name is in the event's `omitted`.
MOST_COLUMN_BYTES = 1 << 20
# In bytes, for all texts of a row together: beyond it, the longest columns are left out too.
MOST_IMAGE_BYTES = 16 << 20
# On the way through Lambda. AWS takes 1 MB in an asynchronous call
# (https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html); a change may have two images.
MOST_PAYLOAD_IMAGE_BYTES = 480_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The request in lake.yaml's `streams:`. `function`: ARN of the function that `capture: lambda` calls.

    `on_error`: the result for the writer's transaction if the function cannot be called. `reader`: the database user
    who forwards, for the grants; None leaves a placeholder.
    """

    source: str
    capture: Capture = Capture.OUTBOX
    level: Level = Level.ROW
    on_error: Literal["fail", "drop"] = "fail"
    function: str | None = None
    reader: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """A table as its database describes it, and the reasons why it cannot be captured (none: it can).

    `notes`: for the person who installs triggers.
    """

    table: CapturedTable
    reasons: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A table whose changes cannot be captured, with every reason."""

    target: TableTarget
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerPlan:
    """Statements that install or replace the triggers of all tables, and statements that remove them.

    Each statement is one command, without a final semicolon. `tables` have the digest of their own statements.
    """

    statements: tuple[str, ...]
    drop: tuple[str, ...]
    notes: tuple[str, ...]
    tables: tuple[CapturedTable, ...]


def refusals(described: Sequence[Described]) -> tuple[Refusal, ...]:
    """Returns the tables that cannot be captured."""
    return tuple(Refusal(target=each.table.target, reasons=each.reasons) for each in described if each.reasons)


def require_capturable(described: Sequence[Described]) -> tuple[CapturedTable, ...]:
    """Returns the tables. Raises ConfigError with every reason of every table that cannot be captured."""
    problems = [f"{refusal.target}: {reason}" for refusal in refusals(described) for reason in refusal.reasons]
    if problems:
        raise ConfigError(
            "these tables' changes cannot be captured, so nothing was generated and nothing installed; correct the tables or "
            "take them out of `streams.tables`:",
            problems,
        )
    return tuple(each.table for each in described)


def with_digest(table: CapturedTable, statements: Sequence[str]) -> CapturedTable:
    """Returns the table with the digest of its generated statements, which must not contain a digest themselves."""
    return replace(table, digest=hashlib.sha256("\0".join(statements).encode()).hexdigest()[:32])
