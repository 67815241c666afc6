"""Finds the references in a value of a template: Ref, Fn::GetAtt, and both within Fn::Sub."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

_VARIABLE = re.compile(r"\$\{(!?)([^}]*)\}")


def references(value: Any) -> Iterator[tuple[str, str | None]]:
    """Returns name and attribute (None for Ref) of every reference."""
    if isinstance(value, list):
        for item in value:
            yield from references(item)
    if not isinstance(value, dict):
        return
    function, argument = next(iter(value.items())) if len(value) == 1 else ("", None)
    if function == "Ref" and isinstance(argument, str):
        yield argument, None
    elif function == "Fn::GetAtt":
        name, attribute = attribute_of(argument)
        yield name, str(attribute)
        yield from references(attribute)
    elif function == "Fn::Sub":
        yield from _in_text(argument)
    else:
        for item in value.values():
            yield from references(item)


def attribute_of(argument: Any) -> tuple[str, Any]:
    """Returns resource and attribute of Fn::GetAtt, whose argument is a list, or one text in YAML."""
    name, attribute = argument.split(".", 1) if isinstance(argument, str) and "." in argument else (argument, "")
    if isinstance(argument, list) and len(argument) == 2:
        name, attribute = argument
    return str(name), attribute


def parts_of(text: str, variables: dict[str, Any]) -> list[Any]:
    """Returns the parts that Fn::Sub joins: texts, values of variables, Ref and Fn::GetAtt."""
    parts: list[Any] = []
    end = 0
    for match in _VARIABLE.finditer(text):
        parts.append(text[end : match.start()])
        literal, name = match.groups()
        if literal:
            parts.append(f"${{{name}}}")
        elif name in variables:
            parts.append(variables[name])
        else:
            parts.append({"Fn::GetAtt": name.split(".", 1)} if "." in name else {"Ref": name})
        end = match.end()
    return [part for part in [*parts, text[end:]] if part != ""]


def sub_of(argument: Any) -> tuple[str, dict[str, Any]]:
    """Returns text and variables of Fn::Sub, whose argument is a text, or a list of both."""
    text, variables = argument if isinstance(argument, list) and len(argument) == 2 else (argument, {})
    return (text if isinstance(text, str) else ""), (variables if isinstance(variables, dict) else {})


def _in_text(argument: Any) -> Iterator[tuple[str, str | None]]:
    yield from references(parts_of(*sub_of(argument)))
