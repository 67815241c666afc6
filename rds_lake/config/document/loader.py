"""YAML as lake.yaml has it: the words of YAML 1.2, keys that are unique, values of the environment.

PyYAML reads YAML 1.1, in which `on` is true, `010` is eight, `1:30` is ninety and `2026-01-01` is a date. Here those are text, as
editors and YAML 1.2 read them (https://yaml.org/spec/1.2.2/#103-core-schema): a key for text gets what the person wrote, and a key
for a number or a date reads the text itself.

What belongs here: text to Python's values. What the values have to be is the models'.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from rds_lake.config.document.environment import Interpolated, interpolate

# What PyYAML raises of values such as `!!bool x` and `!!int ''`.
_NOT_A_VALUE = (ValueError, ArithmeticError, LookupError, AttributeError)
_MERGE = "tag:yaml.org,2002:merge"
_TEXT = "tag:yaml.org,2002:str"
# Of YAML 1.2's core schema; a number with a leading zero stays text: it is an account id more often than a number.
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
    """What is wrong with a place of the text, line and column from 0."""

    line: int
    column: int
    text: str


@dataclass(slots=True)
class Notes:
    """What the loader found beside the values.

    `secrets`: the values of variables, each with the name that may be shown instead. `unset`: the nodes whose variable is not set.
    """

    problems: list[Marked] = field(default_factory=list)
    secrets: dict[str, str] = field(default_factory=dict)
    unset: set[int] = field(default_factory=set)


class LakeLoader(yaml.SafeLoader):
    """Reads one document; what is wrong with keys and variables is collected in `notes`, for one error with everything else."""

    yaml_implicit_resolvers: dict[Any, Any] = {}

    def __init__(self, text: str, environment: Mapping[str, str]) -> None:
        super().__init__(text)
        self.notes = Notes()
        self._environment = environment

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """YAML's rule that keys are unique, which PyYAML does not enforce: the second `rename:` would win silently."""
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != _MERGE:
                if key.value in seen:
                    self._note(key, f"the key {key.value!r} is written twice; remove one of the two")
                seen.add(key.value)
        return super().construct_mapping(node, deep=deep)

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """With the place of a scalar that is not what its tag, or its look, says: `!!int x`, a number of 5,000 digits."""
        try:
            return super().construct_object(node, deep=deep)
        except _NOT_A_VALUE as error:
            if not isinstance(node, yaml.ScalarNode):
                raise
            kind = node.tag.rpartition(":")[2]
            problem = f"this cannot be read as {kind}; put it in quotes, and remove any word with ! before it"
            raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark) from error

    def construct_text(self, node: yaml.ScalarNode) -> str:
        """Text, with `${NAME}` replaced by the variable of the environment."""
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
