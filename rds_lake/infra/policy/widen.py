"""Shortens a policy that is longer than IAM allows: patterns replace exact names, the narrowest possible first.

    arn:…:db:shop-eu-1, arn:…:db:shop-eu-2, arn:…:db:billing     too long
    arn:…:db:shop-eu-*, arn:…:db:billing                         the two names with the longest common prefix
    arn:…:db:*                                                   at worst

Why patterns, and not several policies: docs/decisions/0020.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from os.path import commonprefix

from rds_lake.infra.policy.document import PolicyDocument, Resource, Statement, counted


def fitted(statements: Sequence[Statement], limit: int) -> PolicyDocument:
    """Returns the statements as a document of at most `limit` characters, or with every name replaced if even that is too long.

    Resources that another resource of their statement covers are left out. The same statements always give the same document.
    """
    exact = PolicyDocument(
        statements=tuple(replace(statement, resources=_uncovered(statement.resources)) for statement in statements)
    )
    excess = exact.characters - limit
    groups = [_Group.of(at, stem, names) for at, stem, names in _names(exact.statements)]
    longest = max((len(entry.pattern) for group in groups for entry in group.entries), default=0)
    for level in range(longest, -1, -1):
        for group in groups:
            if excess > 0:
                excess -= group.widen(level, excess)
    return _rebuilt(exact.statements, groups)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """A name, or the common prefix of `names` names, to which `*` is added."""

    pattern: str
    names: int = 1

    @property
    def text(self) -> str:
        return self.pattern if self.names == 1 else f"{self.pattern}*"

    def common(self, other: _Entry) -> str:
        """Returns the common prefix, up to which a `*` can be added."""
        return commonprefix([self.pattern, other.pattern]).rstrip("*")  # noqa: RUF071 - names are no paths


@dataclass(slots=True, kw_only=True)
class _Group:
    """The names of one statement that have the same stem, sorted."""

    at: int
    stem: str
    entries: list[_Entry]

    @classmethod
    def of(cls, at: int, stem: str, names: Sequence[str]) -> _Group:
        return cls(at=at, stem=stem, entries=[_Entry(pattern=name) for name in names])

    def widen(self, level: int, excess: int) -> int:
        """Replace neighbours with `level` or more equal characters, until `excess` characters are saved; returns how many."""
        saved = 0
        kept: list[_Entry] = []
        for entry in self.entries:
            common = kept[-1].common(entry) if kept else ""
            covered = bool(kept) and kept[-1].names > 1 and common == kept[-1].pattern
            if not kept or len(common) < level or (saved >= excess and not covered):
                kept.append(entry)
                continue
            merged = _Entry(pattern=common, names=kept[-1].names + entry.names)
            saved += self._length(kept[-1]) + self._length(entry) - self._length(merged)
            kept[-1] = merged
        self.entries = kept
        return saved

    def _length(self, entry: _Entry) -> int:
        return counted(json.dumps(self.stem + entry.text, ensure_ascii=False)) + 1  # and a comma

    def resources(self) -> Iterator[Resource]:
        return (Resource(stem=self.stem, name=entry.text) for entry in self.entries)

    def said(self, sid: str) -> Iterator[str]:
        for entry in self.entries:
            if entry.names > 1:
                yield f"{sid}: {self.stem}{entry.text} takes the place of {entry.names} names"


def _names(statements: Sequence[Statement]) -> Iterator[tuple[int, str, list[str]]]:
    for at, statement in enumerate(statements):
        named = sorted((item.stem, item.name) for item in statement.resources if item.name)
        for stem, items in groupby(named, key=lambda item: item[0]):
            yield at, stem, [name for _, name in items]


def _uncovered(resources: Sequence[Resource]) -> tuple[Resource, ...]:
    """Returns the resources without duplicates, and without those that a pattern `…*` among them covers."""
    distinct = list({item.arn: item for item in resources}.values())
    beginnings = {item.arn[:-1] for item in distinct if item.arn.endswith("*")}
    return tuple(item for item in distinct if not _is_covered(item.arn, beginnings))


def _is_covered(arn: str, beginnings: set[str]) -> bool:
    """Whether the ARN begins with one of these; a pattern does not cover itself."""
    longest = len(arn) - 2 if arn.endswith("*") else len(arn)
    return any(arn[:length] in beginnings for length in range(longest + 1))


def _rebuilt(statements: Sequence[Statement], groups: Sequence[_Group]) -> PolicyDocument:
    by_statement = {at: [group for group in groups if group.at == at] for at in range(len(statements))}
    rebuilt = [
        replace(
            statement,
            resources=_uncovered(
                [
                    *(item for item in statement.resources if not item.name),
                    *(item for group in by_statement[at] for item in group.resources()),
                ]
            ),
        )
        for at, statement in enumerate(statements)
    ]
    widened = (line for group in groups for line in group.said(statements[group.at].sid))
    return PolicyDocument(statements=tuple(rebuilt), widened=tuple(widened))
