"""A template's text as plain data: JSON or YAML with AWS's short forms, read by cfn-lint's decoder."""

from __future__ import annotations

from datetime import date
from typing import Any

from rds_lake.localcloud.stacks.refusals import invalid

Json = dict[str, Any]


def decode(text: str) -> Json:
    """The template; ApiError ValidationError naming line and column when it cannot be read."""
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
    """cfn-lint's nodes, which know their lines, as what they are made of."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, str):
        return str(value)
    # YAML takes `Version: 2012-10-17` for a date; CloudFormation does not.
    return value.isoformat() if isinstance(value, date) else value
