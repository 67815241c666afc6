"""Prefixes of Firehose's objects: `changes/!{timestamp:yyyy/MM/dd}/`, checked and evaluated.

Rules and examples: https://docs.aws.amazon.com/firehose/latest/dev/s3-prefixes.html
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime

from rds_lake.localcloud.http.app import ApiError

_EXPRESSION = re.compile(r"!\{(\w+):([^}]*)\}")
_ERROR_TYPE = "!{firehose:error-output-type}"
_HOUR = "!{timestamp:yyyy/MM/dd/HH/}"
_LONGEST = 512
# Java's DateTimeFormatter: quoted text, or a run of one letter.
_PATTERN = re.compile(r"'([^']*)'|([A-Za-z])\2*")
_FIELDS = {
    "yyyy": "%Y", "yy": "%y", "MM": "%m", "dd": "%d", "DDD": "%j", "HH": "%H", "mm": "%M", "ss": "%S",
    # The year of the week, which differs around New Year. Using it is a common mistake, and it is evaluated as in AWS.
    "YYYY": "%G",
}  # fmt: skip


def check_prefixes(prefix: str | None, error_prefix: str | None) -> None:
    """ApiError if AWS's rules forbid these two prefixes."""
    for name, text in (("Prefix", prefix or ""), ("ErrorOutputPrefix", error_prefix or "")):
        _check_expressions(name, text)
    if _ERROR_TYPE in (prefix or ""):
        raise _invalid(f"Prefix can't contain {_ERROR_TYPE}")
    if "!{" in (prefix or "") and not error_prefix:
        raise _invalid("ErrorOutputPrefix can't be null when Prefix contains expressions")
    if "!{" in (error_prefix or "") and _ERROR_TYPE not in (error_prefix or ""):
        raise _invalid(f"ErrorOutputPrefix must contain at least one instance of {_ERROR_TYPE}")


def evaluate(prefix: str | None, moment: datetime, random_string: Callable[[], str]) -> str:
    """Returns the prefix of an object whose oldest record arrived at `moment` (UTC). ApiError if it is too long."""
    text = prefix or ""
    if "!{timestamp:" not in text:
        text += _HOUR

    def value(match: re.Match[str]) -> str:
        namespace, argument = match.groups()
        return _time(argument, moment) if namespace == "timestamp" else random_string()

    evaluated = _EXPRESSION.sub(value, text)
    if len(evaluated) > _LONGEST:
        raise _invalid(f"Prefix is {len(evaluated)} characters long after evaluation, at most {_LONGEST}")
    return evaluated


def _check_expressions(name: str, text: str) -> None:
    if "!{" in _EXPRESSION.sub("", text):
        raise _invalid(f"{name} has !{{ that begins no expression like !{{timestamp:yyyy}}")
    for namespace, argument in _EXPRESSION.findall(text):
        if namespace == "timestamp":
            _time(argument, datetime(2026, 1, 1))  # noqa: DTZ001 - any time: only the pattern is looked at
        elif namespace != "firehose" or argument not in ("error-output-type", "random-string"):
            raise _invalid(f"{name} has an expression that the local cloud does not know: !{{{namespace}:{argument}}}")


def _time(pattern: str, moment: datetime) -> str:
    def field(match: re.Match[str]) -> str:
        if match[2] is None:
            return match[1] or "'"
        if match[0] not in _FIELDS:
            raise _invalid(
                f"the local cloud does not know {match[0]!r} in !{{timestamp:{pattern}}}; put text that is not a field in quotes"
            )
        return moment.strftime(_FIELDS[match[0]])

    return _PATTERN.sub(field, pattern)


def _invalid(message: str) -> ApiError:
    return ApiError("InvalidArgumentException", message)
