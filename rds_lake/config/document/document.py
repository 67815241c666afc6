"""lake.yaml as a document: its values, and the line and column of each.

A problem begins with a path of keys, `sources.0.retention.daily: …`, or with the name of a source or warehouse, `source 'shop': …`.
This module finds the path in the text, so that the code of the settings needs no line numbers:

    sources.0.retention.dayly: unknown key   ->   line 12, column 18: source shop: retention.dayly: unknown key

Every environment variable may contain a secret, so problems show `${NAME}` instead of its value.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import yaml

from rds_lake.config.document.loader import LakeLoader, Notes
from rds_lake.config.document.secrets import without_secrets
from rds_lake.config.document.syntax import syntax_problem
from rds_lake.errors import ConfigError

# PyYAML's errors about text that it cannot read; for values such as `!!bool x` and `!!int ''` they are not YAMLError.
_NOT_YAML = (yaml.YAMLError, ValueError, ArithmeticError, LookupError, AttributeError, RecursionError)
_ENTRY = re.compile(r"(?P<section>(?P<noun>[a-z]+)s)\.(?P<number>\d+)(?:\.|: )")
_NAMED = re.compile(r"(two sources are named|source|warehouse) '((?:[^'\\]|\\.)*)'(?:: )?")
_SECTION_OF = {"warehouse": "warehouses"}
_SAME_NAME = re.compile(r"\d+ sources and warehouses have that name")


@dataclass(frozen=True, slots=True)
class _Spot:
    """The deepest node on a problem's path. `mark`: where its key begins."""

    node: yaml.Node
    mark: yaml.Mark


@dataclass(frozen=True, slots=True)
class Document:
    """The parsed text: its values (`body`), its nodes, and the loader's notes."""

    body: object
    root: yaml.Node | None
    notes: Notes

    def placed(self, problems: Iterable[str]) -> list[str]:
        """Returns the problems and the loader's own, each with line, column and the source's name, in the order of the file."""
        places = [(note.line, note.column, note.text) for note in self.notes.problems]
        places += [place for problem in problems if (place := self._placed(problem))]
        return [f"line {line + 1}, column {column + 1}: {text}" for line, column, text in sorted(dict.fromkeys(places))]

    def _placed(self, problem: str) -> tuple[int, int, str] | None:
        """Returns line, column and text; None for a problem that an unset variable causes, which is reported separately."""
        problem = problem.removeprefix("lake.yaml: ")
        spot = self._spot(problem)
        if spot is None:
            return 0, 0, without_secrets(problem, self.notes.secrets)
        if not self.notes.unset.isdisjoint(_nodes(spot.node)) and not isinstance(spot.node, yaml.MappingNode):
            return None
        text = without_secrets(self._named(problem), self.notes.secrets)
        return spot.mark.line, spot.mark.column, text

    def _named(self, problem: str) -> str:
        """Returns the problem with the name of the source or warehouse instead of its number."""
        if match := _ENTRY.match(problem):
            entries, number = self._entries(match["section"]), int(match["number"])
            name = _name(entries[number]) if number < len(entries) else None
            return f"{match['noun']} {name or f'number {number + 1}'}: {problem[match.end() :]}"
        return re.sub(r"^(source|warehouse) '([^']*)'", r"\1 \2", problem)

    def _spot(self, problem: str) -> _Spot | None:
        if self.root is None:
            return None
        if match := _NAMED.match(problem):
            section = _SECTION_OF.get(match[1], "sources")
            entries = [entry for entry in self._entries(section) if _name(entry) == match[2]]
            if entries:
                is_second = match[1].startswith("two") or _SAME_NAME.match(problem, match.end())
                entry = entries[-1 if is_second else 0]
                return _deepest(_Spot(entry, entry.start_mark), problem[match.end() :])
        return _deepest(_Spot(self.root, self.root.start_mark), problem)

    def _entries(self, section: str) -> list[yaml.Node]:
        entries = _value(self.root, section)
        return list(entries.value) if isinstance(entries, yaml.SequenceNode) else []


def read_document(text: str, *, where: str, environment: Mapping[str, str]) -> Document:
    """Returns the document in `text`. ConfigError if it is not YAML; `where`: its name in the error."""
    try:
        loader = LakeLoader(text, environment)
        root = loader.get_single_node()
        body = loader.construct_document(root) if root is not None else None
    except _NOT_YAML as error:
        raise ConfigError(f"{where} is not YAML: {syntax_problem(error, text)}") from error
    return Document(body, root, loader.notes)


def _deepest(spot: _Spot, rest: str) -> _Spot:
    """Follows the path at the beginning of the problem as far as the document has it; a key may contain dots."""
    while True:
        following = _following(spot, rest)
        if following is None:
            return spot
        spot, rest = following


def _following(spot: _Spot, rest: str) -> tuple[_Spot, str] | None:
    if isinstance(spot.node, yaml.SequenceNode):
        match = re.match(r"(\d+)(?:\.|: )", rest)
        if not match or int(match[1]) >= len(spot.node.value):
            return None
        item = spot.node.value[int(match[1])]
        return _Spot(item, item.start_mark), rest[match.end() :]
    if not isinstance(spot.node, yaml.MappingNode):
        return None
    pairs = [(key, value) for key, value in spot.node.value if isinstance(key, yaml.ScalarNode)]
    fits = [
        (key, value) for key, value in pairs if key.value and re.match(rf"{re.escape(key.value)}(?:\.|: | |$)", rest)
    ]
    if not fits:
        return None
    key, value = max(fits, key=lambda pair: len(pair[0].value))
    after = rest[len(key.value) :]
    return _Spot(value, key.start_mark), re.sub(r"^(?:\.|: )", "", after)


def _value(node: yaml.Node | None, name: str) -> yaml.Node | None:
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    return next((value for key, value in pairs if key.value == name), None)


def _name(entry: yaml.Node) -> str | None:
    """Returns the name as written in the file, with variables as `${NAME}`; None if there is none."""
    name = _value(entry, "name")
    return (
        str(name.value) if isinstance(name, yaml.ScalarNode) and not name.tag.endswith(":null") and name.value else None
    )


def _nodes(node: yaml.Node) -> Iterator[int]:
    waiting, seen = [node], set[int]()
    while waiting:
        here = waiting.pop()
        if id(here) in seen:
            continue
        seen.add(id(here))
        yield id(here)
        if isinstance(here, yaml.SequenceNode):
            waiting += here.value
        elif isinstance(here, yaml.MappingNode):
            waiting += [node for pair in here.value for node in pair]
