"""Redshift Serverless: namespaces, workgroups, usage limits, and snapshots of namespaces.

(https://docs.aws.amazon.com/redshift-serverless/latest/APIReference/API_Operations.html) Deleting a namespace that has a
workgroup is refused. What belongs here: operations and states. Statements are `data/`.
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
from rds_lake.localcloud.http.models import service_model
from rds_lake.localcloud.redshift.clusters.life import GONE, Life
from rds_lake.localcloud.redshift.clusters.secrets import AdminSecrets
from rds_lake.localcloud.redshift.settings import RedshiftSettings

Json = dict[str, Any]
_NAME = re.compile(r"[a-z0-9-]{3,64}")
_CAPACITY = range(4, 513)
NAMESPACE, WORKGROUP = "namespace", "workgroup"


@dataclass(slots=True, kw_only=True)
class ServerlessObject:
    """A namespace, workgroup or snapshot: its description without its state, and its life."""

    body: Json
    life: Life
    extra: Json = field(default_factory=dict)


class Serverless:
    """Everything since the start or the last reset, by kind, Region and name. `forget`: called with a namespace's ARN when it goes."""

    def __init__(self, app: LocalCloudApp, clock: Clock, secrets: AdminSecrets, forget: Callable[[str], None]) -> None:
        self._clock, self._secrets, self._forget = clock, secrets, forget
        self.settings = RedshiftSettings()
        self._objects: dict[tuple[str, str, str], ServerlessObject] = {}
        self._limits: dict[str, Json] = {}
        self._lock = threading.RLock()
        for name in service_model("redshift-serverless").operation_names:
            app.json_operations[f"RedshiftServerless.{name}"] = getattr(self, name, not_built(name))

    def reset(self) -> None:
        """Forget everything."""
        with self._lock:
            gone, self._objects, self._limits = dict(self._objects), {}, {}
        for (kind, _, _), item in gone.items():
            if kind == NAMESPACE:
                self._forget(item.body["namespaceArn"])

    def find(self, kind: str, region: str, name: str) -> tuple[Json, str] | None:
        """Returns a description with its status, and the status; None if it does not exist."""
        with self._lock:
            item = self._objects.get((kind, region, name))
            state = item.life.at(self._clock.now()) if item is not None else GONE
            if item is not None and state == GONE:
                del self._objects[kind, region, name]
        if item is None:
            return None
        if state != GONE:
            return item.body | {"status": state}, state
        if kind == NAMESPACE:
            self._forget(item.body["namespaceArn"])
            if "adminPasswordSecretArn" in item.body:
                self._secrets.delete(region, item.body["adminPasswordSecretArn"])
        return None

    def CreateNamespace(self, context: RequestContext, params: Json) -> Json:
        name, region = _named(params, "namespaceName"), context.region
        managed, password = bool(params.get("manageAdminPassword")), params.get("adminUserPassword")
        if managed and password:
            raise _invalid("adminUserPassword is not allowed with manageAdminPassword.")
        with self._lock:
            self._refuse_second(NAMESPACE, region, name)
            identity = str(uuid.uuid4())
            body = {
                "namespaceName": name, "namespaceId": identity, "dbName": params.get("dbName", "dev"),
                "namespaceArn": f"arn:aws:redshift-serverless:{region}:{ACCOUNT}:namespace/{identity}",
                "adminUsername": params.get("adminUsername", "admin"), "iamRoles": params.get("iamRoles", []),
                "creationDate": self._date(),
            }  # fmt: skip
            body |= {key: params[key] for key in ("defaultIamRoleArn", "kmsKeyId") if key in params}
            if managed:
                body["adminPasswordSecretArn"] = self._secrets.make(context, name, body["adminUsername"])
            self._make(NAMESPACE, region, name, body, "AVAILABLE", 0.0)
        return {NAMESPACE: self._shown(NAMESPACE, region, name)}

    def CreateWorkgroup(self, context: RequestContext, params: Json) -> Json:
        name, region = _named(params, "workgroupName"), context.region
        base, most = params.get("baseCapacity", 128), params.get("maxCapacity")
        if base not in _CAPACITY or (most is not None and most < base):
            raise _invalid(f"baseCapacity {base} is from 4 to 512, and not above maxCapacity.")
        with self._lock:
            self._shown(NAMESPACE, region, params["namespaceName"])
            self._refuse_second(WORKGROUP, region, name)
            if self._workgroup_of(region, params["namespaceName"]) is not None:
                raise ApiError("ConflictException", f"The namespace {params['namespaceName']} has a workgroup.")
            identity, port = str(uuid.uuid4()), params.get("port", 5439)
            kept = (
                "namespaceName",
                "maxCapacity",
                "configParameters",
                "subnetIds",
                "securityGroupIds",
                "pricePerformanceTarget",
            )
            body = {key: params[key] for key in kept if key in params} | {
                "workgroupName": name, "workgroupId": identity, "baseCapacity": base, "port": port,
                "workgroupArn": f"arn:aws:redshift-serverless:{region}:{ACCOUNT}:workgroup/{identity}",
                "creationDate": self._date(), "publiclyAccessible": bool(params.get("publiclyAccessible")),
                "enhancedVpcRouting": bool(params.get("enhancedVpcRouting")),
                "endpoint": {"address": f"{name}.{ACCOUNT}.{region}.redshift-serverless.amazonaws.com", "port": port},
            }  # fmt: skip
            self._make(WORKGROUP, region, name, body, "CREATING", self.settings.creating_minutes)
        return {WORKGROUP: body | {"status": "CREATING"}}

    def GetNamespace(self, context: RequestContext, params: Json) -> Json:
        return {NAMESPACE: self._shown(NAMESPACE, context.region, params["namespaceName"])}

    def GetWorkgroup(self, context: RequestContext, params: Json) -> Json:
        return {WORKGROUP: self._shown(WORKGROUP, context.region, params["workgroupName"])}

    def ListNamespaces(self, context: RequestContext, params: Json) -> Json:
        return {"namespaces": self._all(NAMESPACE, context.region)}

    def ListWorkgroups(self, context: RequestContext, params: Json) -> Json:
        return {"workgroups": self._all(WORKGROUP, context.region)}

    def DeleteWorkgroup(self, context: RequestContext, params: Json) -> Json:
        return {WORKGROUP: self._delete(WORKGROUP, context.region, params["workgroupName"])}

    def DeleteNamespace(self, context: RequestContext, params: Json) -> Json:
        name, region = params["namespaceName"], context.region
        with self._lock:
            self._shown(NAMESPACE, region, name)
            if self._workgroup_of(region, name) is not None:
                raise ApiError("ConflictException", f"There is a workgroup associated with the namespace {name}.")
            if params.get("finalSnapshotName"):
                self._snapshot(region, name, params["finalSnapshotName"], params.get("finalSnapshotRetentionPeriod"))
            return {NAMESPACE: self._delete(NAMESPACE, region, name)}

    def CreateSnapshot(self, context: RequestContext, params: Json) -> Json:
        retention = params.get("retentionPeriod")
        return {"snapshot": self._snapshot(context.region, params["namespaceName"], params["snapshotName"], retention)}

    def GetSnapshot(self, context: RequestContext, params: Json) -> Json:
        return {"snapshot": self._shown("snapshot", context.region, params["snapshotName"])}

    def ListSnapshots(self, context: RequestContext, params: Json) -> Json:
        snapshots = self._all("snapshot", context.region)
        wanted = params.get("namespaceName")
        return {"snapshots": [each for each in snapshots if wanted in (None, each["namespaceName"])]}

    def DeleteSnapshot(self, context: RequestContext, params: Json) -> Json:
        shown = self._shown("snapshot", context.region, params["snapshotName"])
        del self._objects["snapshot", context.region, params["snapshotName"]]
        return {"snapshot": shown | {"status": "DELETED"}}

    def CreateUsageLimit(self, context: RequestContext, params: Json) -> Json:
        arns = [each["workgroupArn"] for each in self._all(WORKGROUP, context.region)]
        if params["resourceArn"] not in arns:
            raise ApiError("ResourceNotFoundException", f"The resource {params['resourceArn']} does not exist.", 404)
        identity = str(uuid.uuid4())
        same = ("resourceArn", "usageType", "period")
        body = {"period": "monthly", "breachAction": "log"} | params
        if any(all(each[key] == body[key] for key in same) for each in self._limits.values()):
            raise ApiError("ConflictException", "There is a usage limit of this type and period.")
        arn = f"arn:aws:redshift-serverless:{context.region}:{ACCOUNT}:usagelimit/{identity}"
        self._limits[identity] = body | {"usageLimitId": identity, "usageLimitArn": arn}
        return {"usageLimit": self._limits[identity]}

    def ListUsageLimits(self, context: RequestContext, params: Json) -> Json:
        wanted = params.get("resourceArn")
        return {"usageLimits": [each for each in self._limits.values() if wanted in (None, each["resourceArn"])]}

    def UpdateNamespace(self, context: RequestContext, params: Json) -> Json:
        return {NAMESPACE: self._update(NAMESPACE, context.region, "namespaceName", params)}

    def UpdateWorkgroup(self, context: RequestContext, params: Json) -> Json:
        return {WORKGROUP: self._update(WORKGROUP, context.region, "workgroupName", params)}

    def _update(self, kind: str, region: str, key: str, params: Json) -> Json:
        with self._lock:
            shown = self._shown(kind, region, params[key])
            if shown["status"] != "AVAILABLE":
                raise ApiError("ConflictException", f"The {kind} {params[key]} is {shown['status']}.")
            self._objects[kind, region, params[key]].body |= {
                name: value for name, value in params.items() if "assword" not in name
            }
            return self._shown(kind, region, params[key])

    def UpdateUsageLimit(self, context: RequestContext, params: Json) -> Json:
        if params["usageLimitId"] not in self._limits:
            raise ApiError(
                "ResourceNotFoundException", f"The usage limit {params['usageLimitId']} does not exist.", 404
            )
        self._limits[params["usageLimitId"]] |= params
        return {"usageLimit": self._limits[params["usageLimitId"]]}

    def DeleteUsageLimit(self, context: RequestContext, params: Json) -> Json:
        if params["usageLimitId"] not in self._limits:
            raise ApiError(
                "ResourceNotFoundException", f"The usage limit {params['usageLimitId']} does not exist.", 404
            )
        return {"usageLimit": self._limits.pop(params["usageLimitId"])}

    def _snapshot(self, region: str, namespace: str, name: str, retention: int | None) -> Json:
        owner = self._shown(NAMESPACE, region, namespace)
        with self._lock:
            self._refuse_second("snapshot", region, name)
            arn = f"arn:aws:redshift-serverless:{region}:{ACCOUNT}:snapshot/{uuid.uuid4()}"
            body = {
                "snapshotName": name, "snapshotArn": arn, "namespaceName": namespace, "namespaceArn": owner["namespaceArn"],
                "adminUsername": owner["adminUsername"], "ownerAccount": ACCOUNT, "snapshotCreateTime": self._date(),
                "snapshotRetentionPeriod": -1 if retention is None else retention,
            }  # fmt: skip
            self._make("snapshot", region, name, body, "CREATING", self.settings.snapshot_minutes)
        return self._shown("snapshot", region, name)

    def _make(self, kind: str, region: str, name: str, body: Json, state: str, minutes: float) -> None:
        life = Life(state)
        life.become(state, self._clock.now(), minutes, "AVAILABLE")
        self._objects[kind, region, name] = ServerlessObject(body=body, life=life)

    def _delete(self, kind: str, region: str, name: str) -> Json:
        with self._lock:
            shown = self._shown(kind, region, name)
            if shown["status"] != "AVAILABLE":
                raise ApiError("ConflictException", f"The {kind} {name} is {shown['status']}.")
            self._objects[kind, region, name].life.become(
                "DELETING", self._clock.now(), self.settings.deleting_minutes, GONE
            )
        self.find(kind, region, name)
        return shown | {"status": "DELETING"}

    def _shown(self, kind: str, region: str, name: str) -> Json:
        described = self.find(kind, region, name)
        if described is None:
            raise ApiError("ResourceNotFoundException", f"The {kind} {name} does not exist.", 404)
        return described[0]

    def _all(self, kind: str, region: str) -> list[Json]:
        names = sorted(name for what, where, name in list(self._objects) if (what, where) == (kind, region))
        return [described[0] for name in names if (described := self.find(kind, region, name)) is not None]

    def _workgroup_of(self, region: str, namespace: str) -> Json | None:
        return next((each for each in self._all(WORKGROUP, region) if each["namespaceName"] == namespace), None)

    def _refuse_second(self, kind: str, region: str, name: str) -> None:
        if self.find(kind, region, name) is not None:
            raise ApiError("ConflictException", f"The {kind} {name} already exists.")

    def _date(self) -> datetime:
        return datetime.fromtimestamp(self._clock.now() / 1e6, UTC)


def not_built(name: str) -> Callable[[RequestContext, Json], Json]:
    """Returns an operation that always fails, for one that the local cloud does not have."""

    def operation(context: RequestContext, params: Json) -> Json:
        raise ApiError("ValidationException", f"The local cloud's limit, not AWS's: {name} is not supported.")

    return operation


def _named(params: Json, key: str) -> str:
    if not _NAME.fullmatch(params[key]):
        raise _invalid(f"{key} {params[key]!r} has 3 to 64 small letters, digits and hyphens.")
    return params[key]


def _invalid(message: str) -> ApiError:
    return ApiError("ValidationException", message)
