"""The JSON schema of a component's attributes, built from lake.yaml's models.

`dg check yaml` and editors check `defs.yaml` with it. pydantic writes a choice as `anyOf`, for which a validator only reports
"not valid under any of the given schemas", at the line of the whole value. Here each choice is made first, by `kind` or by the
type of the value, so that an error names the key and its line. A text with `{{ … }}` is filled in later and may be any value.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from dagster import components as dagster_components

from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.config.source import KINDS

Schema = Mapping[str, Any]

_TEMPLATE: Schema = {"type": "string", "pattern": r"\{\{.*\}\}"}
_STATE = "defs_state"
_KIND = "kind"


def lake_schema() -> dict[str, Any]:
    """Returns the schema of `LakeComponent`: the keys of lake.yaml with optional `sources`, and `defs_state`."""
    lake = exact(LakeConfig.model_json_schema())
    properties = {**lake["properties"], _STATE: {"$ref": f"#/$defs/{_STATE}"}}
    sources = {name: value for name, value in properties["sources"].items() if name != "minItems"}
    state = dagster_components.DefsStateConfigArgs.model_json_schema()
    below = {**lake["$defs"], **state.pop("$defs", {}), _STATE: state}
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["lake"],
        "properties": properties | {"sources": sources},
        "$defs": below,
    }


def source_schema() -> dict[str, Any]:
    """Returns the schema of `SourceComponent`: the keys of one entry of `sources:`."""
    lake = exact(LakeConfig.model_json_schema())
    return {**lake["properties"]["sources"]["items"], "$defs": lake["$defs"]}


def exact(schema: Schema) -> dict[str, Any]:
    """Returns the same schema, with each choice decided by the value itself."""
    kept = {name: value for name, value in schema.items() if name not in ("anyOf", "oneOf", "discriminator")}
    inner = {name: _each(name, value) for name, value in kept.items()}
    if "discriminator" in schema:
        return inner | _by_kind(schema["discriminator"]["mapping"])
    if choices := schema.get("anyOf") or schema.get("oneOf"):
        return inner | _by_type(choices)
    return inner


def _each(name: str, value: Any) -> Any:
    if name in ("properties", "$defs"):
        return {key: _or_template(exact(below)) for key, below in value.items()}
    if name in ("items", "additionalProperties") and isinstance(value, Mapping):
        return _or_template(exact(value))
    return value


def _or_template(schema: dict[str, Any]) -> dict[str, Any]:
    """Allows the value or a template text; not for sections and for the key that selects the kind."""
    if schema.get("type") in ("object", "array", "string", None) and not {"enum", "pattern"} & schema.keys():
        return schema
    if "const" in schema:
        return schema
    said = {name: schema[name] for name in ("title", "description", "default", "examples") if name in schema}
    return said | {"if": _TEMPLATE, "then": {}, "else": schema}


def _by_kind(mapping: Mapping[str, str]) -> dict[str, Any]:
    """Returns a schema in which `kind` decides about the other keys."""
    return {
        "type": "object",
        "required": [_KIND],
        "properties": {_KIND: {"enum": list(KINDS)}},
        "allOf": [
            {"if": {"properties": {_KIND: {"const": kind}}, "required": [_KIND]}, "then": {"$ref": model}}
            for kind, model in mapping.items()
        ],
    }


def _by_type(choices: Sequence[Schema]) -> dict[str, Any]:
    """Returns a schema that uses the first choice with the value's type, or the last one if none has it."""
    ordered = sorted(choices, key=lambda choice: choice.get("type") != "null")
    made = exact(ordered[-1])
    for choice in reversed(ordered[:-1]):
        made = {"if": {"type": choice.get("type", "object")}, "then": exact(choice), "else": made}
    return {"if": _TEMPLATE, "then": {}, "else": made}
