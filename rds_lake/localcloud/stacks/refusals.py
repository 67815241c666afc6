"""CloudFormation's errors, in its own words if they are known."""

from __future__ import annotations

from rds_lake.localcloud.http.app import ApiError


def invalid(message: str) -> ApiError:
    """Returns CloudFormation's error for a request that is not valid."""
    return ApiError("ValidationError", message)


def not_here(what: str) -> ApiError:
    """Returns the error for a feature of CloudFormation that the local cloud does not have."""
    return invalid(f"The local cloud's limit, not CloudFormation's: {what}")
