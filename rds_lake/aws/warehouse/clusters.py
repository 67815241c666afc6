"""Provisioned clusters of Redshift: finding them by name, and removing them. CloudFormation stacks create them.

https://docs.aws.amazon.com/redshift/latest/APIReference/API_Operations.html
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from rds_lake.aws.translate import aws_errors
from rds_lake.errors import AwsError

_GONE = (
    "ClusterNotFound",
    "ClusterSnapshotNotFound",
    "ClusterSubnetGroupNotFoundFault",
    "ClusterParameterGroupNotFound",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Existing:
    """A cluster, namespace, workgroup or snapshot. `status`: AWS's word; `secret`: the ARN of the admin's secret."""

    name: str
    status: str
    secret: str | None = None
    arn: str = ""


@dataclass(frozen=True, slots=True)
class RedshiftGateway:
    """Clusters, their snapshots and groups. AwsError if AWS refuses a call; removing a missing object is not an error."""

    client: Any

    def find_cluster(self, name: str) -> Existing | None:
        """Returns the cluster; None if it does not exist."""
        clusters: list[Any] = []
        with _gone_is_fine(), aws_errors("redshift", "DescribeClusters", about=name):
            clusters = self.client.describe_clusters(ClusterIdentifier=name)["Clusters"]
        for each in clusters:
            return Existing(name=name, status=each["ClusterStatus"], secret=each.get("MasterPasswordSecretArn"))
        return None

    def resume(self, name: str) -> None:
        """Begin to resume a paused cluster; a cluster that is already resumed is not an error."""
        try:
            with aws_errors("redshift", "ResumeCluster", about=name):
                self.client.resume_cluster(ClusterIdentifier=name)
        except AwsError as error:
            if error.code != "InvalidClusterState":
                raise

    def delete_cluster(self, name: str) -> None:
        """Begin to delete the cluster, without a final snapshot."""
        with _gone_is_fine(), aws_errors("redshift", "DeleteCluster", about=name):
            self.client.delete_cluster(ClusterIdentifier=name, SkipFinalClusterSnapshot=True)

    def snapshots(self, cluster: str) -> tuple[Existing, ...]:
        """Returns every manual and final snapshot of a cluster, which may already be deleted."""
        existing: list[Existing] = []
        with _gone_is_fine(), aws_errors("redshift", "DescribeClusterSnapshots", about=cluster):
            pages = self.client.get_paginator("describe_cluster_snapshots")
            for page in pages.paginate(ClusterIdentifier=cluster, SnapshotType="manual"):
                existing += [
                    Existing(name=each["SnapshotIdentifier"], status=each["Status"])
                    for each in page["Snapshots"]
                    if each["ClusterIdentifier"] == cluster
                ]
        return tuple(existing)

    def delete_snapshot(self, name: str, cluster: str) -> None:
        """Delete a snapshot."""
        with _gone_is_fine(), aws_errors("redshift", "DeleteClusterSnapshot", about=name):
            self.client.delete_cluster_snapshot(SnapshotIdentifier=name, SnapshotClusterIdentifier=cluster)

    def subnet_groups(self, prefix: str) -> tuple[str, ...]:
        """Returns the names of the subnet groups with this prefix."""
        pages = self._pages("DescribeClusterSubnetGroups", "describe_cluster_subnet_groups", "ClusterSubnetGroups")
        names = (each["ClusterSubnetGroupName"] for each in pages)
        return tuple(name for name in names if name.startswith(prefix))

    def delete_subnet_group(self, name: str) -> None:
        """Delete a subnet group that no cluster uses."""
        with _gone_is_fine(), aws_errors("redshift", "DeleteClusterSubnetGroup", about=name):
            self.client.delete_cluster_subnet_group(ClusterSubnetGroupName=name)

    def parameter_groups(self, prefix: str) -> tuple[str, ...]:
        """Returns the names of the parameter groups with this prefix."""
        pages = self._pages("DescribeClusterParameterGroups", "describe_cluster_parameter_groups", "ParameterGroups")
        return tuple(name for each in pages if (name := each["ParameterGroupName"]).startswith(prefix))

    def delete_parameter_group(self, name: str) -> None:
        """Delete a parameter group that no cluster uses."""
        with _gone_is_fine(), aws_errors("redshift", "DeleteClusterParameterGroup", about=name):
            self.client.delete_cluster_parameter_group(ParameterGroupName=name)

    def _pages(self, operation: str, method: str, key: str) -> Iterator[dict[str, Any]]:
        with aws_errors("redshift", operation):
            for page in self.client.get_paginator(method).paginate():
                yield from page[key]


@contextmanager
def _gone_is_fine() -> Iterator[None]:
    try:
        yield
    except AwsError as error:
        if error.code not in _GONE:
            raise
