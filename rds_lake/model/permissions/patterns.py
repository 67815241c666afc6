"""Texts in a policy: `*` matches any characters, `?` one character, `${aws:username}` a value of the request.

A value that replaces a variable is plain text: a user named `*` gets no access to other users' folders.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Protocol

Context = Mapping[str, tuple[str, ...]]
"""The request's condition keys, in small letters, and their values."""

_PIECE = re.compile(r"\$\{([^}]*)\}|([*?])|([^$*?]+|\$)", re.DOTALL)
_VARIABLE = re.compile(r"([^\s,']+)(?:\s*,\s*'([^']*)')?")
_ARN_PARTS = 6


class Wildcard(StrEnum):
    """A character of a pattern that matches other characters."""

    MANY = "*"
    ONE = "?"


@dataclass(frozen=True, slots=True)
class Variable:
    """`${key, 'default'}`; the key is in lower case."""

    key: str
    default: str | None

    def value(self, context: Context) -> str | None:
        """Returns the variable's value; None if the request has no value or several: AWS then uses none."""
        values = context.get(self.key, ())
        return values[0] if len(values) == 1 else self.default


Part = str | Wildcard | Variable


class Pattern(Protocol):
    """A text of a policy, which is compared with the request's."""

    def matches(self, value: str, context: Context) -> bool:
        """Whether the pattern matches the whole `value`."""
        ...


@dataclass(frozen=True, slots=True)
class Plain:
    """A text without wildcards and variables; in lower case if the comparison ignores case."""

    text: str
    ignores_case: bool = False

    def matches(self, value: str, context: Context) -> bool:  # noqa: ARG002 - no variables
        return (value.lower() if self.ignores_case else value) == self.text


@dataclass(frozen=True, slots=True)
class Glob:
    """A text with wildcards."""

    expression: re.Pattern[str]

    def matches(self, value: str, context: Context) -> bool:  # noqa: ARG002 - no variables
        return self.expression.fullmatch(value) is not None


@dataclass(frozen=True, slots=True)
class Template:
    """A text with variables. A variable without a value in the request matches nothing."""

    parts: tuple[Part, ...]
    ignores_case: bool

    def matches(self, value: str, context: Context) -> bool:
        parts = tuple(part.value(context) if isinstance(part, Variable) else part for part in self.parts)
        return None not in parts and _regex(parts, self.ignores_case).fullmatch(value) is not None


def parse_pattern(text: str, *, variables: bool, wildcards: bool = True, ignores_case: bool = False) -> Pattern:
    """Returns the pattern in `text`. Raises ValueError for an invalid variable.

    Without `variables` (version 2008-10-17), `${…}` is plain text; without `wildcards` (StringEquals), `*` and `?` are
    plain text.
    """
    return _pattern(_parts(text, variables, wildcards), ignores_case)


def parse_arn_pattern(text: str, *, variables: bool) -> tuple[Pattern, ...] | None:
    """Returns the patterns of an ARN's six parts; None if it has fewer. The last part keeps its colons."""
    patterns: list[list[Part]] = [[]]
    for part in _parts(text, variables, wildcards=True):
        if type(part) is not str:
            patterns[-1].append(part)
            continue
        first, *more = part.split(":", _ARN_PARTS - len(patterns))
        patterns[-1].append(first)
        patterns.extend([text] for text in more)
    return tuple(_pattern(parts, ignores_case=False) for parts in patterns) if len(patterns) == _ARN_PARTS else None


def _pattern(parts: list[Part], ignores_case: bool) -> Pattern:
    if any(isinstance(part, Variable) for part in parts):
        return Template(tuple(parts), ignores_case)
    if any(isinstance(part, Wildcard) for part in parts):
        return Glob(_regex(tuple(part for part in parts if not isinstance(part, Variable)), ignores_case))
    text = "".join(map(str, parts))
    return Plain(text.lower() if ignores_case else text, ignores_case)


def _parts(text: str, variables: bool, wildcards: bool) -> list[Part]:
    if variables and "${" in _PIECE.sub(lambda match: match[3] or "x", text):
        raise ValueError(f"{text!r} has a `${{` without its `}}`; write `${{$}}` for a dollar sign")
    return [_part(match, variables, wildcards) for match in _PIECE.finditer(text)]


def _part(match: re.Match[str], variables: bool, wildcards: bool) -> Part:
    inside, wildcard, text = match.groups()
    if wildcard is not None:
        return Wildcard(wildcard) if wildcards else wildcard
    if inside is None:
        return text
    return _variable(inside) if variables else match[0]


def _variable(inside: str) -> str | Variable:
    if inside in {"*", "?", "$"}:
        return inside
    match = _VARIABLE.fullmatch(inside.strip())
    if match is None:
        raise ValueError(
            f"`${{{inside}}}` is not a policy variable (`${{aws:username}}`, `${{aws:PrincipalTag/team, 'none'}}`)"
        )
    return Variable(match[1].lower(), match[2])


@lru_cache(maxsize=4096)
def _regex(parts: tuple[str | Wildcard | None, ...], ignores_case: bool) -> re.Pattern[str]:
    """Returns a regular expression that never backtracks over a matched `*`, so that no pattern is slow."""
    pieces = [""]
    for part in parts:
        if part is Wildcard.MANY:
            pieces += [""] if pieces[-1] or len(pieces) == 1 else []
        else:
            pieces[-1] += "." if part is Wildcard.ONE else re.escape(str(part))
    flags = re.DOTALL | re.IGNORECASE if ignores_case else re.DOTALL
    first, *middle = pieces
    if not middle:
        return re.compile(first, flags)
    last = middle.pop()
    return re.compile(first + "".join(f"(?>.*?{piece})" for piece in middle) + ".*" + last, flags)
