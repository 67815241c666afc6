"""The record of decisions: the requested right, the principal, and the statement that decided. `GET /_local/decisions` shows it.

    {"decisions": [{"time": "2026-11-20T03:00:00.123+00:00", "principal": "arn:aws:sts::…:assumed-role/…", "action": "s3:GetObject",
      "resource": "arn:aws:s3:::…", "context": {"aws:RequestedRegion": ["us-east-1"]}, "effect": "allow",
      "statement": "pipeline: ReadLake", "operation": "s3.GetObject", "via": ""}], "dropped": 0}

`via` is the service that acts for the principal (`athena.amazonaws.com`). Only callers with policies are recorded, unless
`POST /_local/decisions {"record_all": true}` also records those of all others.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rds_lake.localcloud.http.app import ApiError, LocalCloudApp

_KEPT = 100_000
Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """One decision. `effect`: allow, explicit deny or implicit deny; `operation`: `s3.GetObject`."""

    time: datetime
    principal: str
    action: str
    resource: str
    context: Mapping[str, tuple[str, ...]]
    effect: str
    statement: str | None
    operation: str
    via: str

    def shown(self) -> Json:
        return {
            "time": self.time.isoformat(timespec="milliseconds"),
            "principal": self.principal,
            "action": self.action,
            "resource": self.resource,
            "context": {key: list(values) for key, values in self.context.items()},
            "effect": self.effect,
            "statement": self.statement,
            "operation": self.operation,
            "via": self.via,
        }


class Decisions:
    """The latest decisions, oldest first. Every method may be called from any thread."""

    def __init__(self, app: LocalCloudApp, *, kept: int = _KEPT) -> None:
        self._kept: deque[Callable[[], Recorded]] = deque(maxlen=kept)
        self._dropped = 0
        self._lock = threading.Lock()
        self.record_all = False
        app.routes["GET", "/_local/decisions"] = self._show
        app.routes["POST", "/_local/decisions"] = self._switch

    def add(self, decision: Callable[[], Recorded]) -> None:
        """Keep a decision, as a function that returns it: most are never read. The oldest is removed if there are too many."""
        with self._lock:
            self._dropped += len(self._kept) == self._kept.maxlen
            self._kept.append(decision)

    def all(self) -> list[Recorded]:
        """Returns the kept decisions."""
        with self._lock:
            kept = list(self._kept)
        return [decision() for decision in kept]

    def reset(self) -> None:
        """Forget all decisions, and record only callers with policies."""
        with self._lock:
            self._kept.clear()
            self._dropped, self.record_all = 0, False

    def _show(self, body: Json) -> tuple[int, Json]:
        return 200, {"decisions": [decision.shown() for decision in self.all()], "dropped": self._dropped}

    def _switch(self, body: Json) -> tuple[int, Json]:
        unknown = sorted(set(body) - {"record_all"})
        if unknown or not isinstance(body.get("record_all"), bool):
            problem = (
                f"{', '.join(unknown)}: only `record_all` is known" if unknown else "`record_all` is true or false"
            )
            raise ApiError("InvalidParameterValue", problem)
        self.record_all = body["record_all"]
        return 200, {"record_all": self.record_all}
