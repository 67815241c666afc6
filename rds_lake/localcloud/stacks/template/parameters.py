"""Parameters: those that a template declares, with the values of a request, and AWS's errors for values that are not valid.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rds_lake.localcloud.stacks.refusals import invalid, not_here

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A parameter of a stack. `value`: a text, or the list of a list type."""

    key: str
    text: str
    value: str | list[str]
    no_echo: bool


def parameters_of(declared: Json, given: Sequence[Json], previous: Mapping[str, str]) -> dict[str, Parameter]:
    """Returns the values of a template's parameters. `previous`: the texts of the stack that is updated."""
    for name, form in declared.items():
        if not isinstance(form, dict) or "Type" not in form:
            raise invalid("Template format error: Every Parameters object must contain a Type member.")
        if form["Type"].startswith("AWS::SSM::"):
            raise not_here(f"parameter {name} is of type {form['Type']}; give the value itself as a String.")
    texts = _texts(given, previous)
    if unknown := [name for name in texts if name not in declared]:
        raise invalid(f"Parameters: [{', '.join(unknown)}] do not exist in the template")
    texts = {name: str(form["Default"]) for name, form in declared.items() if "Default" in form} | texts
    if missing := [name for name in declared if name not in texts]:
        raise invalid(f"Parameters: [{', '.join(missing)}] must have values")
    return {name: _parameter(name, form, texts[name]) for name, form in declared.items()}


def _texts(given: Sequence[Json], previous: Mapping[str, str]) -> dict[str, str]:
    texts: dict[str, str] = {}
    for item in given:
        name = item["ParameterKey"]
        if not item.get("UsePreviousValue"):
            texts[name] = item.get("ParameterValue", "")
        elif "ParameterValue" in item:
            raise invalid(
                f"Invalid input for parameter key {name}. "
                "Cannot specify usePreviousValue as true and a non empty value for a parameter"
            )
        elif name in previous:
            texts[name] = previous[name]
        else:
            raise invalid(
                f"Invalid input for parameter key {name}. "
                "Cannot specify usePreviousValue as true for a parameter key not in the previous template"
            )
    return texts


def _parameter(name: str, form: Json, text: str) -> Parameter:
    many = form["Type"] == "CommaDelimitedList" or form["Type"].startswith("List<")
    items = [item.strip() for item in text.split(",")] if many else [text]
    for item in items:
        if problem := _problem(form, item):
            words = form.get("ConstraintDescription")
            raise invalid(
                f"Parameter {name} failed to satisfy constraint: {words}" if words else f"Parameter '{name}' {problem}"
            )
    return Parameter(
        key=name, text=text, value=items if many else text, no_echo=str(form.get("NoEcho", False)).lower() == "true"
    )


def _problem(form: Json, text: str) -> str | None:
    """Returns why a value is not valid (`must be …`); None if it is valid."""
    if (allowed := form.get("AllowedValues")) and text not in map(str, allowed):
        return f"must be one of AllowedValues: [{', '.join(map(str, allowed))}]"
    if (pattern := form.get("AllowedPattern")) and not re.fullmatch(pattern, text):
        return f"must match pattern {pattern}"
    if form["Type"] in ("Number", "List<Number>"):
        return _number_problem(form, text)
    if len(text) < int(form.get("MinLength", 0)):
        return f"must contain at least {form['MinLength']} characters"
    if len(text) > int(form.get("MaxLength", len(text))):
        return f"must contain at most {form['MaxLength']} characters"
    return None


def _number_problem(form: Json, text: str) -> str | None:
    try:
        number = float(text)
    except ValueError:
        return "must be a number"
    if number < float(form.get("MinValue", number)):
        return f"must be a number not less than {form['MinValue']}"
    if number > float(form.get("MaxValue", number)):
        return f"must be a number not greater than {form['MaxValue']}"
    return None
