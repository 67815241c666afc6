"""The text of lake.yaml: YAML whose keys are unique, and pydantic's findings as sentences.

What belongs here: YAML, and every sentence about a single key.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from difflib import get_close_matches
from typing import Any, TypeAlias, get_args

import yaml
from pydantic import BaseModel
from pydantic_core import ErrorDetails

_SHOWN = 100

# Says where an unknown key belongs: a sentence; "" to say nothing at all; None when it belongs nowhere.
Elsewhere: TypeAlias = Callable[[str], str | None]


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
                    f"the key {key!r} is written twice; remove one of the two",
                    key_node.start_mark,
                )
            if isinstance(key, str):
                seen.add(key)
        return super().construct_mapping(node, deep=deep)


def explain(detail: ErrorDetails, model: type[BaseModel], place: str, elsewhere: Elsewhere) -> str:
    """One pydantic finding in the section at `place` as a sentence with its place and the remedy.

    "" where `elsewhere` has nothing to say of an unknown key.
    """
    keys = [str(part) for part in detail["loc"]]
    where = ".".join([place, *_written(keys)])
    value = shown(detail["input"])
    match detail["type"]:
        case "extra_forbidden":
            said = elsewhere(keys[-1]) if len(keys) == 1 else None
            return (
                unknown_key(where, keys[-1], _keys_at(model, keys[:-1]))
                if said is None
                else said and f"{where}: {said}"
            )
        case "missing":
            return f"{where}: is required; add it (docs/configuration.md describes it)"
        case "too_short":
            return f"{where}: must not be empty; add what belongs there (docs/configuration.md describes it)"
        case "invalid_key":
            return f"{where}: keys are words, and {value} is none; correct it or put it in quotes"
        case "value_error":
            return f"{where}: {detail['msg'].removeprefix('Value error, ')}"
        case _ if detail["input"] is None or detail["input"] == "":
            return f"{where}: has no value; write one, or remove the key (docs/configuration.md describes it)"
        case "literal_error":
            return f"{where}: {detail['msg']}, not {value}"
        case _:
            return f"{where}: {detail['msg']} (it is {value})"


def unknown_key(place: str, key: str, known: Iterable[str]) -> str:
    """The sentence for a key that does not exist, with the nearest that does."""
    if nearest := get_close_matches(key.lower(), list(known), n=1):
        return f"{place}: unknown key; did you mean `{nearest[0]}`? Remove it or correct its spelling"
    return f"{place}: unknown key; remove it or correct its spelling (docs/configuration.md lists all)"


def shown(value: object) -> str:
    """The value for a message, shortened."""
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _written(keys: list[str]) -> list[str]:
    """The place as lake.yaml has it: without the tags of the types that a value may have (`shared.MaxDrop`)."""
    return [key for key in keys if key not in ("[part]", "[by view]", "[key]")]


def _keys_at(model: type[BaseModel], keys: list[str]) -> Iterable[str]:
    """The keys of the section below the model that `keys` lead to."""
    for key in keys:
        field = model.model_fields.get(key)
        types = (field.annotation, *get_args(field.annotation)) if field else ()
        below = [kind for kind in types if isinstance(kind, type) and issubclass(kind, BaseModel)]
        if not below:
            return ()
        model = below[0]
    return model.model_fields
