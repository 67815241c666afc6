"""A run of a Spark job as AWS Glue reports it, and what its states mean.

https://docs.aws.amazon.com/glue/latest/webapi/API_JobRun.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

REQUEST = "--request"
_RUNNING = frozenset({"STARTING", "RUNNING", "STOPPING", "WAITING"})
# The final states for which EventBridge has an event; it has none for ERROR.
ENDED = ("SUCCEEDED", "FAILED", "TIMEOUT", "STOPPED")


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRun:
    """One run. `error`: Glue's message."""

    id: str
    job: str
    state: str
    arguments: Mapping[str, str]
    started_at: datetime | None = None
    ended_at: datetime | None = None
    error: str | None = None

    @property
    def running(self) -> bool:
        """STARTING, RUNNING, STOPPING or WAITING: it may still write."""
        return self.state in _RUNNING

    @property
    def request(self) -> str | None:
        """The URI of the run's request, by which rds-lake recognises the run."""
        return self.arguments.get(REQUEST)
