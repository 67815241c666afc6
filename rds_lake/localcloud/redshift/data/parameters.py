"""Replaces `:name` in a statement by a value, never by the name of a table. Values are texts; `null` is NULL.

(https://docs.aws.amazon.com/redshift/latest/mgmt/data-api-parameterized.html)
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from rds_lake.localcloud.http.app import ApiError

# Texts, quoted names, comments and `::` are matched too, because `:name` inside them is not a parameter.
_PIECE = re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"|--[^\n]*|/\*.*?\*/|::|:(\w+)", re.DOTALL)


def bound(statements: Sequence[str], parameters: Sequence[dict[str, Any]]) -> list[str]:
    """Returns the statements with their values. ValidationException for a name that is missing, or that no statement uses."""
    values = {each["name"]: each["value"] for each in parameters}
    used: set[str] = set()

    def value(match: re.Match[str]) -> str:
        name = match[1]
        if name is None:
            return match[0]
        if name not in values:
            raise ApiError("ValidationException", f"Parameters list is missing required parameter: {name}")
        used.add(name)
        given = values[name]
        return "NULL" if given == "null" else "'" + given.replace("\\", "\\\\").replace("'", "''") + "'"

    texts = [_PIECE.sub(value, statement) for statement in statements]
    unused = sorted(set(values) - used)
    if unused:
        raise ApiError(
            "ValidationException", f"Parameters list contains unused parameters. Unused parameters: {unused}"
        )
    return texts
