"""Reads a deployed template, and which of its resources its parameters request.

`infra/template/render.py` does the reverse. Conditions: Ref of a parameter, Equals, Not, And, Or, Condition
(https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference-conditions.html).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from rds_lake.errors import StackError

Json = dict[str, Any]


class _Loader(yaml.SafeLoader):
    """Reads CloudFormation's short forms."""


def _short(loader: _Loader, suffix: str, node: yaml.Node) -> Json:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)  # type: ignore[arg-type]
    if suffix == "GetAtt" and isinstance(value, str):
        value = list(value.partition(".")[::2])
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _short)
# A date without quotes (a policy's Version) is text in a template.
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read_template(text: str) -> Json:
    """Returns the template's long form, from YAML or JSON. StackError if it is neither."""
    try:
        body = yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader
    except yaml.YAMLError as error:
        raise StackError(f"the stack's template cannot be read: {error}") from error
    if not isinstance(body, dict):
        raise StackError("the stack's template cannot be read: it is not a mapping")
    return body


def defaults(body: Json) -> dict[str, str]:
    """Returns the template's parameters that have a default, as text."""
    return {name: str(form["Default"]) for name, form in body.get("Parameters", {}).items() if "Default" in form}


def asked_for(body: Json, parameters: Mapping[str, str]) -> list[str]:
    """Returns the logical ids of the resources whose condition holds with these parameters, and the defaults of the others."""
    values = defaults(body) | dict(parameters)
    conditions = body.get("Conditions", {})
    return [
        name
        for name, form in body.get("Resources", {}).items()
        if "Condition" not in form or _holds(conditions[form["Condition"]], conditions, values)
    ]


def _holds(term: Json, conditions: Json, values: Mapping[str, str]) -> bool:
    ((function, inner),) = term.items()
    match function:
        case "Condition":
            return _holds(conditions[inner], conditions, values)
        case "Fn::Equals":
            left, right = (values.get(side["Ref"], "") if isinstance(side, dict) else str(side) for side in inner)
            return left == right
        case "Fn::Not":
            return not _holds(inner[0], conditions, values)
        case "Fn::And":
            return all(_holds(each, conditions, values) for each in inner)
        case "Fn::Or":
            return any(_holds(each, conditions, values) for each in inner)
        case _:
            raise StackError(f"the stack's template has a condition that rds-lake does not know: {function}")
