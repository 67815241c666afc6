"""Lets GetBucketNotificationConfiguration return the setting of EventBridge, which moto stores but does not return.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketNotificationConfiguration.html
"""

from __future__ import annotations

from functools import wraps
from typing import Any

from moto.core.responses import ActionResult
from moto.s3.responses import S3Response


def tell_of_event_bridge() -> None:
    """Repair moto's answer in this process. Safe to repeat."""
    silent = S3Response.serialized
    if hasattr(silent, "__wrapped__"):
        return

    @wraps(silent)
    def serialized(self: Any, action_result: Any) -> Any:
        if self.data.get("Action") == "GetBucketNotificationConfiguration":
            configuration = self.backend.get_bucket_notification_configuration(self.bucket_name)
            if configuration.event_bridge is not None:
                action_result = ActionResult(action_result.result | {"EventBridgeConfiguration": {}})
        return silent(self, action_result)

    S3Response.serialized = serialized  # type: ignore[method-assign]
