"""CloudFormation's errors, in its own words where they are known."""

from __future__ import annotations

from rds_lake.localcloud.http.app import ApiError


def invalid(message: str) -> ApiError:
    """What CloudFormation refuses a request with."""
    return ApiError("ValidationError", message)


def not_here(what: str) -> ApiError:
    """The refusal of what CloudFormation has and the local cloud does not: never a silent success."""
    return invalid(f"The local cloud's limit, not CloudFormation's: {what}")
