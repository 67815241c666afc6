"""Stacks, resources and events in the shapes of CloudFormation's answers.

https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_Types.html
"""

from __future__ import annotations

from typing import Any

from rds_lake.localcloud.stacks.state import Event, Resource, Stack

Json = dict[str, Any]


def stack(stack: Stack) -> Json:
    """Returns an entry of DescribeStacks."""
    order = stack.order
    parameters = [
        {"ParameterKey": parameter.key, "ParameterValue": "****" if parameter.no_echo else parameter.text}
        for parameter in order.parameters.values()
    ]
    return _common(stack) | _given(
        Description=order.description,
        Parameters=parameters,
        Capabilities=list(order.capabilities),
        Outputs=stack.outputs,
        Tags=[{"Key": key, "Value": value} for key, value in order.tags],
        NotificationARNs=list(order.topics),
        RoleARN=order.role,
        DisableRollback=stack.on_failure == "DO_NOTHING",
        EnableTerminationProtection=stack.protected,
        RollbackConfiguration={},
    )


def summary(stack: Stack) -> Json:
    """Returns an entry of ListStacks."""
    return _common(stack) | _given(
        TemplateDescription=stack.order.description,
    )


def _common(stack: Stack) -> Json:
    return _given(
        StackId=stack.id,
        StackName=stack.name,
        StackStatus=stack.status,
        StackStatusReason=stack.reason,
        CreationTime=stack.created,
        LastUpdatedTime=stack.updated,
        DeletionTime=stack.deleted,
        DriftInformation={"StackDriftStatus": "NOT_CHECKED"},
    )


def event(stack: Stack, event: Event) -> Json:
    """Returns an entry of DescribeStackEvents."""
    return _given(
        StackId=stack.id,
        StackName=stack.name,
        EventId=event.id,
        Timestamp=event.at,
        LogicalResourceId=event.logical,
        PhysicalResourceId=event.physical,
        ResourceType=event.type,
        ResourceStatus=event.status,
        ResourceStatusReason=event.reason,
        ResourceProperties=event.properties or None,
        ClientRequestToken=event.token,
    )


def resource(stack: Stack, resource: Resource) -> Json:
    """Returns an entry of DescribeStackResources."""
    return {"StackId": stack.id, "StackName": stack.name, "Timestamp": resource.at} | _state(resource)


def resource_detail(stack: Stack, resource: Resource) -> Json:
    """Returns the answer of DescribeStackResource."""
    return {"StackId": stack.id, "StackName": stack.name} | resource_summary(resource)


def resource_summary(resource: Resource) -> Json:
    """Returns an entry of ListStackResources."""
    return {"LastUpdatedTimestamp": resource.at} | _state(resource)


def declared(template: Json, *, full: bool) -> list[Json]:
    """Returns a template's parameters: if `full` as GetTemplateSummary shows them, else as ValidateTemplate does."""
    return [_parameter(name, form, full=full) for name, form in template.get("Parameters", {}).items()]


def _parameter(name: str, form: Json, *, full: bool) -> Json:
    declaration = _given(
        ParameterKey=name,
        DefaultValue=str(form["Default"]) if "Default" in form else None,
        NoEcho=str(form.get("NoEcho", False)).lower() == "true",
        Description=form.get("Description"),
    )
    if full:
        declaration["ParameterType"] = form.get("Type", "String")
        declaration["ParameterConstraints"] = _given(AllowedValues=form.get("AllowedValues"))
    return declaration


def _state(resource: Resource) -> Json:
    return _given(
        LogicalResourceId=resource.logical,
        PhysicalResourceId=resource.physical or None,
        ResourceType=resource.type,
        ResourceStatus=resource.status,
        ResourceStatusReason=resource.reason,
        DriftInformation={"StackResourceDriftStatus": "NOT_CHECKED"},
    )


def _given(**members: Any) -> Json:
    return {name: value for name, value in members.items() if value is not None}
