"""CloudFormation's schema of a resource type, from cfn-lint's copy of its registry: properties, attributes, replacement.

https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-schema.html
"""

from __future__ import annotations

import re
from typing import Any

Json = dict[str, Any]
_NAMES = {
    "string": "String", "integer": "Integer", "number": "Number", "boolean": "Boolean",
    "array": "JSONArray", "object": "JSONObject",
}  # fmt: skip


class TypeSchema:
    """One resource type in one Region. KeyError if it does not exist."""

    def __init__(self, type_: str, region: str) -> None:
        # Not at the top: it takes a second to import, and most local clouds never see a template.
        from cfnlint.schema._exceptions import ResourceNotFoundError
        from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

        try:
            self._lint = PROVIDER_SCHEMA_MANAGER.get_resource_schema(region, type_)
        except ResourceNotFoundError as error:
            raise KeyError(type_) from error
        self._schema: Json = self._lint.schema

    @property
    def tag_property(self) -> tuple[str, bool] | None:
        """The property for tags, and whether it is a list of Key and Value (else an object); None if there is no such property."""
        name = self._schema.get("tagging", {}).get("tagProperty", "/properties/Tags").rpartition("/")[2]
        form = self._schema["properties"].get(name)
        return None if form is None else (name, "array" in _types(self._deref(form)))

    def has_attribute(self, name: str) -> bool:
        """Whether Fn::GetAtt may name this attribute."""
        return self._lint.get_atts.get(name) is not None

    def replaces(self, before: Json, after: Json) -> bool:
        """Whether a change of the properties needs another physical resource."""
        paths = [pointer.split("/")[2:] for pointer in self._schema.get("createOnlyProperties", [])]
        return any(_at(before, path) != _at(after, path) for path in paths)

    def conform(self, properties: Json) -> tuple[Json, list[str]]:
        """Returns the properties in the schema's types (a template may have "5" for 5), and the errors in them."""
        problems: list[str] = []
        read_only = {pointer.split("/", 2)[2] for pointer in self._schema.get("readOnlyProperties", [])}
        problems += [f"#: extraneous key [{key}] is not permitted" for key in properties if key in read_only]
        return self._conform(properties, {"type": "object"} | self._schema, "#", problems), problems

    def _deref(self, form: Json) -> Json:
        while "$ref" in form:
            definition: Any = self._schema
            for part in form["$ref"].removeprefix("#/").split("/"):
                definition = definition[part]
            form = definition
        return form

    def _conform(self, value: Any, form: Json, path: str, problems: list[str]) -> Any:
        form = self._deref(form)
        types = _types(form)
        if isinstance(value, dict) and (not types or "object" in types):
            return self._conform_object(value, form, path, problems)
        if isinstance(value, list) and (not types or "array" in types):
            return [self._conform(item, form.get("items", {}), f"{path}/{n}", problems) for n, item in enumerate(value)]
        if isinstance(value, dict | list):
            problems.append(f"{path}: expected type: {_NAMES[types[0]]}, found: {_type_name(value)}")
            return value
        value, fits = _scalar(value, types)
        if not fits:
            problems.append(f"{path}: expected type: {_NAMES[types[0]]}, found: {_type_name(value)}")
        elif "enum" in form and value not in form["enum"]:
            problems.append(f"{path}: {value} is not a valid enum value")
        return value

    def _conform_object(self, value: Json, form: Json, path: str, problems: list[str]) -> Json:
        known, patterns = form.get("properties", {}), form.get("patternProperties", {})
        problems += [f"{path}: required key [{key}] not found" for key in form.get("required", []) if key not in value]
        conformed = {}
        for key, item in value.items():
            inner = known.get(key) or next((patterns[p] for p in patterns if re.search(p, key)), None)
            if inner is None and form.get("additionalProperties") is False:
                problems.append(f"{path}: extraneous key [{key}] is not permitted")
            conformed[key] = self._conform(item, inner or {}, f"{path}/{key}", problems)
        return conformed


def _types(form: Json) -> list[str]:
    types = form.get("type", [])
    return [types] if isinstance(types, str) else list(types)


def _type_name(value: Any) -> str:
    names = {bool: "Boolean", int: "Integer", float: "Double", str: "String", list: "JSONArray", dict: "JSONObject"}
    return names.get(type(value), "Null")


def _scalar(value: Any, types: list[str]) -> tuple[Any, bool]:
    """Returns a scalar converted to one of the types, and whether that is possible."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if not types or (isinstance(value, str) and "string" in types):
        return value, value is not None
    if "boolean" in types and text in ("true", "false"):
        return text == "true", True
    if "integer" in types and re.fullmatch(r"-?\d+", text):
        return int(text), True
    if "number" in types and re.fullmatch(r"-?\d+(\.\d+)?", text):
        return (float(text) if "." in text else int(text)), True
    return (text, value is not None) if "string" in types else (value, False)


def _at(properties: Any, path: list[str]) -> Any:
    """Returns the value at a path. If the path leads into a list or a scalar, returns that list or scalar."""
    for part in path:
        if not isinstance(properties, dict):
            return properties
        properties = properties.get(part)
    return properties
