"""Parses a template, JSON or YAML with AWS's short forms, with cfn-lint's decoder."""

from __future__ import annotations

from datetime import date
from typing import Any

from rds_lake.localcloud.stacks.refusals import invalid

Json = dict[str, Any]


def decode(text: str) -> Json:
    """Returns the template as plain data. ApiError ValidationError with line and column if it cannot be parsed."""
    # Not at the top: it takes a second to import, and most local clouds never see a template.
    from cfnlint.decode import decode_str

    template, problems = decode_str(text)
    if problems:
        kind = "JSON" if text.lstrip().startswith("{") else "YAML"
        first = problems[0]
        place = f"(line {first.linenumber}, column {first.columnnumber})"
        raise invalid(f"Template format error: {kind} not well-formed. {place}: {first.message}")
    if not isinstance(template, dict):
        raise invalid("Template format error: unsupported structure.")
    return _plain(template)


def _plain(value: Any) -> Any:
    """Returns plain data instead of cfn-lint's nodes, which also have line numbers."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, str):
        return str(value)
    # In YAML `Version: 2012-10-17` is a date; in CloudFormation it is a text.
    return value.isoformat() if isinstance(value, date) else value
