"""Turns a request's parameters into an order: checks the template, fills in its parameters, and refuses what CloudFormation would."""

from __future__ import annotations

import functools
from typing import Any

from rds_lake.localcloud.http.account import ACCOUNT
from rds_lake.localcloud.http.loop import InProcessClients
from rds_lake.localcloud.stacks.refusals import invalid, not_here
from rds_lake.localcloud.stacks.state import Order
from rds_lake.localcloud.stacks.template.capabilities import check_capabilities
from rds_lake.localcloud.stacks.template.decode import decode
from rds_lake.localcloud.stacks.template.functions import NO_VALUE
from rds_lake.localcloud.stacks.template.parameters import parameters_of
from rds_lake.localcloud.stacks.template.plan import plan_of
from rds_lake.localcloud.stacks.template.schemas import TypeSchema
from rds_lake.localcloud.stacks.template.source import template_text
from rds_lake.localcloud.stacks.template.structure import check_structure
from rds_lake.localcloud.stacks.types.base import partition_of, suffix_of
from rds_lake.localcloud.stacks.types.table import TYPES

Json = dict[str, Any]


def order_of(
    params: Json, clients: InProcessClients, *, region: str, stack: str, name: str, previous: Order | None
) -> Order:
    """Returns the order of a CreateStack or UpdateStack. `stack`: its id. `previous`: the order of the stack that is updated."""
    reuse = previous is not None and params.get("UsePreviousTemplate")
    text = previous.template if reuse and previous else template_text(params, clients, region)
    template = decode(text)
    check_structure(template)
    check_types(template, region)
    check_capabilities(template, params.get("Capabilities", ()))
    texts = {key: parameter.text for key, parameter in previous.parameters.items()} if previous else {}
    parameters = parameters_of(template.get("Parameters", {}), params.get("Parameters", ()), texts)
    topics = tuple(params.get("NotificationARNs", previous.topics if previous else ()))
    tags = params.get("Tags")
    values = pseudo_values(region, stack, name, topics) | {
        key: parameter.value for key, parameter in parameters.items()
    }
    return Order(
        template=text,
        plan=plan_of(template, values, functools.cache(lambda type_: TypeSchema(type_, region))),
        parameters=parameters,
        tags=_tags(tags) if tags is not None else previous.tags if previous else (),
        capabilities=tuple(params.get("Capabilities", ())),
        description=template.get("Description"),
        role=params.get("RoleARN", previous.role if previous else None),
        topics=topics,
    )


def check_types(template: Json, region: str) -> None:
    """ApiError for resource types that CloudFormation does not have, or that only the local cloud does not have."""
    types = sorted({resource["Type"] for resource in template["Resources"].values()})
    if unknown := [type_ for type_ in types if type_ not in TYPES and not _exists(type_, region)]:
        raise invalid(f"Template format error: Unrecognized resource types: [{', '.join(unknown)}]")
    if missing := [type_ for type_ in types if type_ not in TYPES]:
        raise not_here(
            f"resources of type {', '.join(missing)} are not supported; supported are {', '.join(sorted(TYPES))}."
        )


def refuse_changed_types(before: Order, after: Order) -> None:
    """ApiError if a resource with the same logical id has another type now."""
    had = {name: wanted.type for name, wanted in before.plan.resources.items()}
    if changed := [name for name, wanted in after.plan.resources.items() if had.get(name, wanted.type) != wanted.type]:
        raise invalid(
            "Update of resource type is not permitted. The new template modifies resource type of the following "
            f"resources: [{', '.join(changed)}]"
        )


def _exists(type_: str, region: str) -> bool:
    try:
        TypeSchema(type_, region)
    except KeyError:
        return False
    return True


def _tags(given: list[Json]) -> tuple[tuple[str, str], ...]:
    for tag in given:
        if tag["Key"].lower().startswith("aws:"):
            raise invalid("aws: prefixed tag key names are not allowed for external use.")
    if len({tag["Key"] for tag in given}) < len(given):
        raise invalid("Tags should not contain duplicate keys.")
    return tuple((tag["Key"], tag["Value"]) for tag in given)


def pseudo_values(region: str, stack: str, name: str, topics: tuple[str, ...]) -> Json:
    """Returns the pseudo parameters, by name."""
    return {
        "AWS::AccountId": ACCOUNT,
        "AWS::NotificationARNs": list(topics),
        "AWS::NoValue": NO_VALUE,
        "AWS::Partition": partition_of(region),
        "AWS::Region": region,
        "AWS::StackId": stack,
        "AWS::StackName": name,
        "AWS::URLSuffix": suffix_of(region),
    }
