"""CloudFormation's operations that only read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from rds_lake.localcloud.http.app import RequestContext
from rds_lake.localcloud.permissions.acting import Actors
from rds_lake.localcloud.stacks import answers
from rds_lake.localcloud.stacks.book import Book
from rds_lake.localcloud.stacks.orders import check_types
from rds_lake.localcloud.stacks.refusals import invalid
from rds_lake.localcloud.stacks.state import Stack
from rds_lake.localcloud.stacks.template.capabilities import capabilities_of
from rds_lake.localcloud.stacks.template.decode import decode
from rds_lake.localcloud.stacks.template.source import template_text
from rds_lake.localcloud.stacks.template.structure import check_structure

Json = dict[str, Any]
SERVICE = "cloudformation.amazonaws.com"
_Item = TypeVar("_Item")
_PAGE = 100


class Reading:
    """Describe, List, Get and Validate."""

    def __init__(self, book: Book, actors: Actors) -> None:
        self._book, self._actors = book, actors

    def operations(self) -> Sequence[Any]:
        return (
            self.DescribeStacks, self.DescribeStackEvents, self.DescribeStackResources, self.DescribeStackResource,
            self.ListStackResources, self.ListStacks, self.GetTemplate, self.GetTemplateSummary, self.ValidateTemplate,
        )  # fmt: skip

    def DescribeStacks(self, context: RequestContext, params: Json) -> Json:
        with self._book.lock:
            if "StackName" in params:
                return {"Stacks": [answers.stack(self._book.get(context.region, params["StackName"]))]}
            stacks = [stack for stack in self._book.all(context.region) if not stack.gone]
            return _page("Stacks", [answers.stack(stack) for stack in stacks], params)

    def ListStacks(self, context: RequestContext, params: Json) -> Json:
        wanted = params.get("StackStatusFilter")
        with self._book.lock:
            stacks = [stack for stack in self._book.all(context.region) if not wanted or stack.status in wanted]
            return _page("StackSummaries", [answers.summary(stack) for stack in stacks], params)

    def DescribeStackEvents(self, context: RequestContext, params: Json) -> Json:
        """Newest first. A page continues where the previous one ended, even if new events have been recorded since."""
        with self._book.lock:
            stack = self._book.get(context.region, params["StackName"], words="Stack [{}] does not exist")
            end = _place(params, len(stack.events))
            start = max(end - _PAGE, 0)
            events = [answers.event(stack, event) for event in reversed(stack.events[start:end])]
        return {"StackEvents": events} | ({"NextToken": str(start)} if start else {})

    def DescribeStackResources(self, context: RequestContext, params: Json) -> Json:
        if ("StackName" in params) == ("PhysicalResourceId" in params):
            raise invalid("You must specify either the StackName or the PhysicalResourceId, but not both.")
        with self._book.lock:
            stack = self._stack_of(context, params)
            logical = params.get("LogicalResourceId")
            if logical is not None and logical not in stack.resources:
                raise invalid(f"Resource {logical} does not exist for stack {stack.name}")
            resources = [stack.resources[logical]] if logical else list(stack.resources.values())
            return {"StackResources": [answers.resource(stack, resource) for resource in resources[:_PAGE]]}

    def DescribeStackResource(self, context: RequestContext, params: Json) -> Json:
        name, logical = params["StackName"], params["LogicalResourceId"]
        with self._book.lock:
            stack = self._book.get(context.region, name, words="Stack '{}' does not exist")
            if logical not in stack.resources:
                raise invalid(f"Resource {logical} does not exist for stack {name}")
            return {"StackResourceDetail": answers.resource_detail(stack, stack.resources[logical])}

    def ListStackResources(self, context: RequestContext, params: Json) -> Json:
        with self._book.lock:
            stack = self._book.get(context.region, params["StackName"])
            resources = [answers.resource_summary(resource) for resource in stack.resources.values()]
            return _page("StackResourceSummaries", resources, params)

    def GetTemplate(self, context: RequestContext, params: Json) -> Json:
        with self._book.lock:
            stack = self._book.get(context.region, params["StackName"])
            return {"TemplateBody": stack.order.template, "StagesAvailable": ["Original", "Processed"]}

    def GetTemplateSummary(self, context: RequestContext, params: Json) -> Json:
        """Summarises a stack's template, or the given one."""
        if "StackName" in params:
            with self._book.lock:
                text = self._book.get(context.region, params["StackName"]).order.template
        else:
            text = self._text(context, params)
        template = decode(text)
        check_structure(template)
        types = sorted({resource["Type"] for resource in template["Resources"].values()})
        version = {"Version": template["AWSTemplateFormatVersion"]} if "AWSTemplateFormatVersion" in template else {}
        return (
            {"Parameters": answers.declared(template, full=True), "ResourceTypes": types} | version | _summary(template)
        )

    def ValidateTemplate(self, context: RequestContext, params: Json) -> Json:
        template = decode(self._text(context, params))
        check_structure(template)
        check_types(template, context.region)
        return {"Parameters": answers.declared(template, full=False)} | _summary(template)

    def _text(self, context: RequestContext, params: Json) -> str:
        """Returns the given template. One in S3 is read with the caller's rights."""
        caller = self._actors.caller(context)
        return template_text(params, self._actors.acting(caller, via=SERVICE).clients, context.region)

    def _stack_of(self, context: RequestContext, params: Json) -> Stack:
        if "StackName" in params:
            return self._book.get(context.region, params["StackName"])
        physical = params["PhysicalResourceId"]
        for stack in self._book.all(context.region):
            if any(resource.physical == physical for resource in stack.resources.values()):
                return stack
        raise invalid(f"Stack for {physical} does not exist")


def _summary(template: Json) -> Json:
    summary: Json = {"Description": template["Description"]} if "Description" in template else {}
    needed, types = capabilities_of(template)
    if needed:
        summary["Capabilities"] = [needed]
        summary["CapabilitiesReason"] = f"The following resource(s) require capabilities: [{', '.join(types)}]"
    return summary


def _place(params: Json, first: int) -> int:
    token = params.get("NextToken", str(first))
    if not token.isdecimal():
        raise invalid(f"Invalid NextToken: {token}")
    return int(token)


def _page(key: str, items: Sequence[_Item], params: Json) -> Json:
    start = _place(params, 0)
    end = start + _PAGE
    return {key: list(items[start:end])} | ({"NextToken": str(end)} if end < len(items) else {})
