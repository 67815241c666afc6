"""Repairs of moto where AWS behaves otherwise and the pipeline depends on it.

Each repair has two tests in `rds_lake_tests/localcloud/test_moto_fixes.py`: ours is right, and bare moto is still wrong.
The second fails the day moto does it right; the repair then goes.

What belongs here: every use of moto's internals except `rds_snapshots.py`'s dated snapshots.
"""

from __future__ import annotations

from typing import Any

from moto.events import models as events_models

from rds_lake.localcloud.app import ApiError, LocalCloudApp, RequestContext
from rds_lake.localcloud.loop import InProcessClients

_CREATE_BATCH = 100


def apply_event_fixes() -> None:
    """EventBridge: a disabled rule delivers nothing, and a delivered event names its account. Safe to repeat."""
    rule = events_models.Rule
    original = rule.send_to_targets
    if getattr(original, "rds_lake", False):
        return

    def send_to_targets(self: Any, original_event: Any, transform_input: bool = True) -> None:
        if self.state != "ENABLED":
            return
        original(self, {"account": self.account_id} | original_event, transform_input)

    send_to_targets.rds_lake = True  # type: ignore[attr-defined]
    rule.send_to_targets = send_to_targets  # type: ignore[method-assign]
    parser: Any = events_models.EventTemplateParser
    template = parser.DEFAULT_EVENT_INPUT_TEMPLATE
    if "<account>" not in template:
        parser.DEFAULT_EVENT_INPUT_TEMPLATE = template.replace('"source"', '"account": "<account>", "source"', 1)


class GlueFixes:
    """Glue: a stale VersionId is refused, and so are batches beyond the limits (aws-facts 5.1)."""

    def __init__(self, app: LocalCloudApp, clients: InProcessClients) -> None:
        self._clients = clients
        app.json_operations["AWSGlue.UpdateTable"] = self._update_table
        app.json_operations["AWSGlue.BatchCreatePartition"] = self._batch_create
        # Our own calls below must reach moto, not these operations again.
        self._moto = _Bare(app)

    def _update_table(self, context: RequestContext, params: dict[str, Any]) -> dict[str, Any]:
        stated = params.get("VersionId")
        name = params["TableInput"]["Name"]
        table = self._moto.call("GetTable", {"DatabaseName": params["DatabaseName"], "Name": name})["Table"]
        if stated is not None and stated != table.get("VersionId"):
            raise ApiError(
                "ConcurrentModificationException", f"Update table failed due to concurrent modifications: {name}"
            )
        return self._moto.call("UpdateTable", params)

    def _batch_create(self, context: RequestContext, params: dict[str, Any]) -> dict[str, Any]:
        count = len(params.get("PartitionInputList", []))
        if count > _CREATE_BATCH:
            raise ApiError(
                "ValidationException",
                f"1 validation error detected: Value at 'partitionInputList' has {count} members, at most {_CREATE_BATCH}",
            )
        return self._moto.call("BatchCreatePartition", params)


class _Bare:
    """Glue operations straight from moto."""

    def __init__(self, app: LocalCloudApp) -> None:
        bare = LocalCloudApp.__new__(LocalCloudApp)
        bare.moto = app.moto
        bare.json_operations, bare.query_operations, bare.after, bare.routes = {}, {}, {}, {}
        self._client = InProcessClients(bare).client("glue")

    def call(self, operation: str, params: dict[str, Any]) -> dict[str, Any]:
        from botocore import xform_name
        from botocore.exceptions import ClientError

        try:
            answer = getattr(self._client, xform_name(operation))(**params)
        except ClientError as error:
            details = error.response["Error"]
            raise ApiError(details["Code"], details["Message"]) from error
        answer.pop("ResponseMetadata", None)
        return answer
