"""Provisioned clusters and their snapshots.

(https://docs.aws.amazon.com/redshift/latest/APIReference/API_Operations.html) What belongs here: operations and the states of
clusters. Statements are `data/`.
"""

from __future__ import annotations

import re
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from rds_lake.localcloud.http.account import ACCOUNT
from rds_lake.localcloud.http.app import ApiError, LocalCloudApp, RequestContext
from rds_lake.localcloud.http.clock import Clock
from rds_lake.localcloud.redshift.clusters.groups import Groups
from rds_lake.localcloud.redshift.clusters.life import GONE, Life
from rds_lake.localcloud.redshift.clusters.secrets import AdminSecrets
from rds_lake.localcloud.redshift.clusters.snapshots import Snapshots
from rds_lake.localcloud.redshift.settings import RedshiftSettings

Json = dict[str, Any]
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_NODES = frozenset({
    "ra3.large", "ra3.xlplus", "ra3.4xlarge", "ra3.16xlarge", "rg.large", "rg.xlarge", "rg.4xlarge", "rg.12xlarge",
    "dc2.large", "dc2.8xlarge",
})  # fmt: skip
_SHOWN = ("NodeType", "MasterUsername", "DBName", "NumberOfNodes", "EnhancedVpcRouting", "AutomatedSnapshotRetentionPeriod",
          "ClusterSubnetGroupName", "KmsKeyId", "AvailabilityZone", "Tags")  # fmt: skip
_LONGEST = 63


@dataclass(slots=True, kw_only=True)
class Cluster:
    """One cluster. `secret`: the ARN of its managed password, if it has one."""

    name: str
    region: str
    params: Json
    created: int
    life: Life
    secret: str = ""
    namespace: str = field(default_factory=lambda: str(uuid.uuid4()))

    @property
    def namespace_arn(self) -> str:
        return f"arn:aws:redshift:{self.region}:{ACCOUNT}:namespace:{self.namespace}"

    def shown(self, state: str) -> Json:
        """Returns the cluster as DescribeClusters shows it."""
        params = self.params
        body = {key: params[key] for key in _SHOWN if key in params}
        if state not in ("creating",):
            host = f"{self.name}.local.{self.region}.redshift.amazonaws.com"
            body["Endpoint"] = {"Address": host, "Port": params.get("Port", 5439)}
        roles = [{"IamRoleArn": arn, "ApplyStatus": "in-sync"} for arn in params.get("IamRoles", ())]
        secret = {"MasterPasswordSecretArn": self.secret} if self.secret else {}
        return body | secret | {
            "ClusterIdentifier": self.name,
            "ClusterStatus": state,
            "ClusterAvailabilityStatus": "Available" if state == "available" else "Unavailable",
            "ClusterCreateTime": datetime.fromtimestamp(self.created / 1e6, UTC),
            "ClusterNamespaceArn": self.namespace_arn,
            "NumberOfNodes": params.get("NumberOfNodes", 1),
            "Encrypted": True,
            "PubliclyAccessible": bool(params.get("PubliclyAccessible")),
            "IamRoles": roles,
        }  # fmt: skip


