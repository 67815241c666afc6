"""Loads lake.yaml with the types of YAML 1.2, unique keys, and environment variables.

PyYAML reads YAML 1.1, in which `on` is true, `010` is eight, `1:30` is ninety and `2026-01-01` is a date. This loader reads them as
text, as editors and YAML 1.2 do (https://yaml.org/spec/1.2.2/#103-core-schema): a setting of type text gets the characters that
were written, and a setting of type number or date parses them itself.

What belongs here: converting text to Python's values. The models check the values.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from rds_lake.config.document.environment import Interpolated, interpolate

# PyYAML's errors about values such as `!!bool x` and `!!int ''`.
_NOT_A_VALUE = (ValueError, ArithmeticError, LookupError, AttributeError)
_MERGE = "tag:yaml.org,2002:merge"
_TEXT = "tag:yaml.org,2002:str"
# The types of YAML 1.2's core schema, except that a number with a leading zero stays text: it usually is an account id.
_WORDS = (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("int", r"[-+]?(?:0|[1-9][0-9]*)", "-+0123456789"),
    (
        "float",
        r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        "-+0123456789.",
    ),
    ("merge", r"<<", "<"),
)


@dataclass(slots=True)
class Marked:
    """A problem at a position of the text; line and column count from 0."""

    line: int
    column: int
    text: str


@dataclass(slots=True)
class Notes:
    """Problems and variables that the loader found.

    `secrets`: text with values of variables -> the text as written, which may be shown. `unset`: ids of nodes with a problem.
    """

    problems: list[Marked] = field(default_factory=list)
    secrets: dict[str, str] = field(default_factory=dict)
    unset: set[int] = field(default_factory=set)


class LakeLoader(yaml.SafeLoader):
    """Loads one document. Problems of keys and variables are collected in `notes`, so that one error can list all problems."""

    yaml_implicit_resolvers: dict[Any, Any] = {}

    def __init__(self, text: str, environment: Mapping[str, str]) -> None:
        super().__init__(text)
        self.notes = Notes()
        self._environment = environment

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Notes repeated keys: PyYAML does not enforce that keys are unique, and would ignore the first `rename:` silently."""
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != _MERGE:
                if key.value in seen:
                    self._note(key, f"the key {key.value!r} is written twice; remove one of the two")
                seen.add(key.value)
        return super().construct_mapping(node, deep=deep)

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """Adds the position to errors about scalars that do not fit their type, such as `!!int x` or a number of 5,000 digits."""
        try:
            return super().construct_object(node, deep=deep)
        except _NOT_A_VALUE as error:
            if not isinstance(node, yaml.ScalarNode):
                raise
            kind = node.tag.rpartition(":")[2]
            problem = f"this cannot be read as {kind}; put it in quotes, and remove any word with ! before it"
            raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark) from error

    def construct_text(self, node: yaml.ScalarNode) -> str:
        """Returns the text with `${NAME}` replaced by the environment variable."""
        made: Interpolated = interpolate(str(node.value), self._environment)
        for problem in made.problems:
            self._note(node, problem)
            self.notes.unset.add(id(node))
        if made.names:
            self.notes.secrets[made.text] = str(node.value)
        return made.text

    def _note(self, node: yaml.Node, text: str) -> None:
        self.notes.problems.append(Marked(node.start_mark.line, node.start_mark.column, text))


for _kind, _pattern, _first in _WORDS:
    LakeLoader.add_implicit_resolver(f"tag:yaml.org,2002:{_kind}", re.compile(f"^(?:{_pattern})$"), list(_first))
LakeLoader.add_constructor(_TEXT, LakeLoader.construct_text)
LakeLoader.add_constructor("tag:yaml.org,2002:int", lambda _, node: int(node.value))
