"""Evaluates intrinsic functions. A function that needs a resource which does not exist yet remains in the template's form.

`resolve` is used twice. When a request is checked, it evaluates parameters, mappings and conditions; the remaining functions show
which resource needs which. When a resource is created, it fills in the values of the resources before it.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference.html
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from rds_lake.localcloud.stacks.refusals import invalid, not_here
from rds_lake.localcloud.stacks.template.references import attribute_of, parts_of, sub_of

Json = dict[str, Any]
NO_VALUE = object()
LATER = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """The meaning of names. `values`: parameters and pseudo parameters, AWS::NoValue as NO_VALUE.

    `resource(logical id, attribute)`: the value of Ref (attribute None) or Fn::GetAtt, or LATER.
    """

    values: Mapping[str, Any]
    mappings: Json
    conditions: Mapping[str, bool]
    resource: Callable[[str, str | None], Any]


def resolve(value: Any, scope: Scope) -> Any:
    """Returns the value with all functions evaluated for which that is possible. ApiError ValidationError in AWS's words."""
    if isinstance(value, list):
        items = [resolve(item, scope) for item in value]
        return [item for item in items if item is not NO_VALUE]
    if not isinstance(value, dict):
        return value
    function, argument = next(iter(value.items())) if len(value) == 1 else ("", None)
    if function in _FUNCTIONS:
        return _FUNCTIONS[function](argument, scope)
    if function.startswith("Fn::"):
        raise not_here(f"{function} is not supported; supported are {', '.join(sorted(_FUNCTIONS))}.")
    members = {key: resolve(item, scope) for key, item in value.items()}
    return {key: item for key, item in members.items() if item is not NO_VALUE}


def waits(value: Any) -> bool:
    """Whether a resolved value still contains functions."""
    if isinstance(value, list):
        return any(waits(item) for item in value)
    if isinstance(value, dict):
        return (len(value) == 1 and next(iter(value)) in _FUNCTIONS) or any(waits(item) for item in value.values())
    return False


def text_of(value: Any) -> str:
    """Returns a scalar as CloudFormation writes it into a text."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _ref(argument: Any, scope: Scope) -> Any:
    if argument in scope.values:
        return scope.values[argument]
    value = scope.resource(argument, None)
    return {"Ref": argument} if value is LATER else value


def _get_att(argument: Any, scope: Scope) -> Any:
    name, attribute = attribute_of(argument)
    attribute = resolve(attribute, scope)
    value = LATER if waits(attribute) else scope.resource(name, attribute)
    return {"Fn::GetAtt": [name, attribute]} if value is LATER else value


def _sub(argument: Any, scope: Scope) -> Any:
    text, variables = sub_of(argument)
    if not text:
        raise invalid(
            "Template error: One or more Fn::Sub intrinsic functions don't specify expected arguments. "
            "Specify a string as first argument, and an optional second argument to specify a mapping of values to "
            "replace in the string"
        )
    return _join(["", parts_of(text, variables)], scope)


def _join(argument: Any, scope: Scope) -> Any:
    given = resolve(argument, scope)
    if waits(given):
        return {"Fn::Join": given}
    scalars = isinstance(given, list) and len(given) == 2 and isinstance(given[1], list)
    if not scalars or any(isinstance(part, dict | list) for part in given[1]):
        raise invalid(
            "Template error: every Fn::Join object requires two parameters, (1) a string delimiter and (2) a list of "
            "strings to be joined or a function that returns a list of strings (such as Fn::GetAZs) to be joined."
        )
    return str(given[0]).join(map(text_of, given[1]))


def _select(argument: Any, scope: Scope) -> Any:
    given = resolve(argument, scope)
    if waits(given):
        return {"Fn::Select": given}
    if not isinstance(given, list) or len(given) != 2 or not isinstance(given[1], list):
        raise invalid(
            "Template error: Fn::Select requires a list argument with two elements: an integer index and a list"
        )
    index = text_of(given[0])
    if not index.isdecimal() or int(index) >= len(given[1]):
        raise invalid(f"Template error: Fn::Select cannot select nonexistent value at index {index}")
    return given[1][int(index)]


def _split(argument: Any, scope: Scope) -> Any:
    given = resolve(argument, scope)
    if waits(given):
        return {"Fn::Split": given}
    if not isinstance(given, list) or len(given) != 2 or not given[0] or not isinstance(given[1], str):
        raise invalid(
            "Template error: every Fn::Split object requires two parameters, (1) a string delimiter and (2) a string "
            "to be split or a function that returns a string to be split."
        )
    return given[1].split(given[0])


def _if(argument: Any, scope: Scope) -> Any:
    if not isinstance(argument, list) or len(argument) != 3:
        raise invalid("Template error: Fn::If requires a list argument with three elements")
    if argument[0] not in scope.conditions:
        raise invalid(f"Template error: unresolved condition dependency {argument[0]} in Fn::If")
    return resolve(argument[1 if scope.conditions[argument[0]] else 2], scope)


def _find_in_map(argument: Any, scope: Scope) -> Any:
    given = resolve(argument, scope)
    if waits(given) or not isinstance(given, list) or len(given) != 3:
        raise invalid(
            "Template error: every Fn::FindInMap object requires three parameters, the map name, map key and the "
            "attribute for return value"
        )
    value: Any = scope.mappings
    for key in map(text_of, given):
        value = value.get(key) if isinstance(value, dict) else None
    if value is None:
        raise invalid(f"Template error: Unable to get mapping for {'::'.join(map(text_of, given))}")
    return value


def _base64(argument: Any, scope: Scope) -> Any:
    given = resolve(argument, scope)
    return {"Fn::Base64": given} if waits(given) else base64.b64encode(text_of(given).encode()).decode()


def _get_azs(argument: Any, scope: Scope) -> Any:
    region = resolve(argument, scope) or scope.values["AWS::Region"]
    return [f"{region}{zone}" for zone in "abc"]


_FUNCTIONS: dict[str, Callable[[Any, Scope], Any]] = {
    "Ref": _ref,
    "Fn::GetAtt": _get_att,
    "Fn::Sub": _sub,
    "Fn::Join": _join,
    "Fn::Select": _select,
    "Fn::Split": _split,
    "Fn::If": _if,
    "Fn::FindInMap": _find_in_map,
    "Fn::Base64": _base64,
    "Fn::GetAZs": _get_azs,
}
