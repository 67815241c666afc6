"""What is asked of triggers, what refuses it, and the statements that come of it, whatever the engine."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from rds_lake.errors import ConfigError
from rds_lake.model.streams.captured import Capture, CapturedTable, Level
from rds_lake.model.tables.table import TableTarget

# A column whose text is longer is not in an image; its name is in the event's `omitted`. Bytes.
MOST_COLUMN_BYTES = 1 << 20
# Nor are the longest columns of a row whose texts together are longer.
MOST_IMAGE_BYTES = 16 << 20
# On the way through Lambda. AWS takes 1 MB in an asynchronous call
# (https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html); a change may have two images.
MOST_PAYLOAD_IMAGE_BYTES = 480_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What lake.yaml's `streams:` asks for. `function`: ARN of the function that `capture: lambda` calls.

    `on_error`: what becomes of the writer's transaction when a change cannot be handed over to the function. `reader`: the
    database user who forwards, for the grants; None leaves a placeholder.
    """

    source: str
    capture: Capture = Capture.OUTBOX
    level: Level = Level.ROW
    on_error: Literal["fail", "drop"] = "fail"
    function: str | None = None
    reader: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """A table as its database describes it, and why its changes cannot be captured: no reasons, no obstacle.

    `notes`: what the person who installs triggers should know of it.
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
    """Statements that install the triggers of all tables, or replace earlier ones, and those that remove them again.

    Each statement is one command, without a final semicolon. `tables` have the digest of their own statements.
    """

    statements: tuple[str, ...]
    drop: tuple[str, ...]
    notes: tuple[str, ...]
    tables: tuple[CapturedTable, ...]


def refusals(described: Sequence[Described]) -> tuple[Refusal, ...]:
    """The tables that cannot be captured."""
    return tuple(Refusal(target=each.table.target, reasons=each.reasons) for each in described if each.reasons)


def require_capturable(described: Sequence[Described]) -> tuple[CapturedTable, ...]:
    """The tables; ConfigError with every reason of every table where one cannot be captured."""
    problems = [f"{refusal.target}: {reason}" for refusal in refusals(described) for reason in refusal.reasons]
    if problems:
        raise ConfigError(
            "these tables' changes cannot be captured, so nothing was generated and nothing installed; correct the tables or "
            "take them out of `streams.tables`:",
            problems,
        )
    return tuple(each.table for each in described)


def with_digest(table: CapturedTable, statements: Sequence[str]) -> CapturedTable:
    """The table with the digest of the statements that were generated for it, which must not contain a digest themselves."""
    return replace(table, digest=hashlib.sha256("\0".join(statements).encode()).hexdigest()[:32])
