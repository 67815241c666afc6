"""Values of condition operators: texts, numbers, dates, booleans, bytes, addresses and ARNs.

A value of the request that is not of the operator's type matches nothing, so that its negated operator is met.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

from __future__ import annotations

import base64
import ipaddress
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from rds_lake.model.permissions.dates import parse_date, parse_number
from rds_lake.model.permissions.patterns import Context, Pattern, parse_arn_pattern, parse_pattern

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Value(Protocol):
    """A value in a policy, which is compared with the request's."""

    def accepts(self, value: str, context: Context) -> bool:
        """Whether the request's value matches; `context` has the values of variables."""
        ...


@dataclass(frozen=True, slots=True)
class _Text:
    pattern: Pattern

    def accepts(self, value: str, context: Context) -> bool:
        return self.pattern.matches(value, context)


@dataclass(frozen=True, slots=True)
class _Arn:
    parts: tuple[Pattern, ...]

    def accepts(self, value: str, context: Context) -> bool:
        values = value.split(":", len(self.parts) - 1)
        if len(values) != len(self.parts):
            return False
        return all(part.matches(text, context) for part, text in zip(self.parts, values, strict=True))


@dataclass(frozen=True, slots=True)
class _Quantity:
    relation: Callable[[Decimal, Decimal], bool]
    bound: Decimal
    read: Callable[[str], Decimal]

    def accepts(self, value: str, context: Context) -> bool:  # noqa: ARG002 - no variables here
        try:
            return self.relation(self.read(value), self.bound)
        except ValueError:
            return False


@dataclass(frozen=True, slots=True)
class _Exact:
    """A boolean or bytes, in one spelling."""

    wanted: str | bytes
    read: Callable[[str], str | bytes]

    def accepts(self, value: str, context: Context) -> bool:  # noqa: ARG002
        try:
            return self.read(value) == self.wanted
        except ValueError:
            return False


@dataclass(frozen=True, slots=True)
class _Addresses:
    network: _Network

    def accepts(self, value: str, context: Context) -> bool:  # noqa: ARG002
        try:
            return ipaddress.ip_address(value) in self.network
        except ValueError:
            return False


@dataclass(frozen=True, slots=True)
class Operator:
    """How an operator parses its values; `read` takes the text, and whether it may have variables."""

    read: Callable[[str, bool], Value]
    negated: bool = False


def _equals(text: str, variables: bool) -> Value:
    return _Text(parse_pattern(text, variables=variables, wildcards=False))


def _equals_ignoring_case(text: str, variables: bool) -> Value:
    return _Text(parse_pattern(text, variables=variables, wildcards=False, ignores_case=True))


def _like(text: str, variables: bool) -> Value:
    return _Text(parse_pattern(text, variables=variables))


def _arn(text: str, variables: bool) -> Value:
    parts = parse_arn_pattern(text, variables=variables)
    if parts is None:
        raise ValueError(f"{text!r} has not the six parts of an ARN (arn:aws:sns:*:111122223333:topic)")
    return _Arn(parts)


def _boolean(text: str) -> str:
    if text.lower() not in {"true", "false"}:
        raise ValueError(f"{text!r} is neither true nor false")
    return text.lower()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text.encode("ascii"), validate=True)


def _network(text: str, _: bool) -> Value:
    return _Addresses(ipaddress.ip_network(text, strict=False))


def _quantities(name: str, read: Callable[[str], Decimal]) -> Mapping[str, Operator]:
    relations = {
        "Equals": operator.eq,
        "LessThan": operator.lt,
        "LessThanEquals": operator.le,
        "GreaterThan": operator.gt,
        "GreaterThanEquals": operator.ge,
    }

    def reader(relation: Callable[[Decimal, Decimal], bool]) -> Callable[[str, bool], Value]:
        return lambda text, _: _Quantity(relation, read(text), read)

    operators = {f"{name}{word}": Operator(reader(relation)) for word, relation in relations.items()}
    return operators | {f"{name}NotEquals": Operator(reader(operator.eq), negated=True)}


OPERATORS: Mapping[str, Operator] = {
    "StringEquals": Operator(_equals),
    "StringNotEquals": Operator(_equals, negated=True),
    "StringEqualsIgnoreCase": Operator(_equals_ignoring_case),
    "StringNotEqualsIgnoreCase": Operator(_equals_ignoring_case, negated=True),
    "StringLike": Operator(_like),
    "StringNotLike": Operator(_like, negated=True),
    "ArnEquals": Operator(_arn),
    "ArnLike": Operator(_arn),
    "ArnNotEquals": Operator(_arn, negated=True),
    "ArnNotLike": Operator(_arn, negated=True),
    **_quantities("Numeric", parse_number),
    **_quantities("Date", parse_date),
    "Bool": Operator(lambda text, _: _Exact(_boolean(text), _boolean)),
    "Null": Operator(lambda text, _: _Exact(_boolean(text), _boolean)),
    "BinaryEquals": Operator(lambda text, _: _Exact(_bytes(text), _bytes)),
    "IpAddress": Operator(_network),
    "NotIpAddress": Operator(_network, negated=True),
}
"""By name, without `ForAllValues:`, `ForAnyValue:` and `IfExists`."""
