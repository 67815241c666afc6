"""Export task ids: deterministic, legal, and readable.

    shop-prod-2026-11-20-05-06-3f9c2d71ab04-1
    └─ from the snapshot ─────┘└─ hash ────┘└ attempt

AWS keeps ids for ever per account and Region, so the id is the idempotency key: the same snapshot and tables give the
same id, a duplicate event cannot pay for a second export, and only a failed task gets a next attempt.

What belongs here: the id's grammar. `stages/databases/export.py` decides the next attempt.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from datetime import date

from rds_lake.model.aws.arn import Exportable, exportable

# Starts with a letter; letters, digits and single hyphens; no hyphen at the end; 60 characters. AWS
# does not document this; its error messages say it.
MAX_LENGTH = 60
_HASH_DIGITS = 12


def export_task_id(*, subject: str, include: Sequence[str], salt: str, attempt: int) -> str:
    """Returns the id of one attempt to export these tables of this snapshot.

    `subject`: the snapshot's ARN, or `<ARN>@<date>` for a live cluster or a copied snapshot (`Snapshot.subject`).
    `salt` differs between lakes that export the same snapshot to different places. `attempt` counts from 1.
    """
    if attempt < 1:
        raise ValueError(f"attempts count from 1, not {attempt}")
    tail = f"-{_digest(subject, include, salt)}-{attempt}"
    about, identifier = exportable(subject)
    name, _, day = identifier.partition("@")
    if re.fullmatch(r"\d{4}-\d\d-\d\d", day, re.ASCII) and about is not Exportable.CLUSTER:
        tail = f"-{day}{tail}"  # never cut: AWS stores the day of a copy's data nowhere else
        identifier = name
    return _readable(identifier, MAX_LENGTH - len(tail)) + tail


def written_day(task_id: str) -> date | None:
    """Returns the day in the id of a copied snapshot's export, None if it has none; `parse_attempt` checks the rest of the id."""
    match = re.search(rf"-(\d{{4}}-\d\d-\d\d)-[0-9a-f]{{{_HASH_DIGITS}}}-\d+$", task_id, re.ASCII)
    try:
        return date.fromisoformat(match[1]) if match else None
    except ValueError:
        return None


def is_made_by_rule(task_id: str) -> bool:
    """Whether the id has the form of those that rds-lake makes, for whichever lake, source and tables."""
    return re.search(rf"-[0-9a-f]{{{_HASH_DIGITS}}}-[1-9][0-9]{{0,5}}$", task_id, re.ASCII) is not None


def parse_attempt(task_id: str, *, subject: str, include: Sequence[str], salt: str) -> int | None:
    """Returns the attempt number if the id is of this export; None if it is of another one."""
    head, _, number = task_id.rpartition("-")
    if not re.fullmatch(r"[1-9][0-9]{0,5}", number):
        return None
    attempt = int(number)
    same = export_task_id(subject=subject, include=include, salt=salt, attempt=attempt)
    return attempt if head and task_id == same else None


def _digest(subject: str, include: Sequence[str], salt: str) -> str:
    # JSON keeps the parts apart: ["a,b"] and ["a", "b"] are different exports.
    text = json.dumps([subject, sorted(set(include)), salt])
    return hashlib.sha256(text.encode()).hexdigest()[:_HASH_DIGITS]


def _readable(identifier: str, room: int) -> str:
    """Returns the snapshot's name in legal characters, cut to `room` characters."""
    words = re.sub(r"[^A-Za-z0-9]+", "-", identifier.removeprefix("rds:")).strip("-")
    if not words or not words[0].isascii() or not words[0].isalpha():
        words = f"s-{words}".rstrip("-")
    return words[:room].rstrip("-")
