"""Sends events to EventBridge. `faults/faults.py` decides which are lost, doubled or late."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rds_lake.localcloud.events.envelopes import JOB_EVENT, BackupJob, Entry, backup_entry, job_entry, rds_entry
from rds_lake.localcloud.http.account import REGION
from rds_lake.localcloud.http.loop import InProcessClients


class Events:
    """Sends events. `route` gets the event's name and a function that sends it, and decides whether to send it."""

    def __init__(self, clients: InProcessClients, route: Callable[[str, Callable[[], None]], None]) -> None:
        self._clients = clients
        self._route = route

    def emit(self, event_ids: Sequence[str], arn: str) -> None:
        """Send RDS's events about a snapshot or a cluster, in order."""
        for event_id in event_ids:
            self._send(event_id, rds_entry(event_id, arn))

    def emit_backup(self, job: BackupJob, state: str, snapshot_arn: str) -> None:
        """Send AWS Backup's event about a job."""
        self._send(state, backup_entry(job, state, snapshot_arn))

    def emit_job(self, job: str, run: str, state: str, message: str | None) -> None:
        """Send Glue's event that a run of a job ended, which does not contain the run's arguments."""
        self._send(JOB_EVENT, job_entry(job, run, state, message))

    def _send(self, name: str, entry: Entry) -> None:
        self._route(name, lambda: self._clients.client("events", REGION).put_events(Entries=[entry]))
