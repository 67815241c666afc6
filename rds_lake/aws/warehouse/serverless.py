"""Redshift Serverless: finding objects by name, usage limits, and removal. CloudFormation stacks create namespaces and workgroups.

https://docs.aws.amazon.com/redshift-serverless/latest/APIReference/API_Operations.html
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from rds_lake.aws.translate import aws_errors
from rds_lake.aws.warehouse.clusters import Existing
from rds_lake.errors import AwsError, UnavailableError

_GONE = "ResourceNotFoundException"
_TAKEN = "ConflictException"


@dataclass(frozen=True, slots=True)
class ServerlessGateway:
    """Namespaces, workgroups and snapshots. AwsError if AWS refuses a call; removing a missing object is not an error."""

    client: Any

    def find_namespace(self, name: str) -> Existing | None:
        """Returns the namespace; None if it does not exist."""
        with _but(_GONE), aws_errors("redshift-serverless", "GetNamespace", about=name):
            namespace = self.client.get_namespace(namespaceName=name)["namespace"]
            secret = namespace.get("adminPasswordSecretArn")
            return Existing(name=name, status=namespace["status"], secret=secret, arn=namespace["namespaceArn"])
        return None

    def find_workgroup(self, name: str) -> Existing | None:
        """Returns the workgroup; None if it does not exist."""
        with _but(_GONE), aws_errors("redshift-serverless", "GetWorkgroup", about=name):
            workgroup = self.client.get_workgroup(workgroupName=name)["workgroup"]
            return Existing(name=name, status=workgroup["status"], arn=workgroup["workgroupArn"])
        return None

    def snapshots(self, namespace: str) -> tuple[Existing, ...]:
        """Returns every snapshot of a namespace, which may already be deleted."""
        existing: list[Existing] = []
        with _but(_GONE), aws_errors("redshift-serverless", "ListSnapshots", about=namespace):
            for page in self.client.get_paginator("list_snapshots").paginate(namespaceName=namespace):
                existing += [Existing(name=each["snapshotName"], status=each["status"]) for each in page["snapshots"]]
        return tuple(existing)

    def limit_usage(self, workgroup_arn: str, rpu_hours: int, period: str) -> None:
        """Make the workgroup refuse queries above this many RPU-hours; an existing limit is changed if it differs.

        UnavailableError while another request changes the limit.
        """
        with aws_errors("redshift-serverless", "ListUsageLimits", about=workgroup_arn):
            limits = self.client.list_usage_limits(resourceArn=workgroup_arn, usageType="serverless-compute")
        same = [each for each in limits["usageLimits"] if each["period"] == period]
        if not same:
            with _but(_TAKEN), aws_errors("redshift-serverless", "CreateUsageLimit", about=workgroup_arn):
                self.client.create_usage_limit(
                    resourceArn=workgroup_arn, usageType="serverless-compute", amount=rpu_hours, period=period,
                    breachAction="deactivate",
                )  # fmt: skip
        elif (same[0]["amount"], same[0]["breachAction"]) != (rpu_hours, "deactivate"):
            try:
                with aws_errors("redshift-serverless", "UpdateUsageLimit", about=workgroup_arn):
                    self.client.update_usage_limit(
                        usageLimitId=same[0]["usageLimitId"], amount=rpu_hours, breachAction="deactivate"
                    )
            except AwsError as error:
                if error.code != _TAKEN:
                    raise
                raise UnavailableError(f"{error}; another request is changing it; the call can be repeated") from error

    def delete_workgroup(self, name: str) -> None:
        """Begin to delete the workgroup; its usage limits go with it."""
        with _but(_GONE), aws_errors("redshift-serverless", "DeleteWorkgroup", about=name):
            self.client.delete_workgroup(workgroupName=name)

    def delete_namespace(self, name: str) -> None:
        """Begin to delete a namespace without a workgroup, without a final snapshot."""
        with _but(_GONE), aws_errors("redshift-serverless", "DeleteNamespace", about=name):
            self.client.delete_namespace(namespaceName=name)

    def delete_snapshot(self, name: str) -> None:
        """Delete a snapshot."""
        with _but(_GONE), aws_errors("redshift-serverless", "DeleteSnapshot", about=name):
            self.client.delete_snapshot(snapshotName=name)


@contextmanager
def _but(code: str) -> Iterator[None]:
    """Pass on every refusal except this code."""
    try:
        yield
    except AwsError as error:
        if error.code != code:
            raise