class Clusters:
    """Every cluster since the start or the last reset, by Region and name.

    `forget` is called with the ARN of each deleted namespace.
    """

    def __init__(self, app: LocalCloudApp, clock: Clock, secrets: AdminSecrets, forget: Callable[[str], None]) -> None:
        self._clock, self._secrets, self._forget = clock, secrets, forget
        self.settings = RedshiftSettings()
        self._clusters: dict[tuple[str, str], Cluster] = {}
        self._lock = threading.RLock()
        self.snapshots = Snapshots(clock)
        self.groups = Groups(app, self._users)
        for operation in (
            self.CreateCluster, self.DeleteCluster, self.DescribeClusters, self.PauseCluster, self.ResumeCluster,
            self.CreateClusterSnapshot, self.DescribeClusterSnapshots, self.DeleteClusterSnapshot, self.ModifyCluster,
            self.ModifyClusterIamRoles,
        ):  # fmt: skip
            app.query_operations["redshift", operation.__name__] = operation

    def reset(self) -> None:
        """Forget all clusters and snapshots."""
        with self._lock:
            gone, self._clusters = list(self._clusters.values()), {}
            self.snapshots.reset()
            self.groups.reset()
        for cluster in gone:
            self._forget(cluster.namespace_arn)

    def find(self, region: str, name: str) -> tuple[Cluster, str] | None:
        """Returns a cluster and its state now; None if it does not exist."""
        with self._lock:
            cluster = self._clusters.get((region, name))
            if cluster is None:
                return None
            state = cluster.life.at(self._clock.now())
            if state != GONE:
                return cluster, state
            del self._clusters[region, name]
        self._forget(cluster.namespace_arn)
        if cluster.secret:
            self._secrets.delete(region, cluster.secret)
        return None

    def CreateCluster(self, context: RequestContext, params: Json) -> Json:
        name = params["ClusterIdentifier"].lower()
        _check(name, params)
        self.groups.require(context.region, params)
        with self._lock:
            if self.find(context.region, name) is not None:
                raise ApiError("ClusterAlreadyExists", "Cluster already exists")
            now = self._clock.now()
            life = Life("creating")
            life.become("creating", now, self.settings.creating_minutes, "available")
            cluster = Cluster(name=name, region=context.region, params=dict(params), created=now, life=life)
            cluster.params.setdefault("DBName", "dev")
            cluster.params.pop("MasterUserPassword", None)
            if params.get("ManageMasterPassword"):
                cluster.secret = self._secrets.make(context, name, params["MasterUsername"])
            self._clusters[context.region, name] = cluster
        return {"Cluster": cluster.shown("creating")}

    def DeleteCluster(self, context: RequestContext, params: Json) -> Json:
        skipped, final = bool(params.get("SkipFinalClusterSnapshot")), params.get("FinalClusterSnapshotIdentifier")
        with self._lock:
            cluster, state = self._there(context, params)
            if state not in ("available", "paused"):
                raise _wrong_state(cluster.name, state)
            if skipped == bool(final):
                message = (
                    "FinalClusterSnapshotIdentifier is required unless SkipFinalClusterSnapshot is specified, and not "
                    "allowed with it."
                )
                raise ApiError("InvalidParameterCombination", message)
            if final:
                self._snapshot(cluster, final, 0.0, params.get("FinalClusterSnapshotRetentionPeriod"))
            shown = cluster.shown("final-snapshot" if final else "deleting")
            minutes = self.settings.deleting_minutes + (self.settings.snapshot_minutes if final else 0)
            cluster.life.become("deleting", self._clock.now(), minutes, GONE)
        self.find(context.region, cluster.name)
        return {"Cluster": shown}

    def DescribeClusters(self, context: RequestContext, params: Json) -> Json:
        if params.get("ClusterIdentifier"):
            cluster, state = self._there(context, params)
            return {"Clusters": [cluster.shown(state)]}
        names = [name for region, name in list(self._clusters) if region == context.region]
        clusters = [self.find(context.region, name) for name in sorted(names)]
        return {"Clusters": [cluster.shown(state) for cluster, state in filter(None, clusters)]}

    def ModifyCluster(self, context: RequestContext, params: Json) -> Json:
        """Changes apply at once, except a change of nodes, which takes as long as a creation."""
        if params.get("MasterUserPassword") or params.get("NewClusterIdentifier"):
            raise ApiError(
                "InvalidParameterValue",
                "The local cloud's limit, not AWS's: a cluster's password and name cannot be changed.",
            )
        with self._lock:
            cluster, state = self._there(context, params)
            if state != "available":
                raise _wrong_state(cluster.name, state)
            self.groups.require(context.region, params)
            cluster.params |= {key: value for key, value in params.items() if key != "ClusterIdentifier"}
            minutes = self.settings.creating_minutes if {"NodeType", "NumberOfNodes"} & params.keys() else 0.0
            cluster.life.become("modifying", self._clock.now(), minutes, "available")
        return {"Cluster": cluster.shown("modifying")}

    def ModifyClusterIamRoles(self, context: RequestContext, params: Json) -> Json:
        with self._lock:
            cluster, state = self._there(context, params)
            gone = params.get("RemoveIamRoles", ())
            kept = [role for role in cluster.params.get("IamRoles", ()) if role not in gone]
            cluster.params["IamRoles"] = list(dict.fromkeys([*kept, *params.get("AddIamRoles", ())]))
        return {"Cluster": cluster.shown(state)}

    def _users(self, region: str, key: str, value: str) -> list[str]:
        """Returns the clusters of a Region whose property has a value."""
        names = [name for where, name in list(self._clusters) if where == region]
        clusters = [known[0] for name in names if (known := self.find(region, name)) is not None]
        return [cluster.name for cluster in clusters if cluster.params.get(key, "").lower() == value]

    def PauseCluster(self, context: RequestContext, params: Json) -> Json:
        return self._move(context, params, ("available", "pausing", "paused"), self.settings.pausing_minutes)

    def ResumeCluster(self, context: RequestContext, params: Json) -> Json:
        return self._move(context, params, ("paused", "resuming", "available"), self.settings.resuming_minutes)

    def _move(self, context: RequestContext, params: Json, states: tuple[str, str, str], minutes: float) -> Json:
        before, during, after = states
        with self._lock:
            cluster, state = self._there(context, params)
            if state != before:
                raise _wrong_state(cluster.name, state)
            cluster.life.become(during, self._clock.now(), minutes, after)
        return {"Cluster": cluster.shown(during)}

    def CreateClusterSnapshot(self, context: RequestContext, params: Json) -> Json:
        cluster, state = self._there(context, params)
        if state != "available":
            raise _wrong_state(cluster.name, state)
        retention = params.get("ManualSnapshotRetentionPeriod")
        return {
            "Snapshot": self._snapshot(cluster, params["SnapshotIdentifier"], self.settings.snapshot_minutes, retention)
        }

    def _snapshot(self, cluster: Cluster, name: str, minutes: float, retention: int | None) -> Json:
        about = {"ClusterIdentifier": cluster.name, "NodeType": cluster.params["NodeType"],
                 "MasterUsername": cluster.params["MasterUsername"], "DBName": cluster.params["DBName"],
                 "NumberOfNodes": cluster.params.get("NumberOfNodes", 1)}  # fmt: skip
        return self.snapshots.make(cluster.region, name.lower(), about, minutes, retention)

    def DescribeClusterSnapshots(self, context: RequestContext, params: Json) -> Json:
        return {"Snapshots": self.snapshots.listed(context.region, params)}

    def DeleteClusterSnapshot(self, context: RequestContext, params: Json) -> Json:
        return {"Snapshot": self.snapshots.delete(context.region, params["SnapshotIdentifier"].lower())}

    def _there(self, context: RequestContext, params: Json) -> tuple[Cluster, str]:
        name = params["ClusterIdentifier"].lower()
        current = self.find(context.region, name)
        if current is None:
            raise ApiError("ClusterNotFound", f"Cluster {name} not found.", 404)
        return current


