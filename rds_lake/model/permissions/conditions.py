"""`Condition`: operators, keys and values. All keys must match; one of a key's values is enough.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from typing import Any

from rds_lake.model.permissions.operators import OPERATORS, Value
from rds_lake.model.permissions.patterns import Context

_IF_EXISTS = "IfExists"
_NULL = "Null"


class Quantifier(StrEnum):
    """How a key with several values is tested.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
    """

    ALL = "ForAllValues"
    ANY = "ForAnyValue"


@dataclass(frozen=True, slots=True, kw_only=True)
class Test:
    """One key of one operator. `operator` and `key` are as written; `values`: the values to compare with the request's."""

    operator: str
    key: str
    values: tuple[Value, ...]
    negated: bool = False
    if_exists: bool = False
    quantifier: Quantifier | None = None

    def holds(self, context: Context) -> bool:
        """Whether the request fulfils the test.

        A key that the request does not have fulfils negated operators, `…IfExists` and `ForAllValues:`. With a
        quantifier, an empty text counts as no value. Without a quantifier, a key with several values does not match, as
        AWS requires a quantifier for it.
        """
        values = context.get(self.key.lower(), ())
        if self.operator == _NULL:
            return any(value.accepts(str(not values).lower(), context) for value in self.values)
        if self.quantifier is not None:
            values = tuple(value for value in values if value)
        if not values:
            return self.if_exists or (self.negated if self.quantifier is None else self.quantifier is Quantifier.ALL)
        if self.quantifier is None and len(values) > 1:
            return False
        met = (any(wanted.accepts(value, context) for wanted in self.values) != self.negated for value in values)
        return all(met) if self.quantifier is Quantifier.ALL else any(met)


def parse_conditions(block: Any, *, variables: bool, problems: list[str]) -> tuple[Test, ...]:
    """Returns the tests of a `Condition` element, and adds its problems to `problems`."""
    if not isinstance(block, dict):
        problems.append('Condition must be an object: {"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}')
        return ()
    tests: list[Test] = []
    for operator, keys in block.items():
        if not isinstance(keys, dict) or not keys:
            problems.append(f"Condition {operator!r} must be an object of condition keys and their values")
            continue
        if len({str(key).lower() for key in keys}) != len(keys):
            problems.append(f"Condition {operator!r} names a key twice; the case of its letters makes no difference")
        tests.extend(_tests(operator, keys, variables, problems))
    return tuple(tests)


def _tests(operator: Any, keys: dict[Any, Any], variables: bool, problems: list[str]) -> Iterator[Test]:
    quantifier, name, if_exists = _taken_apart(operator)
    known = OPERATORS.get(name)
    if known is None or (name == _NULL and name != operator):
        close = get_close_matches(str(operator), OPERATORS, n=1)
        problems.append(f"{operator!r} is not a condition operator{f'; did you mean {close[0]!r}?' if close else ''}")
        return
    for key, written in keys.items():
        if not isinstance(key, str) or not key.strip():
            problems.append(f"Condition {operator}: {key!r} is not a condition key")
            continue
        values: list[Value] = []
        for text in _texts(written, f"Condition {operator} {key}", problems):
            try:
                values.append(known.read(text, variables))
            except ValueError as error:
                problems.append(f"Condition {operator} {key}: {error}")
        yield Test(
            operator=operator,
            key=key,
            values=tuple(values),
            negated=known.negated,
            if_exists=if_exists,
            quantifier=quantifier,
        )


def _taken_apart(operator: Any) -> tuple[Quantifier | None, str, bool]:
    """Returns the quantifier, the operator (`StringLike`) and whether it ends in IfExists, for `ForAnyValue:StringLikeIfExists`."""
    before, colon, name = str(operator).rpartition(":")
    quantifier = Quantifier(before) if before in set(Quantifier) else None
    if colon and quantifier is None:
        name = str(operator)
    return quantifier, name.removesuffix(_IF_EXISTS), name.endswith(_IF_EXISTS)


def _texts(written: Any, where: str, problems: list[str]) -> Iterator[str]:
    """Yields the values of a key as texts; JSON's `true` and `10` become `"true"` and `"10"`."""
    values = written if isinstance(written, list) else [written]
    if not values:
        problems.append(f"{where} has no value")
    for value in values:
        if isinstance(value, str):
            yield value
        elif isinstance(value, bool | int | float):
            yield json.dumps(value)
        else:
            problems.append(f"{where}: {type(value).__name__} is not a text, number or boolean")
