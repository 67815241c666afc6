"""Requests for exports: DynamoDB's refusals, before and after it looks at the table.

What belongs here: checking a request. Running an accepted one is `export.py`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from rds_lake.localcloud.dynamodb.recovery import SECOND, refusal

Json = dict[str, Any]
FULL, INCREMENTAL = "FULL_EXPORT", "INCREMENTAL_EXPORT"
NEW_AND_OLD = "NEW_AND_OLD_IMAGES"
_ENUMS = {
    "ExportFormat": ("ION", "DYNAMODB_JSON"),
    "ExportType": (INCREMENTAL, FULL),
    "S3SseAlgorithm": ("AES256", "KMS"),
}
_BUCKET = re.compile(r"[a-z0-9A-Z]+[.\-\w]*[a-z0-9A-Z]+", re.ASCII)
_SHORTEST, _LONGEST = 15 * 60 * SECOND, 24 * 3600 * SECOND


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The export's times: the table just before `end`, or its writes from `start` on and before `end`."""

    start: int | None
    end: int


def check_request(params: Json) -> None:
    """ValidationException for requests that are wrong for any table."""
    _check_enums(params, _ENUMS)
    if not _BUCKET.fullmatch(params.get("S3Bucket", "")):
        raise _unfit(params.get("S3Bucket", ""), "s3Bucket", f"regular expression pattern: ^{_BUCKET.pattern}$")
    for name in ("ClientToken", "S3Prefix", "TableArn"):
        if params.get(name) == "":
            raise _unfit("", name[:1].lower() + name[1:], "length greater than or equal to 1")
    if not re.fullmatch(r"\d{12}", params.get("S3BucketOwner", "0" * 12)):
        raise _unfit(params["S3BucketOwner"], "s3BucketOwner", "regular expression pattern: [0-9]{12}")
    if params.get("ExportFormat") == "ION":
        raise refusal("ValidationException", "ExportFormat ION: the local cloud writes DYNAMODB_JSON only.")
    if "FilterSpecification" in params:
        raise refusal("ValidationException", "FilterSpecification: the local cloud exports whole tables only.")
    _check_type(params)


def window_of(params: Json, *, earliest: int, now: int) -> Window:
    """Returns the times of a request. InvalidExportTimeException if they cannot be recovered."""
    if params.get("ExportType") != INCREMENTAL:
        moment = _micros(params.get("ExportTime"), now + 1)
        if not earliest <= moment <= now + 1:
            raise refusal("InvalidExportTimeException", "Export Time is invalid")
        return Window(start=None, end=moment)
    wanted = params["IncrementalExportSpecification"]
    start, end = _micros(wanted["ExportFromTime"], 0), _micros(wanted.get("ExportToTime"), now - now % SECOND)
    if start < earliest:
        raise refusal("InvalidExportTimeException", "Incremental export start time outside PITR window")
    if end > now:
        raise refusal("InvalidExportTimeException", "Export Time is invalid")
    if not _SHORTEST <= end - start <= _LONGEST:
        raise refusal(
            "InvalidExportTimeException",
            "Difference between export period start and end time must be at least 15 minutes and at most 24 hours",
        )
    return Window(start=start, end=end)


def fingerprint(params: Json) -> str:
    """Returns the values that two requests with the same ClientToken must share."""
    return json.dumps({name: value for name, value in params.items() if name != "ClientToken"}, sort_keys=True)


def _check_type(params: Json) -> None:
    wanted = params.get("IncrementalExportSpecification")
    if params.get("ExportType") != INCREMENTAL:
        if wanted is not None:
            raise refusal(
                "ValidationException", "IncrementalExportSpecification is only for ExportType INCREMENTAL_EXPORT."
            )
        return
    if not wanted or "ExportFromTime" not in wanted:
        raise refusal("ValidationException", "INCREMENTAL_EXPORT needs IncrementalExportSpecification.ExportFromTime.")
    if "ExportTime" in params:
        raise refusal("ValidationException", "ExportTime is only for ExportType FULL_EXPORT.")
    _check_enums(wanted, {"ExportViewType": ("NEW_IMAGE", NEW_AND_OLD)})


def _check_enums(params: Json, enums: Mapping[str, Collection[str]]) -> None:
    for name, values in enums.items():
        if params.get(name, next(iter(values))) not in values:
            constraint = f"enum value set: [{', '.join(values)}]"
            raise _unfit(params[name], name[:1].lower() + name[1:], constraint)


def _unfit(value: str, member: str, constraint: str) -> Exception:
    return refusal(
        "ValidationException",
        f"1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: Member must satisfy "
        f"{constraint}",
    )


def _micros(seconds: Any, default: int) -> int:
    return default if seconds is None else round(float(seconds) * SECOND)
