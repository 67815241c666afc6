"""One DynamoDB value as plain JSON text, in Python; `local/json_text.py` shows the format. Shipped with the Spark job."""

from __future__ import annotations

import json
from typing import Any

from rds_lake.convert.rules.numbers import json_number
from rds_lake.convert.rules.tree import typed_value


def raw_text(value: Any) -> str:
    """Returns one typed value, `{"M": {…}}`, as JSON text; keys in the order of their quoted text. ValueError if it is not valid."""
    tag, content = typed_value(value)
    if tag == "M":
        return "{" + ",".join(f"{name}:{text}" for name, text in sorted(map(_member, content.items()))) + "}"
    if tag == "L":
        return "[" + ",".join(map(raw_text, content)) + "]"
    if tag == "N":
        return json_number(content)
    if tag == "NULL":
        return "null"
    if tag == "NS":
        return "[" + ",".join(map(json_number, content)) + "]"
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))


def _member(pair: tuple[str, Any]) -> tuple[str, str]:
    return quoted(pair[0]), raw_text(pair[1])


def quoted(text: str) -> str:
    """Returns the text as a JSON string."""
    return json.dumps(text, ensure_ascii=False)