def _wrong_state(name: str, state: str) -> ApiError:
    message = f"There is an operation running on the Cluster. Please try to do this at a later time. {name} is {state}."
    return ApiError("InvalidClusterState", message)


def _check(name: str, params: Json) -> None:
    if not _NAME.fullmatch(name) or len(name) > _LONGEST:
        raise ApiError("InvalidParameterValue", f"The parameter ClusterIdentifier {name!r} is not a valid identifier.")
    if params["NodeType"] not in _NODES:
        raise ApiError("InvalidParameterValue", f"Invalid node type: {params['NodeType']}")
    if params.get("Encrypted") is False:
        raise ApiError("InvalidParameterValue", "Encrypted: new clusters are always encrypted.")
    managed, password = bool(params.get("ManageMasterPassword")), params.get("MasterUserPassword")
    if managed == bool(password):
        raise ApiError(
            "InvalidParameterCombination", "Give either MasterUserPassword or ManageMasterPassword, and only one."
        )
    nodes, kind = (
        params.get("NumberOfNodes", 1),
        params.get("ClusterType", "multi-node" if params.get("NumberOfNodes", 1) > 1 else "single-node"),
    )
    if (kind == "multi-node") != (nodes > 1):
        raise ApiError("InvalidParameterCombination", f"A {kind} cluster does not have {nodes} nodes.")
