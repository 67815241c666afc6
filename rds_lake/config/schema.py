"""The JSON schema of lake.yaml, for editors: completion, descriptions, and errors while typing.

It is generated from the settings' models. Only the validator checks rules about several keys, unique names, ARNs and cron
schedules. The schema is stricter only about old spellings that still work (`engine: glue` of DynamoDB, `off` for false, a number
in quotes).

The published file is `lake.schema.json` in this folder; a test compares it with the models.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from rds_lake.config.lake_yaml import LakeConfig

SCHEMA_FILE = Path(__file__).with_name("lake.schema.json")
_DIALECT = "http://json-schema.org/draft-07/schema#"  # supported best by yaml-language-server
_REFERENCE = {"type": "string", "pattern": r"\$\{[A-Za-z_][A-Za-z0-9_]*(:-[^}]*)?\}"}
_SCALARS = ("string", "integer", "number", "boolean")
_ABOUT = ("title", "description", "default", "examples")


def lake_schema() -> dict[str, Any]:
    """Returns the schema (JSON Schema, draft 7)."""
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
    """Returns the content of the file."""
    return json.dumps(lake_schema(), indent=1, ensure_ascii=False) + "\n"


def _by_kind(union: dict[str, Any], models: dict[str, Any]) -> dict[str, Any]:
    """Returns the schema of an entry whose `kind` decides its keys, so that an editor shows only the problems of that kind."""
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
    """Returns a section whose values may also be environment variables; titles, which only repeat the keys, are removed."""
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
