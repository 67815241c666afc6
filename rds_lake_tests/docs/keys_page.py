"""The page of every key of lake.yaml, made from the JSON schema of the settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml

from rds_lake.config.schema import lake_schema

_ABOUT = """Made from the settings' own models when the site is built: each key with what it may be and its default.
[lake.yaml](../configuration.md) explains how they work together, and `rds-lake validate` checks a file.

Every number and text may be `${NAME}` or `${NAME:-default}`, a variable of the environment
([how](../project.md#values-of-the-environment)).
"""
_SECTIONS = {
    "LakeSettings": "`lake:`",
    "Rds": "`sources:`, `kind: rds`",
    "Aurora": "`sources:`, `kind: aurora`",
    "DynamoDb": "`sources:`, `kind: dynamodb`",
    "WarehouseSettings": "`warehouses:`",
}
_REFERENCE = "#/definitions/"


def keys_page() -> str:
    """The page as Markdown: the sections of the file first, then what their keys are made of."""
    definitions: Mapping[str, Any] = lake_schema()["definitions"]
    nested = [name for name in definitions if name not in _SECTIONS and name != "FromEnvironment"]
    parts = [f"# Every key of lake.yaml\n\n{_ABOUT}"]
    parts += [_section(title, definitions[name]) for name, title in _SECTIONS.items()]
    parts += [_section(name, definitions[name]) for name in nested]
    return "\n".join(parts)


def _section(title: str, model: Mapping[str, Any]) -> str:
    head = [
        f"## {title}",
        "",
        _text(model.get("description", "")),
        "",
        "| key | may be | default | meaning |",
        "|---|---|---|---|",
    ]
    required = model.get("required", ())
    rows = [_row(key, value, is_required=key in required) for key, value in model["properties"].items()]
    return "\n".join([*head, *rows, ""])


def _row(key: str, value: Mapping[str, Any], *, is_required: bool) -> str:
    default = value.get("default")
    shown = "required" if is_required else "" if default is None else f"`{_yaml(default)}`"
    kinds = ", ".join(dict.fromkeys(_kinds(value)))
    return f"| `{key}` | {kinds} | {shown} | {_text(value.get('description', ''))} |"


def _kinds(value: Mapping[str, Any]) -> Iterator[str]:
    """What a value may be, in words; a variable of the environment and `null` are left out, as they always may."""
    for part in [*value.get("anyOf", ()), *value.get("oneOf", ()), *value.get("allOf", ())]:
        yield from _kinds(part)
    if (name := value.get("$ref", _REFERENCE).removeprefix(_REFERENCE)) not in ("", "FromEnvironment"):
        yield f"[{name}](#{name.lower()})"
    elif "enum" in value or "const" in value:
        yield from (f"`{_yaml(item)}`" for item in value.get("enum", [value.get("const")]))
    elif value.get("type") == "array":
        yield f"list of {' or '.join(dict.fromkeys(_kinds(value.get('items', {})))) or 'anything'}"
    elif value.get("type") == "object":
        yield f"names with {' or '.join(dict.fromkeys(_kinds(_values(value)))) or 'anything'}"
    elif (word := value.get("type")) not in (None, "null"):
        yield " ".join([str(word), *_limits(value)])


def _values(value: Mapping[str, Any]) -> Mapping[str, Any]:
    inner = value.get("additionalProperties", {})
    return inner if isinstance(inner, dict) else {}


def _limits(value: Mapping[str, Any]) -> Sequence[str]:
    words = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    numbers = [f"{sign} {value[word]:g}".replace("<", "&lt;") for word, sign in words.items() if word in value]
    return [*numbers, f"`{_escaped(value['pattern'])}`"] if "pattern" in value else numbers


def _yaml(value: Any) -> str:
    text = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=10_000)
    return _escaped(text.removesuffix("\n").removesuffix("\n..."))


def _text(text: str) -> str:
    return _escaped(" ".join(text.split())).replace("<", "&lt;")


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")
