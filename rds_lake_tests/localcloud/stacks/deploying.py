"""A local cloud's CloudFormation as the tests use it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config

from rds_lake.localcloud.cloud import LocalCloud
from rds_lake_tests.support.world import post

_PATIENCE = 90  # seconds: on a machine with other work


@dataclass(frozen=True)
class Formation:
    cloud: LocalCloud
    clients: dict[str, Any]

    def client(self, service: str) -> Any:
        if service not in self.clients:
            config = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})
            self.clients[service] = boto3.client(  # type: ignore[call-overload]
                service,  # type: ignore[call-overload]
                endpoint_url=self.cloud.url,
                region_name="us-east-1",
                config=config,
            )
        return self.clients[service]

    @property
    def api(self) -> Any:
        return self.client("cloudformation")

    def deploy(self, template: dict[str, Any] | str, /, **more: Any) -> dict[str, Any]:
        """Create a stack `lake` and wait for its end."""
        text = template if isinstance(template, str) else json.dumps(template)
        self.api.create_stack(**{"StackName": "lake", "TemplateBody": text} | more)
        return self.ended()

    def update(self, template: dict[str, Any] | str, /, **more: Any) -> dict[str, Any]:
        text = template if isinstance(template, str) else json.dumps(template)
        self.api.update_stack(**{"StackName": "lake", "TemplateBody": text} | more)
        return self.ended()

    def delete(self, **more: Any) -> dict[str, Any]:
        id_ = self.stack()["StackId"]
        self.api.delete_stack(StackName="lake", **more)
        return self.ended(id_)

    def stack(self, name: str = "lake") -> dict[str, Any]:
        return self.api.describe_stacks(StackName=name)["Stacks"][0]

    def ended(self, name: str = "lake") -> dict[str, Any]:
        return soon(lambda: (stack := self.stack(name)) and not stack["StackStatus"].endswith("IN_PROGRESS") and stack)

    def events(self, name: str = "lake") -> list[tuple[str, str]]:
        """Logical ids and states, the oldest first."""
        pages = self.api.get_paginator("describe_stack_events").paginate(StackName=name)
        events = [event for page in pages for event in page["StackEvents"]]
        return [(event["LogicalResourceId"], event["ResourceStatus"]) for event in reversed(events)]

    def reason(self, status: str, name: str = "lake") -> str:
        """Why the newest event of a status happened."""
        events = self.api.describe_stack_events(StackName=name)["StackEvents"]
        return next(event.get("ResourceStatusReason", "") for event in events if event["ResourceStatus"] == status)

    def outputs(self) -> dict[str, str]:
        return {output["OutputKey"]: output["OutputValue"] for output in self.stack()["Outputs"]}

    def fault(self, **fault: Any) -> None:
        status, answer = post(f"{self.cloud.url}/_local/faults", {"stacks": [fault]})
        assert status == 200, answer

    def queues(self) -> list[str]:
        return self.client("sqs").list_queues().get("QueueUrls", [])


def soon(happened: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        if answer := happened():
            return answer
        time.sleep(0.01)
    raise AssertionError(f"it did not happen within {_PATIENCE} s")


def queue(**properties: Any) -> dict[str, Any]:
    return {"Type": "AWS::SQS::Queue", "Properties": properties}
