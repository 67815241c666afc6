"""Parses and writes types: Hive's (`array<int>`), Trino's (`array(integer)`), DuckDB's (`INTEGER[]`).

A column of DynamoDB may have a type of 131,072 characters and thirty levels. So each character is read once, and no function is
recursive.

What belongs here: the form of a type. The meaning of its words is in `types.py`.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

_QUOTED = r'"(?:[^"]|"")*"'
_MARK = re.compile(r"\s*([,>)])")


@dataclass(slots=True)
class Type:
    """`word`: array, map or row, whose `parts` are types, or a plain type's own text. `names`: of a row's parts."""

    word: str
    parts: list[Type] = field(default_factory=list)
    names: list[str] = field(default_factory=list)

    @property
    def is_nested(self) -> bool:
        return bool(self.parts)

    def fields(self) -> list[tuple[str, Type]]:
        """Returns a row's names and types."""
        return list(zip(self.names, self.parts, strict=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Grammar:
    opening: re.Pattern[str]  # the word of a nested type with its bracket
    words: dict[str, str]
    closing: str
    name: re.Pattern[str]  # a field's name, and what is between it and its type
    plain: re.Pattern[str]
    suffix: re.Pattern[str] | None = None  # of DuckDB's arrays, behind their type
    unnamed: str = ""  # the word of a row whose fields have no names


_HIVE = _Grammar(
    opening=re.compile(r"\s*(array|map|struct)\s*<"),
    words={"array": "array", "map": "map", "struct": "row"},
    closing=">",
    name=re.compile(r"\s*(`(?:[^`]|``)*`|[^:<>,`]+)\s*:"),
    plain=re.compile(r"\s*([^<>(),:\s]+\s*(?:\([\d\s,]*\))?)"),
)
_TRINO = _Grammar(
    opening=re.compile(r"\s*(array|map|row)\s*\("),
    words={"array": "array", "map": "map", "row": "row"},
    closing=")",
    name=re.compile(rf"\s*({_QUOTED}|[^\s\"(),]+)\s+"),
    plain=re.compile(r"\s*([^(),\"]+(?:\([\d\s,]*\)[^(),\"]*)?)"),
)
_DUCK = _Grammar(
    opening=re.compile(r"\s*(MAP|STRUCT|TUPLE)\s*\("),
    words={"MAP": "map", "STRUCT": "row", "TUPLE": "row"},
    closing=")",
    name=re.compile(rf"\s*({_QUOTED}|[^\s\"(),]+)\s+"),
    plain=re.compile(rf"\s*((?:{_QUOTED}|[^(),\"\[]+)(?:\([^()]*\)[^(),\[]*)?)"),
    suffix=re.compile(r"\s*\[\d*\]"),
    unnamed="TUPLE",
)


@functools.lru_cache(maxsize=4096)
def read_hive(text: str) -> Type:
    """Returns the type of Glue's text, in any case. ValueError if the text is not a type."""
    return _Reader(_HIVE, text.lower()).read()


@functools.lru_cache(maxsize=4096)
def read_trino(text: str) -> Type:
    """Returns the type of a query's text. ValueError if the text is not a type."""
    return _Reader(_TRINO, text).read()


@functools.lru_cache(maxsize=4096)
def read_duck(text: str) -> Type:
    """Returns the type of DuckDB's text. ValueError if the text is not a type."""
    return _Reader(_DUCK, text).read()


class _Reader:
    def __init__(self, grammar: _Grammar, text: str) -> None:
        self._grammar = grammar
        self._text = text
        self._at = 0
        # Nested types that are not complete yet, and whether their fields have names.
        self._open: list[tuple[Type, bool]] = []

    def read(self) -> Type:
        while True:
            match = self._take(self._grammar.opening)
            if match is not None:
                word = self._grammar.words[match[1]]
                self._open.append((Type(word), word == "row" and match[1] != self._grammar.unnamed))
                self._name()
                continue
            match = self._take(self._grammar.plain)
            if match is None:
                raise self._refusal()
            if (done := self._handed_up(Type(match[1].strip()))) is not None:
                return done

    def _handed_up(self, done: Type) -> Type | None:
        """Add a complete type to the type around it, and so on while that is complete. Returns the outermost type at the end."""
        while True:
            while self._grammar.suffix is not None and self._take(self._grammar.suffix) is not None:
                done = Type("array", [done])
            if not self._open:
                if self._text[self._at :].strip():
                    raise self._refusal()
                return done
            around, _ = self._open[-1]
            around.parts.append(done)
            match = self._take(_MARK)
            mark = match[1] if match is not None else ""
            if mark == ",":
                self._name()
                return None
            if mark != self._grammar.closing or len(around.parts) != {"array": 1, "map": 2}.get(
                around.word, len(around.parts)
            ):
                raise self._refusal()
            done, named = self._open.pop()
            if done.word == "row" and not named:
                done.names = [f"field{number}" for number in range(len(done.parts))]

    def _name(self) -> None:
        around, named = self._open[-1]
        if named:
            match = self._take(self._grammar.name)
            if match is None:
                raise self._refusal()
            around.names.append(_bare(match[1]))

    def _take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        match = pattern.match(self._text, self._at)
        if match is not None:
            self._at = match.end()
        return match

    def _refusal(self) -> ValueError:
        return ValueError(f"{self._text[:60]!r} is not a type: unexpected text at character {self._at + 1}")


def _bare(name: str) -> str:
    """Returns a field's name without its quotes."""
    name = name.strip()
    mark = name[0]
    return name[1:-1].replace(mark * 2, mark) if mark in '"`' and len(name) > 1 and name.endswith(mark) else name


def write(kind: Type, pieces: Callable[[Type], Sequence[str | Type]]) -> str:
    """Returns a type as text. `pieces` returns the texts and inner types of which a type consists."""
    written: list[str] = []
    todo: list[str | Type] = [kind]
    while todo:
        item = todo.pop()
        if isinstance(item, str):
            written.append(item)
        else:
            todo.extend(reversed(pieces(item)))
    return "".join(written)


def listed(before: str, parts: Sequence[tuple[str, Type]], between: str, after: str) -> list[str | Type]:
    """Returns the pieces of a nested type: `before`, its labelled parts separated by `between`, and `after`."""
    pieces: list[str | Type] = [before]
    for number, (label, part) in enumerate(parts):
        pieces += [between + label if number else label, part]
    return [*pieces, after]
