"""Keeps the policy of a queue when other attributes are set: moto loses it, and EventBridge could not deliver any more.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html
"""

from __future__ import annotations

from functools import wraps
from typing import Any

from moto.sqs.models import Queue


def keep_policies_of_queues() -> None:
    """Repair moto's queues in this process. Safe to repeat."""
    forgetful = Queue._set_attributes
    if hasattr(forgetful, "__wrapped__"):
        return

    @wraps(forgetful)
    def set_attributes(self: Any, attributes: dict[str, Any], *others: Any, **more: Any) -> None:
        before = getattr(self, "policy", None)
        forgetful(self, attributes, *others, **more)
        if "Policy" not in attributes:
            self.policy = before

    Queue._set_attributes = set_attributes  # type: ignore[method-assign]
