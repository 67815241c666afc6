"""Reads one line of DynamoDB JSON in Python: slow, but its errors say what is wrong. Shipped with the Spark job."""

from __future__ import annotations

import json
from typing import Any

from rds_lake.convert.rules.tree import OddValueError


def read_item(line: bytes, member: str) -> object:
    """Returns the item of a line `{member: item}`, checked only on its first level. OddValueError says what is wrong."""
    try:
        body = json.loads(line.decode(), object_pairs_hook=_distinct)
    except UnicodeDecodeError as error:
        raise OddValueError(f"it is not UTF-8 ({error})") from error
    except json.JSONDecodeError as error:
        raise OddValueError(f"it is not JSON ({error})") from error
    if not isinstance(body, dict) or set(body) != {member}:
        shown = line[:80].decode(errors="replace")
        raise OddValueError(f'a line of an export is {{"{member}": …}} and nothing else, not {shown}')
    if b"\\ud" in line or b"\\uD" in line:
        _require_characters(body)
    return body[member]


def _require_characters(body: object) -> None:
    """Refuse half of a surrogate pair: it is legal JSON, but not a character, and no file format can store it."""
    try:
        json.dumps(body, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise OddValueError(f"it has a text that is not Unicode ({error.reason})") from error


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    distinct = dict(pairs)
    if len(distinct) < len(pairs):
        names = [name for name, _ in pairs]
        twice = sorted({name for name in names if names.count(name) > 1})
        raise OddValueError(f"attributes are there twice: {', '.join(map(repr, twice))}")
    return distinct
