"""The role of a Glue job: whether Glue may assume it, and whether it may read the objects in the run's arguments.

Other reads of a script are not checked; its writes are (`mounted_buckets.py`).
(https://docs.aws.amazon.com/glue/latest/dg/create-an-iam-role.html)
"""

from __future__ import annotations

from typing import Any

from rds_lake.localcloud.http.app import ApiError, RequestContext
from rds_lake.localcloud.permissions.acting import Acting, Actors

_SERVICE = "glue.amazonaws.com"


def check_trust(actors: Actors, context: RequestContext, role: str) -> None:
    """ApiError if Glue may not assume the role, which is an ARN or a name."""
    arn = _arn(actors, role)
    if not actors.may_assume(actors.caller(context), arn, _SERVICE):
        raise ApiError("InvalidInputException", f"Role {arn} should be given assume role permissions for Glue Service.")


def job_role(actors: Actors, context: RequestContext, definition: dict[str, Any], run: str) -> Acting:
    """Returns Glue acting as the role of a job."""
    return actors.in_role(actors.caller(context), _arn(actors, definition.get("Role", "")), run)


def missing_rights(acting: Acting, definition: dict[str, Any], arguments: dict[str, Any]) -> str | None:
    """Returns why the run cannot read its script or an object of an argument, as ErrorMessage; None if it can."""
    named = [definition.get("Command", {}).get("ScriptLocation", ""), *arguments.values()]
    uris = [uri for text in named for uri in str(text).split(",") if uri.startswith("s3://") and not uri.endswith("/")]
    for uri in dict.fromkeys(uris):
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        refused = acting.refused("s3", "GetObject", Bucket=bucket, Key=key) if key else None
        if refused is not None:
            return (
                f"LAUNCH ERROR | Error downloading from S3 for bucket: {bucket}, key: {key}. Access Denied: {refused}"
            )
    return None


def _arn(actors: Actors, role: str) -> str:
    return role if role.startswith("arn:") else actors.permissions.stored.role_arn(role.rsplit("/", 1)[-1])
