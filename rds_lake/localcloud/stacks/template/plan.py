"""The plan of a template with its parameters: resources in the order in which they can be created, and outputs.

Functions that remain in a plan need the values of resources. Equal plans ask for the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any

from rds_lake.localcloud.stacks.refusals import invalid
from rds_lake.localcloud.stacks.template.conditions import truth_of
from rds_lake.localcloud.stacks.template.functions import LATER, Scope, resolve
from rds_lake.localcloud.stacks.template.references import references
from rds_lake.localcloud.stacks.template.schemas import TypeSchema
from rds_lake.localcloud.stacks.template.structure import WITH_SNAPSHOTS, check_structure, depends_on

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A resource as the template declares it. `needs`: the resources that must exist before it."""

    logical: str
    type: str
    properties: Json
    needs: frozenset[str]
    deletion_policy: str
    replace_policy: str
    metadata: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Resources by logical id, each after those that it needs; outputs by name."""

    resources: Mapping[str, Wanted]
    outputs: Json
    scope: Scope

    def asks_for_the_same(self, other: Plan) -> bool:
        """Whether deploying the other plan after this one would change nothing."""
        return (dict(self.resources), self.outputs) == (dict(other.resources), other.outputs)

    def filled(self, value: Any, resource: Callable[[str, str | None], Any]) -> Any:
        """Returns a value of the plan with the values of resources. ApiError if a function does not accept them."""
        scope = Scope(
            values=self.scope.values,
            mappings=self.scope.mappings,
            conditions=self.scope.conditions,
            resource=resource,
        )
        return resolve(value, scope)


def plan_of(template: Json, values: Mapping[str, Any], schema: Callable[[str], TypeSchema]) -> Plan:
    """Returns the plan. ApiError ValidationError for the first error in the template, as in CloudFormation.

    `values`: parameters and pseudo parameters. `schema` returns the schema of an existing type.
    """
    check_structure(template)
    mappings = template.get("Mappings", {})
    conditions = truth_of(template.get("Conditions", {}), values, mappings)
    scope = Scope(values=values, mappings=mappings, conditions=conditions, resource=lambda *_: LATER)
    resources = {
        logical: _wanted(logical, resource, scope)
        for logical, resource in template["Resources"].items()
        if _holds(resource, conditions, "Resources")
    }
    outputs = {
        name: {key: resolve(output[key], scope) for key in ("Value", "Description", "Export") if key in output}
        for name, output in template.get("Outputs", {}).items()
        if _holds(output, conditions, "Outputs")
    }
    _check_needs(resources, outputs)
    _check_attributes(resources, outputs, schema)
    return Plan(resources={name: resources[name] for name in _in_order(resources)}, outputs=outputs, scope=scope)


def _holds(member: Json, conditions: Mapping[str, bool], section: str) -> bool:
    name = member.get("Condition")
    if name is not None and name not in conditions:
        raise invalid(
            f"Template format error: Unresolved condition dependency {name} in the {section} block of the template"
        )
    return name is None or conditions[name]


def _wanted(logical: str, resource: Json, scope: Scope) -> Wanted:
    properties = resolve(resource.get("Properties", {}), scope)
    needs = {name for name, _ in references(properties)}.union(depends_on(resource))
    return Wanted(
        logical=logical,
        type=resource["Type"],
        properties=properties,
        needs=frozenset(needs),
        deletion_policy=resource.get("DeletionPolicy", _policy(resource)),
        replace_policy=resource.get("UpdateReplacePolicy", "Delete"),
        metadata=resource.get("Metadata", {}),
    )


def _policy(resource: Json) -> str:
    """Returns the default policy: a resource that can have a snapshot leaves one, which costs money.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-attribute-deletionpolicy.html
    """
    return "Snapshot" if resource["Type"] in WITH_SNAPSHOTS else "Delete"


def _check_needs(resources: Mapping[str, Wanted], outputs: Json) -> None:
    """ApiError for a reference to a resource that a condition leaves out. As in AWS, DependsOn may name it."""
    for used, section in (
        ({name for wanted in resources.values() for name, _ in references(wanted.properties)}, "Resources"),
        ({name for name, _ in references(outputs)}, "Outputs"),
    ):
        if missing := sorted(used - set(resources)):
            raise invalid(
                f"Template format error: Unresolved resource dependencies [{', '.join(missing)}] "
                f"in the {section} block of the template"
            )


def _check_attributes(resources: Mapping[str, Wanted], outputs: Json, schema: Callable[[str], TypeSchema]) -> None:
    used = references([outputs, *(wanted.properties for wanted in resources.values())])
    for name, attribute in used:
        if attribute is not None and not schema(resources[name].type).has_attribute(attribute):
            raise invalid(f"Template error: resource {name} does not support attribute type {attribute} in Fn::GetAtt")


def _in_order(resources: Mapping[str, Wanted]) -> list[str]:
    try:
        return list(in_order({name: wanted.needs for name, wanted in resources.items()}))
    except CycleError as error:
        raise invalid(f"Circular dependency between resources: [{', '.join(sorted(set(error.args[1])))}]") from error


def in_order(needs: Mapping[str, frozenset[str]]) -> list[str]:
    """Returns the names, each after those that it needs. CycleError if there is no such order. Needed names that are not keys are
    ignored.
    """
    graph = {name: sorted(needed & set(needs)) for name, needed in needs.items()}
    return list(TopologicalSorter(graph).static_order())
