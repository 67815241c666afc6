"""Temporary user names and passwords for logging in to a cluster or workgroup.

(https://docs.aws.amazon.com/redshift/latest/APIReference/API_GetClusterCredentials.html,
https://docs.aws.amazon.com/redshift/latest/APIReference/API_GetClusterCredentialsWithIAM.html,
https://docs.aws.amazon.com/redshift-serverless/latest/APIReference/API_GetCredentials.html) Passwords are not stored, because
nothing here accepts one: statements come by the Data API, which needs the same rights.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

from rds_lake.localcloud.http.app import ApiError, LocalCloudApp, RequestContext
from rds_lake.localcloud.http.clock import Clock
from rds_lake.localcloud.permissions.acting import Actors
from rds_lake.localcloud.redshift.clusters.provisioned import Clusters
from rds_lake.localcloud.redshift.clusters.serverless import WORKGROUP, Serverless
from rds_lake.model.permissions.request import Principal

Json = dict[str, Any]
_SECONDS = range(900, 3601)


class Credentials:
    """The three operations."""

    def __init__(
        self, app: LocalCloudApp, clock: Clock, actors: Actors, clusters: Clusters, serverless: Serverless
    ) -> None:
        self._clock, self._actors, self._clusters, self._serverless = clock, actors, clusters, serverless
        for operation in (self.GetClusterCredentials, self.GetClusterCredentialsWithIAM):
            app.query_operations["redshift", operation.__name__] = operation
        app.json_operations["RedshiftServerless.GetCredentials"] = self.GetCredentials

    def GetClusterCredentials(self, context: RequestContext, params: Json) -> Json:
        """Returns credentials of a database user, whose name is prefixed with `IAM:`, or with `IAMA:` if it may be created."""
        self._require_cluster(context, params)
        until, _ = self._until(params.get("DurationSeconds"), "InvalidParameterValue")
        prefix = "IAMA" if params.get("AutoCreate") else "IAM"
        return {"DbUser": f"{prefix}:{params['DbUser']}", "DbPassword": _password(), "Expiration": until}

    def GetClusterCredentialsWithIAM(self, context: RequestContext, params: Json) -> Json:
        """Returns credentials of the database user with the caller's own name."""
        self._require_cluster(context, params)
        until, refresh = self._until(params.get("DurationSeconds"), "InvalidParameterValue")
        user = database_user(self._actors.caller(context))
        return {"DbUser": user, "DbPassword": _password(), "Expiration": until, "NextRefreshTime": refresh}

    def GetCredentials(self, context: RequestContext, params: Json) -> Json:
        """Returns credentials for a workgroup, as GetClusterCredentialsWithIAM does for a cluster."""
        if params.get("customDomainName") or not params.get("workgroupName"):
            raise ApiError(
                "ValidationException",
                "The local cloud's limit, not AWS's: custom domain names are not supported. Give workgroupName.",
            )
        if self._serverless.find(WORKGROUP, context.region, params["workgroupName"]) is None:
            message = f"The workgroup {params['workgroupName']} does not exist."
            raise ApiError("ResourceNotFoundException", message, 404)
        until, refresh = self._until(params.get("durationSeconds"), "ValidationException")
        user = database_user(self._actors.caller(context))
        return {"dbUser": user, "dbPassword": _password(), "expiration": until, "nextRefreshTime": refresh}

    def _require_cluster(self, context: RequestContext, params: Json) -> None:
        if params.get("CustomDomainName") or not params.get("ClusterIdentifier"):
            message = (
                "The local cloud's limit, not AWS's: custom domain names are not supported. Give ClusterIdentifier."
            )
            raise ApiError("UnsupportedOperation", message)
        name = params["ClusterIdentifier"]
        if self._clusters.find(context.region, name) is None:
            raise ApiError("ClusterNotFound", f"Cluster {name} not found.", 404)

    def _until(self, seconds: int | None, code: str) -> tuple[datetime, datetime]:
        """Returns when they expire, and when new ones can be requested. ApiError for a time that is too short or too long."""
        given = _SECONDS[0] if seconds is None else int(seconds)
        if given not in _SECONDS:
            raise ApiError(code, f"The duration is from {_SECONDS[0]} to {_SECONDS[-1]} seconds, not {given}.")
        until = datetime.fromtimestamp(self._clock.now() / 1e6, UTC) + timedelta(seconds=given)
        return until, until


def database_user(caller: Principal | None) -> str:
    """Returns the database user of an IAM identity: `IAM:bob`, `IAMR:reader`.

    (https://docs.aws.amazon.com/redshift/latest/mgmt/generating-iam-credentials-overview.html)
    """
    arn = caller.arn if caller is not None else ":root"
    role = arn.partition(":assumed-role/")[2].partition("/")[0]
    return f"IAMR:{role}" if role else f"IAM:{arn.rpartition('/')[2].rpartition(':')[2]}"


def _password() -> str:
    return secrets.token_urlsafe(32)
