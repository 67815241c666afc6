"""Whether an event matches the pattern of an EventBridge rule, by EventBridge's rules.

    {"source": ["aws.rds"], "detail": {"EventID": [{"prefix": "RDS-EVENT-"}]}, "$or": […]}

Every key of the pattern must match, by at least one element of its list. If the event's value is a list, one element is enough.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

_NUMBERS: Mapping[str, Callable[[float, float], bool]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_OR = "$or"


def event_fits(pattern: Mapping[str, Any], event: Mapping[str, Any]) -> bool:
    """Whether the rule matches the event. Raises ValueError for an invalid pattern or an operator that is not supported here."""
    return all(
        any(event_fits(alternative, event) for alternative in wanted) if key == _OR else _key_fits(wanted, key, event)
        for key, wanted in pattern.items()
    )


def _key_fits(wanted: Any, key: str, event: Mapping[str, Any]) -> bool:
    value = event.get(key)
    if isinstance(wanted, Mapping):
        # Below a key that the event does not have, only `exists: false` matches.
        inner = value if isinstance(value, list) else [value]
        return any(event_fits(wanted, element if isinstance(element, Mapping) else {}) for element in inner)
    if not isinstance(wanted, list):
        raise ValueError(f"{key!r} of the pattern must be a list or an object, and is {wanted!r}")
    there = key in event and not isinstance(value, Mapping)
    values = value if isinstance(value, list) else [value]
    return any(_element_fits(element, values if there else []) for element in wanted)


def _element_fits(wanted: Any, values: Sequence[Any]) -> bool:
    """Whether one of the event's values matches an element of a list. No values: the event does not have the key."""
    if not isinstance(wanted, Mapping):
        return any(type(wanted) is type(value) and wanted == value for value in values)
    if len(wanted) != 1:
        raise ValueError(f"{wanted!r} must have one operator")
    ((name, operand),) = wanted.items()
    if name == "exists":
        return bool(values) == operand
    return any(_operator_fits(name, operand, value) for value in values)


def _operator_fits(name: str, operand: Any, value: Any) -> bool:
    if name == "anything-but":
        return not _excluded(operand, value)
    if name == "numeric":
        return _in_range(operand, value)
    text = value if isinstance(value, str) else None
    if isinstance(operand, Mapping):  # {"prefix": {"equals-ignore-case": "…"}}
        if name not in ("prefix", "suffix") or set(operand) != {"equals-ignore-case"}:
            raise ValueError(f"the operator {name!r} is not known here with {operand!r}")
        operand, text = operand["equals-ignore-case"].lower(), text.lower() if text is not None else None
    tests: Mapping[str, Callable[[str], bool]] = {
        "prefix": lambda value: value.startswith(operand),
        "suffix": lambda value: value.endswith(operand),
        "equals-ignore-case": lambda value: value.lower() == operand.lower(),
        "wildcard": lambda value: re.fullmatch(_expression(operand), value, re.DOTALL) is not None,
    }
    if name not in tests:
        raise ValueError(f"the operator {name!r} is not known here")
    return text is not None and tests[name](text)


def _excluded(operand: Any, value: Any) -> bool:
    if isinstance(operand, Mapping):
        ((name, inner),) = operand.items()
        return any(_operator_fits(name, element, value) for element in (inner if isinstance(inner, list) else [inner]))
    return value in (operand if isinstance(operand, list) else [operand])


def _in_range(operand: Any, value: Any) -> bool:
    if not isinstance(operand, list) or len(operand) % 2:
        raise ValueError(f"numeric takes pairs of a comparison and a number, and has {operand!r}")
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return all(_NUMBERS[sign](value, limit) for sign, limit in zip(operand[::2], operand[1::2], strict=True))


def _expression(wildcard: str) -> str:
    r"""Returns the wildcard as a regular expression; `\*` is a literal star."""
    return "".join(".*" if part == "*" else re.escape(part[-1:]) for part in re.findall(r"\\.|.", wildcard, re.DOTALL))
