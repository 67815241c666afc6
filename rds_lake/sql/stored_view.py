"""Reads a view as Athena stores it in Glue, and compares it with the requested view.

    /* Presto View: <base64 of {"originalSql": …, "columns": [{"name": …, "type": …}], …}> */

Athena reformats a statement before it stores it (decision 0004), so not the texts but the date, the raw table and the columns
are compared.

What belongs here: reading that text. Creating views is `sql/views.py`.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Sequence
from datetime import date

from rds_lake.sql.quoting import identifier, literal

_TEXT = re.compile(r"\s*/\* Presto View: (\S+) \*/\s*")


def why_not(text: str, *, raw: str, columns: Sequence[str], day: date) -> str | None:
    """Returns why the stored view is not the view of that raw table, columns and date; None if it is."""
    body = _parse(text)
    if body is None:
        return "is not in the form in which Athena stores views"
    sql, stored = body
    if not re.search(rf"(?<!\w){re.escape(raw)}(?!\w)", sql):
        return f"does not read {raw}"
    if sql.count(literal(day.isoformat())) < 2:  # the column snapshot_date, and the condition on the partition
        return f"does not show {day}"
    if [name.lower() for name in stored] != [name.lower() for name in columns]:
        return f"has the columns {', '.join(stored)} instead of {', '.join(columns)}"
    return None


def reads(text: str, raw: str) -> bool:
    """Whether the stored view names the raw table; also True if it cannot be parsed."""
    body = _parse(text)
    return body is None or re.search(rf"(?<!\w){re.escape(raw)}(?!\w)", body[0]) is not None


def mentions(text: str, name: str) -> bool:
    """Whether the stored view was created by Athena and has this quoted name in its text."""
    body = _parse(text)
    return body is not None and identifier(name) in body[0]


def _parse(text: str) -> tuple[str, list[str]] | None:
    """Returns the SQL and the column names; None if the text is not a stored view."""
    match = _TEXT.fullmatch(text)
    try:
        body = json.loads(base64.b64decode(match[1] if match else "", validate=True))
        return str(body["originalSql"]), [str(column["name"]) for column in body["columns"]]
    except (binascii.Error, ValueError, KeyError, TypeError):
        return None
