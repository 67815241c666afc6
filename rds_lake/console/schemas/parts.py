"""Pieces of JSON schemas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

DRAFT = "https://json-schema.org/draft/2020-12/schema"
TEXT: dict[str, Any] = {"type": "string"}
COUNT: dict[str, Any] = {"type": "integer", "minimum": 0}
NUMBER: dict[str, Any] = {"type": "number"}
FLAG: dict[str, Any] = {"type": "boolean"}
DAY: dict[str, Any] = {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}
TIME: dict[str, Any] = {"type": "string", "format": "date-time"}
TEXTS: dict[str, Any] = {"type": "array", "items": TEXT}


def thing(properties: Mapping[str, Any], about: str = "") -> dict[str, Any]:
    """Returns the schema of an object that has all these keys and no others."""
    body = {"type": "object", "additionalProperties": False, "required": [*properties], "properties": dict(properties)}
    return body | ({"description": about} if about else {})


def many(item: Mapping[str, Any], about: str = "") -> dict[str, Any]:
    return {"type": "array", "items": dict(item)} | ({"description": about} if about else {})


def named(values: Mapping[str, Any], about: str = "") -> dict[str, Any]:
    """Returns the schema of an object whose keys are names in the lake."""
    return {"type": "object", "additionalProperties": dict(values)} | ({"description": about} if about else {})


def maybe(schema: Mapping[str, Any], about: str = "") -> dict[str, Any]:
    """Returns the schema that also allows null."""
    body = dict(schema) | {"type": [schema["type"], "null"]}
    return body | ({"description": about} if about else {})


def described(schema: Mapping[str, Any], about: str) -> dict[str, Any]:
    return dict(schema) | {"description": about}


def top(title: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a complete schema."""
    return {"$schema": DRAFT, "title": title, **body}
