"""The text of lake.yaml: YAML whose keys are unique, and pydantic's findings as sentences.

What belongs here: reading and explaining. The settings are `config/lake_yaml.py`.
"""

from __future__ import annotations

from typing import Any

import yaml
from pydantic_core import ErrorDetails


class UniqueKeyLoader(yaml.SafeLoader):
    """YAML's rule that keys are unique, which PyYAML does not enforce: the second `rename:` would win silently."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[object] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, str) and key in seen:
                raise yaml.constructor.ConstructorError(
                    "while reading a mapping",
                    node.start_mark,
                    f"the key {key!r} stands twice",
                    key_node.start_mark,
                )
            if isinstance(key, str):
                seen.add(key)
        return super().construct_mapping(node, deep=deep)


def explain(detail: ErrorDetails) -> str:
    """One pydantic finding as a sentence with its place and the remedy."""
    place = ".".join(str(part) for part in detail["loc"]) or "lake.yaml"
    match detail["type"]:
        case "extra_forbidden":
            return f"{place}: unknown key; remove it or correct its spelling (docs/configuration.md lists all)"
        case "missing":
            return f"{place}: is required; add it (docs/configuration.md describes it)"
        case "literal_error":
            return f"{place}: {detail['msg']}, not {detail['input']!r}"
        case "value_error":
            return f"{place}: {detail['msg'].removeprefix('Value error, ')}"
        case _:
            return f"{place}: {detail['msg']} (it is {detail['input']!r})"
