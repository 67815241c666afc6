"""The Conditions of a template: Equals, And, Or, Not over parameters and mappings.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/conditions-section-structure.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rds_lake.localcloud.stacks.refusals import invalid
from rds_lake.localcloud.stacks.template.functions import LATER, Scope, resolve, text_of

Json = dict[str, Any]


def truth_of(conditions: Json, values: Mapping[str, Any], mappings: Json) -> dict[str, bool]:
    """Returns the value of each condition. ApiError ValidationError for one that is not valid, or that refers to itself."""
    return _Conditions(conditions, values, mappings).all()


class _Conditions:
    def __init__(self, conditions: Json, values: Mapping[str, Any], mappings: Json) -> None:
        self._conditions = conditions
        self._known: dict[str, bool] = {}
        self._open: list[str] = []
        self._scope = Scope(values=values, mappings=mappings, conditions=self._known, resource=lambda *_: LATER)

    def all(self) -> dict[str, bool]:
        return {name: self._named(name) for name in self._conditions}

    def _named(self, name: str) -> bool:
        if name in self._known:
            return self._known[name]
        if name not in self._conditions:
            raise invalid(f"Template format error: Unresolved condition dependency {name} in the Conditions block")
        if name in self._open:
            raise invalid(f"Template format error: Circular dependency between conditions: [{', '.join(self._open)}]")
        self._open.append(name)
        self._known[name] = self._truth(self._conditions[name])
        self._open.remove(name)
        return self._known[name]

    def _truth(self, value: Any) -> bool:
        function, argument = next(iter(value.items())) if isinstance(value, dict) and len(value) == 1 else ("", None)
        if function == "Condition":
            return self._named(str(argument))
        items = argument if isinstance(argument, list) else []
        if function == "Fn::Equals" and len(items) == 2:
            return text_of(resolve(items[0], self._scope)) == text_of(resolve(items[1], self._scope))
        if function == "Fn::Not" and len(items) == 1:
            return not self._truth(items[0])
        if function in ("Fn::And", "Fn::Or") and 2 <= len(items) <= 10:
            truths = [self._truth(item) for item in items]
            return all(truths) if function == "Fn::And" else any(truths)
        raise invalid(
            "Template format error: Conditions can only be boolean operations on parameters and other conditions"
        )
