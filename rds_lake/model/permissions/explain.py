"""A denial in AWS's words.

https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
"""

from __future__ import annotations

from rds_lake.model.permissions.evaluate import Decision
from rds_lake.model.permissions.request import Principal, Request


def message(request: Request, principal: Principal, decision: Decision) -> str:
    """Returns AWS's sentence: `User: … is not authorized to perform: s3:GetObject on resource: … because …`."""
    return (
        f"User: {principal.arn} is not authorized to perform: {request.action} "
        f"on resource: {request.resource} {decision.reason}"
    )
