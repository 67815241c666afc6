"""The JSON schema of lake.yaml, for editors: completion, descriptions, and errors while typing.

It is made from the settings' models. What it cannot say is the validator's alone: rules about several keys, names that must differ,
ARNs, cron schedules. What it refuses the validator refuses too, but for words that still work (`engine: glue` of DynamoDB, `off` for
false, a number in quotes).

The file that ships is `lake.schema.json` beside this module; a test holds it to the models.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from rds_lake.config.lake_yaml import LakeConfig

SCHEMA_FILE = Path(__file__).with_name("lake.schema.json")
_DIALECT = "http://json-schema.org/draft-07/schema#"  # the one that yaml-language-server knows best
_REFERENCE = {"type": "string", "pattern": r"\$\{[A-Za-z_][A-Za-z0-9_]*(:-[^}]*)?\}"}
_SCALARS = ("string", "integer", "number", "boolean")
_ABOUT = ("title", "description", "default", "examples")


def lake_schema() -> dict[str, Any]:
    """The schema as a dictionary of draft 7."""
    made = LakeConfig.model_json_schema(ref_template="#/definitions/{model}")
    models: dict[str, Any] = {name: _opened(model) for name, model in made["$defs"].items()}
    sections = {
        key: {word: part for word, part in value.items() if word != "title"}
        for key, value in made["properties"].items()
    }
    for section in sections.values():
        if "discriminator" in section.get("items", {}):
            section["items"] = _by_kind(section["items"], models)
    variable = {"description": "A variable of the environment: ${NAME} or ${NAME:-default}.", **_REFERENCE}
    return {
        "$schema": _DIALECT,
        "title": "lake.yaml of rds-lake",
        "type": "object",
        "additionalProperties": False,
        "required": made["required"],
        "properties": sections,
        "definitions": {**models, "FromEnvironment": variable},
    }


def schema_text() -> str:
    """The schema as the file has it."""
    return json.dumps(lake_schema(), indent=1, ensure_ascii=False) + "\n"


def _by_kind(union: dict[str, Any], models: dict[str, Any]) -> dict[str, Any]:
    """An entry whose `kind` says which keys it has: an editor then shows the problems of that kind alone."""
    kinds = union["discriminator"]["mapping"]
    described = [models[ref.rpartition("/")[2]]["properties"]["kind"].get("description", "") for ref in kinds.values()]
    return {
        "type": "object",
        "required": ["kind"],
        "properties": {"kind": {"enum": list(kinds), "description": "\n\n".join(described)}},
        "allOf": [
            {"if": {"properties": {"kind": {"const": kind}}, "required": ["kind"]}, "then": {"$ref": reference}}
            for kind, reference in kinds.items()
        ],
    }


def _opened(model: dict[str, Any]) -> dict[str, Any]:
    """A section whose values may be variables of the environment; without the titles that repeat the keys."""
    properties = {key: _with_variables(value) for key, value in model.get("properties", {}).items()}
    return {key: value for key, value in model.items() if key != "title"} | (
        {"properties": properties} if properties else {}
    )


def _with_variables(value: dict[str, Any]) -> dict[str, Any]:
    value = {key: part for key, part in value.items() if key != "title" and (key, part) != ("default", None)}
    if "const" in value or "anyOf" in value or "oneOf" in value:
        return {
            key: [_with_variables(choice) for choice in part] if key in ("anyOf", "oneOf") else part
            for key, part in value.items()
        }
    if isinstance(value.get("items"), dict):
        return value | {"items": _with_variables(value["items"])}
    if isinstance(value.get("additionalProperties"), dict):
        return value | {"additionalProperties": _with_variables(value["additionalProperties"])}
    narrow = value.get("type") in _SCALARS and (
        value["type"] != "string" or {*value} & {"enum", "pattern", "format", "maxLength"}
    )
    if not narrow:
        return value
    about = {key: part for key, part in value.items() if key in _ABOUT}
    rest = {key: part for key, part in value.items() if key not in _ABOUT}
    return about | {"anyOf": [rest, {"$ref": "#/definitions/FromEnvironment"}]}


if __name__ == "__main__":
    sys.stdout.write(schema_text())
