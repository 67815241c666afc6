"""Checks the structure of a template: its sections and members, and that every name is declared.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-anatomy.html
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rds_lake.localcloud.stacks.refusals import invalid, not_here
from rds_lake.localcloud.stacks.template.references import references

Json = dict[str, Any]
PSEUDO = (
    "AWS::AccountId", "AWS::NotificationARNs", "AWS::NoValue", "AWS::Partition", "AWS::Region", "AWS::StackId",
    "AWS::StackName", "AWS::URLSuffix",
)  # fmt: skip
_SECTIONS = {
    "AWSTemplateFormatVersion", "Description", "Metadata", "Parameters", "Mappings", "Conditions", "Resources", "Outputs",
}  # fmt: skip
_ELSEWHERE = {"Transform", "Rules", "Hooks"}
_MEMBERS = {
    "Type", "Properties", "DependsOn", "Condition", "DeletionPolicy", "UpdateReplacePolicy", "Metadata",
}  # fmt: skip
_MEMBERS_ELSEWHERE = {"CreationPolicy", "UpdatePolicy"}
_POLICIES = ("Delete", "Retain", "RetainExceptOnCreate", "Snapshot")
WITH_SNAPSHOTS = ("AWS::Redshift::Cluster",)
_MOST_RESOURCES = 500


def check_structure(template: Json) -> None:
    """ApiError ValidationError for the first error."""
    _check_sections(template)
    for logical, resource in template["Resources"].items():
        _check_resource(logical, resource)
    for name, output in template.get("Outputs", {}).items():
        if not isinstance(output, dict) or "Value" not in output:
            raise invalid(f"Template format error: [/Outputs/{name}] Every Outputs member must contain a Value object")
    _check_names(template)


def _check_sections(template: Json) -> None:
    here = set(template)
    if unknown := sorted(here - _SECTIONS - _ELSEWHERE):
        raise invalid(f"Invalid template property or properties [{', '.join(unknown)}]")
    if elsewhere := sorted(here & _ELSEWHERE):
        raise not_here(f"the section {', '.join(elsewhere)} is not supported.")
    for section in sorted(here - {"AWSTemplateFormatVersion", "Description"}):
        if not isinstance(template[section], dict):
            raise invalid(f"Template format error: {section} must be an object.")
    if not template.get("Resources"):
        raise invalid("Template format error: At least one Resources member must be defined.")
    if (count := len(template["Resources"])) > _MOST_RESOURCES:
        raise invalid(
            f"Template format error: Number of resources, {count}, is greater than maximum allowed, {_MOST_RESOURCES}"
        )


def _check_resource(logical: str, resource: Any) -> None:
    if not logical.isalnum():
        raise invalid(f"Template format error: Resource name {logical} is non alphanumeric.")
    if not isinstance(resource, dict) or not isinstance(resource.get("Type"), str):
        raise invalid(
            f"Template format error: [/Resources/{logical}] Every Resources object must contain a Type member."
        )
    for member in resource:
        if member in _MEMBERS_ELSEWHERE:
            raise not_here(f"{member} of {logical} would have no effect here; remove it.")
        if member not in _MEMBERS:
            raise invalid(f"Invalid template resource property '{member}'")
    for policy in ("DeletionPolicy", "UpdateReplacePolicy"):
        if resource.get(policy) == "Snapshot" and resource["Type"] not in WITH_SNAPSHOTS:
            raise not_here(f"{policy} Snapshot of {logical}: {resource['Type']} has no snapshots here.")
        if (given := resource.get(policy, "Delete")) not in _POLICIES:
            raise invalid(f"Template format error: Unrecognized {policy} {given} for resource {logical}")
    if not isinstance(resource.get("Properties", {}), dict):
        raise invalid(f"Template format error: [/Resources/{logical}/Properties] must be an object.")


def depends_on(resource: Json) -> list[str]:
    """Returns the resources that a DependsOn names."""
    named = resource.get("DependsOn", [])
    return [named] if isinstance(named, str) else list(named)


def _check_names(template: Json) -> None:
    resources = template["Resources"]
    known = {*resources, *template.get("Parameters", {}), *PSEUDO}
    used = {name for resource in resources.values() for name in _names(resource, resources)}
    used.update(name for resource in resources.values() for name in depends_on(resource) if name not in resources)
    _refuse_unknown(used - known, "Resources")
    _refuse_unknown(set(_names(template.get("Outputs", {}), resources)) - known, "Outputs")
    conditions = template.get("Conditions", {})
    if outside := sorted(
        {name for name, _ in references(conditions)} - known | set(_names(conditions, ())) & set(resources)
    ):
        raise invalid(
            f"Template format error: Unresolved dependencies [{', '.join(outside)}]. "
            "Cannot reference resources in the Conditions block of the template"
        )


def _names(value: Any, resources: Iterable[str]) -> list[str]:
    names = []
    for name, attribute in references(value):
        if attribute is not None and name not in resources:
            raise invalid(f"Template error: instance of Fn::GetAtt references undefined resource {name}")
        names.append(name)
    return names


def _refuse_unknown(names: set[str], section: str) -> None:
    if names:
        raise invalid(
            f"Template format error: Unresolved resource dependencies [{', '.join(sorted(names))}] "
            f"in the {section} block of the template"
        )
