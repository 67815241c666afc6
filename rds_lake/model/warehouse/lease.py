"""The lease of a warehouse: one JSON object in S3, changed only by If-Match. It names the run, its end, and every object to remove.

    FREE ──take──> HELD ──keep──> KEPT ──take──> HELD
      ^              │ remove       │ remove
      └───gone─── REMOVING <────────┘

It is written before anything is created. It is free again only when each object that it names was searched for and not found.
What belongs here: the states, and the changes from one to another. Nothing is read or written here.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from rds_lake.errors import LeaseLostError
from rds_lake.model.records import read_record, render_record
from rds_lake.model.warehouse.names import Names
from rds_lake.model.warehouse.plan import Mode

_VERSION = 1
_REMEDY = "look which stacks of CloudFormation begin with `rds-lake-`, delete those of this warehouse, then delete this object"


class LeaseState(StrEnum):
    """The state of a warehouse in its lease."""

    FREE = "free"  # nothing exists
    HELD = "held"  # a run has it
    KEPT = "kept"  # no run has it, and its stack stays for the next one
    REMOVING = "removing"  # what it names is being removed, by any run or reaper


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The lease of one warehouse. `run`: the last run that had it; `made_by`: the run that created the stack.

    `expires_at`: the time from which everything that it names must be removed; None for a warehouse that is kept for
    ever. `ends_at`: the latest end of the run, regardless of extensions. `keep_minutes`: see `Plan`.
    """

    warehouse: str
    state: LeaseState
    number: int
    run: str
    made_by: str
    mode: Mode
    names: Names
    taken_at: datetime
    ends_at: datetime
    expires_at: datetime | None
    keep_minutes: float | None = 0

    def expired(self, now: datetime) -> bool:
        """Whether everything that the lease names must be removed now."""
        if self.state is LeaseState.REMOVING:
            return True
        return self.state is not LeaseState.FREE and self.expires_at is not None and self.expires_at <= now

    @property
    def adopted(self) -> bool:
        """Whether the stack was created for an earlier run."""
        return self.made_by != self.run


def extended(lease: Lease, run: str, now: datetime, span: timedelta) -> Lease:
    """Returns the lease extended for `span` from `now`. Raises LeaseLostError if the run no longer has it."""
    if lease.state is not LeaseState.HELD or lease.run != run:
        raise LeaseLostError(_lost(lease, run))
    return replace(lease, expires_at=min(now + span, lease.ends_at))


def kept(lease: Lease, now: datetime) -> Lease:
    """Returns the lease after its run, for a warehouse that is kept for a while or for ever."""
    minutes = lease.keep_minutes
    return replace(
        lease,
        state=LeaseState.KEPT,
        expires_at=None if minutes is None else now + timedelta(minutes=minutes),
    )


def removing(lease: Lease) -> Lease:
    """Returns the lease while its objects are being removed."""
    return replace(lease, state=LeaseState.REMOVING)


def freed(lease: Lease) -> Lease:
    """Returns the lease after all its objects were removed."""
    return replace(lease, state=LeaseState.FREE, expires_at=None)


def _lost(lease: Lease, run: str) -> str:
    return (
        f"run {run} no longer has warehouse {lease.warehouse}: its lease is {lease.state} by {lease.run}. The lease had expired, and "
        "its objects were removed or are being removed; this run cannot continue. Start a new run; `most_hours:` in lake.yaml "
        "limits the time of a run"
    )


def parse_lease(text: str, *, where: str) -> Lease:
    """Returns the lease in an object. Raises ManifestError for anything else."""
    return read_record(Lease, text, where=where, known=(_VERSION,), remedy=_REMEDY)


def render_lease(lease: Lease) -> str:
    """Returns the lease as JSON."""
    return render_record(asdict(lease), version=_VERSION)
