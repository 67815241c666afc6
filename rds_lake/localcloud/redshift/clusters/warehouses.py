"""Finds the cluster or workgroup of a Data API request, and checks that it accepts statements now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rds_lake.localcloud.http.app import ApiError, RequestContext
from rds_lake.localcloud.redshift.clusters.provisioned import Clusters
from rds_lake.localcloud.redshift.clusters.serverless import NAMESPACE, WORKGROUP, Serverless

_NO_ENDPOINT = "Redshift endpoint doesn't exist in this region."


@dataclass(frozen=True, slots=True, kw_only=True)
class Warehouse:
    """`key`: the ARN of its namespace, whose databases it has; `database`: its first one; `roles`: ARNs that are attached to it.

    `admin`: its first user; `secret`: the ARN of that user's managed password; `capacity`: RPUs, 0 of a cluster.
    """

    key: str
    database: str
    roles: tuple[str, ...] = ()
    default_role: str = ""
    admin: str = "admin"
    secret: str = ""
    capacity: int = 0


class Warehouses:
    """Clusters and workgroups together."""

    def __init__(self, clusters: Clusters, serverless: Serverless) -> None:
        self._clusters, self._serverless = clusters, serverless

    def find(self, context: RequestContext, params: dict[str, Any]) -> Warehouse:
        """Returns it. ValidationException if none or both are named, if it does not exist, or if it is not available."""
        cluster, workgroup = params.get("ClusterIdentifier"), params.get("WorkgroupName")
        if bool(cluster) == bool(workgroup):
            raise ApiError("ValidationException", "Give either ClusterIdentifier or WorkgroupName.")
        if cluster:
            provisioned = self._clusters.find(context.region, cluster)
            if provisioned is None:
                raise ApiError("ValidationException", _NO_ENDPOINT)
            _refuse_unless(provisioned[1] == "available", cluster, provisioned[1])
            cluster_, params = provisioned[0], provisioned[0].params
            return _made(
                cluster_.namespace_arn, params["DBName"], params.get("IamRoles"), params.get("DefaultIamRoleArn"),
                admin=params["MasterUsername"], secret=cluster_.secret or "",
            )  # fmt: skip
        body, state = self._serverless.find(WORKGROUP, context.region, str(workgroup)) or (None, "")
        if body is None:
            raise ApiError("ValidationException", _NO_ENDPOINT)
        _refuse_unless(state == "AVAILABLE", str(workgroup), state)
        namespace, _ = self._serverless.find(NAMESPACE, context.region, body["namespaceName"]) or ({}, "")
        default = namespace.get("defaultIamRoleArn")
        return _made(
            namespace["namespaceArn"], namespace["dbName"], namespace["iamRoles"], default, capacity=body["baseCapacity"],
            admin=namespace["adminUsername"], secret=namespace.get("adminPasswordSecretArn", ""),
        )  # fmt: skip

    def workgroup_arn(self, region: str, name: str) -> str | None:
        """Returns a workgroup's ARN; None if it does not exist."""
        described = self._serverless.find(WORKGROUP, region, name)
        return described[0]["workgroupArn"] if described else None


def _made(key: str, database: str, roles: list[str] | None, default: str | None, **more: Any) -> Warehouse:
    attached = dict.fromkeys([*(roles or ()), *([default] if default else ())])
    return Warehouse(key=key, database=database, roles=tuple(attached), default_role=default or "", **more)


def _refuse_unless(available: bool, name: str, state: str) -> None:
    if not available:
        raise ApiError("ValidationException", f"Redshift endpoint {name} is not available: it is {state}.")
