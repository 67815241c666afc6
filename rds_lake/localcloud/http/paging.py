"""Pages of RDS's Describe operations, by MaxRecords and Marker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from rds_lake.localcloud.http.app import ApiError

_Item = TypeVar("_Item")


def page_of(items: Sequence[_Item], params: Mapping[str, Any]) -> tuple[list[_Item], str | None]:
    """Returns the page of the parameters, and the next page's marker (None on the last). ApiError as AWS words it."""
    size, marker = int(params.get("MaxRecords", 100)), params.get("Marker") or "0"
    if not 20 <= size <= 100:
        raise ApiError("InvalidParameterValue", "MaxRecords must be between 20 and 100.")
    if not marker.isdecimal():
        raise ApiError("InvalidParameterValue", f"Invalid marker: {marker}")
    start = int(marker)
    return list(items[start : start + size]), str(start + size) if start + size < len(items) else None
