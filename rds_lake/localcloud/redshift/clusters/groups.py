"""Subnet groups and parameter groups. A group that a cluster uses cannot be deleted.

https://docs.aws.amazon.com/redshift/latest/APIReference/API_CreateClusterSubnetGroup.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rds_lake.localcloud.http.account import ACCOUNT
from rds_lake.localcloud.http.app import ApiError, LocalCloudApp, RequestContext

Json = dict[str, Any]
_SUBNETS, _PARAMETERS = "ClusterSubnetGroupName", "ParameterGroupName"
_FEWEST, _MOST = 20, 100  # records of a page


class Groups:
    """Both kinds of groups. `users(region, property, value)`: the names of the clusters whose property has this value."""

    def __init__(self, app: LocalCloudApp, users: Callable[[str, str, str], list[str]]) -> None:
        self._users = users
        self._by_name: dict[tuple[str, str, str], Json] = {}
        for operation in (
            self.CreateClusterSubnetGroup, self.ModifyClusterSubnetGroup, self.DeleteClusterSubnetGroup,
            self.DescribeClusterSubnetGroups, self.CreateClusterParameterGroup, self.ModifyClusterParameterGroup,
            self.DeleteClusterParameterGroup, self.DescribeClusterParameterGroups, self.DescribeClusterParameters,
        ):  # fmt: skip
            app.query_operations["redshift", operation.__name__] = operation

    def reset(self) -> None:
        """Forget all."""
        self._by_name = {}

    def require(self, region: str, params: Json) -> None:
        """ApiError if a cluster's parameters name a group that does not exist."""
        for key, named in ((_SUBNETS, _SUBNETS), ("ClusterParameterGroupName", _PARAMETERS)):
            if key in params and not params[key].startswith("default"):
                self._get(region, named, params[key])

    def CreateClusterSubnetGroup(self, context: RequestContext, params: Json) -> Json:
        shown = self._add(context, _SUBNETS, params, VpcId="vpc-local", SubnetGroupStatus="Complete")
        shown["Subnets"] = [{"SubnetIdentifier": each, "SubnetStatus": "Active"} for each in params["SubnetIds"]]
        return {"ClusterSubnetGroup": shown}

    def ModifyClusterSubnetGroup(self, context: RequestContext, params: Json) -> Json:
        shown = self._get(context.region, _SUBNETS, params[_SUBNETS])
        shown |= {"Description": params.get("Description", shown["Description"])}
        shown["Subnets"] = [{"SubnetIdentifier": each, "SubnetStatus": "Active"} for each in params["SubnetIds"]]
        return {"ClusterSubnetGroup": shown}

    def DeleteClusterSubnetGroup(self, context: RequestContext, params: Json) -> Json:
        return self._delete(context.region, _SUBNETS, params[_SUBNETS], _SUBNETS)

    def DescribeClusterSubnetGroups(self, context: RequestContext, params: Json) -> Json:
        return self._page(context.region, _SUBNETS, "ClusterSubnetGroups", params)

    def CreateClusterParameterGroup(self, context: RequestContext, params: Json) -> Json:
        shown = self._add(context, _PARAMETERS, params, ParameterGroupFamily=params["ParameterGroupFamily"])
        return {"ClusterParameterGroup": shown}

    def ModifyClusterParameterGroup(self, context: RequestContext, params: Json) -> Json:
        group = self._get(context.region, _PARAMETERS, params[_PARAMETERS])
        given = {each["ParameterName"]: each["ParameterValue"] for each in params["Parameters"]}
        group.setdefault("_values", {}).update(given)
        return {_PARAMETERS: params[_PARAMETERS], "ParameterGroupStatus": "Your parameter group has been updated."}

    def DescribeClusterParameters(self, context: RequestContext, params: Json) -> Json:
        values = self._get(context.region, _PARAMETERS, params[_PARAMETERS]).get("_values", {})
        return {
            "Parameters": [
                {"ParameterName": key, "ParameterValue": value, "Source": "user"} for key, value in values.items()
            ]
        }

    def DeleteClusterParameterGroup(self, context: RequestContext, params: Json) -> Json:
        return self._delete(context.region, _PARAMETERS, params[_PARAMETERS], "ClusterParameterGroupName")

    def DescribeClusterParameterGroups(self, context: RequestContext, params: Json) -> Json:
        return self._page(context.region, _PARAMETERS, "ParameterGroups", params)

    def _add(self, context: RequestContext, key: str, params: Json, **more: Any) -> Json:
        name = params[key].lower()
        if (context.region, key, name) in self._by_name:
            kind = "ClusterSubnetGroupAlreadyExists" if key == _SUBNETS else "ClusterParameterGroupAlreadyExists"
            raise ApiError(kind, f"The group {name} already exists in account {ACCOUNT}.")
        shown = {key: name, "Description": params["Description"], "Tags": params.get("Tags", [])} | more
        self._by_name[context.region, key, name] = shown
        return shown

    def _get(self, region: str, key: str, name: str) -> Json:
        group = self._by_name.get((region, key, name.lower()))
        if group is None:
            kind = "ClusterSubnetGroupNotFoundFault" if key == _SUBNETS else "ClusterParameterGroupNotFound"
            raise ApiError(kind, f"The group {name} does not exist.")
        return group

    def _delete(self, region: str, key: str, name: str, used_as: str) -> Json:
        self._get(region, key, name)
        if users := self._users(region, used_as, name.lower()):
            kind = "InvalidClusterSubnetGroupStateFault" if key == _SUBNETS else "InvalidClusterParameterGroupState"
            raise ApiError(kind, f"The group {name} is used by {', '.join(users)}.")
        del self._by_name[region, key, name.lower()]
        return {}

    def _page(self, region: str, key: str, listed: str, params: Json) -> Json:
        if params.get(key):
            return {listed: [self._get(region, key, params[key])]}
        groups = [shown for (where, kind, _), shown in sorted(self._by_name.items()) if (where, kind) == (region, key)]
        start, most = int(params.get("Marker") or 0), max(_FEWEST, int(params.get("MaxRecords") or _MOST))
        more = {"Marker": str(start + most)} if len(groups) > start + most else {}
        return {listed: groups[start : start + most]} | more
