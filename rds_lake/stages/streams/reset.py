"""Begins a new epoch: after a restore, or when a copy of a database becomes separate, ids and cuts may repeat."""

from __future__ import annotations

from rds_lake.errors import ManifestError
from rds_lake.stages.streams.forward import Forwarding
from rds_lake.stages.streams.record import catch_up, change_forwarded


def reset(work: Forwarding, *, new_epoch: str) -> str:
    """Begins the epoch, and returns what was done as a sentence. Changes in the outbox come into its first cut.

    Raises OutboxBusyError, without waiting, if a forwarder is at work. It may be repeated after a crash: the database
    decides the epoch, and the record follows with the next cut.
    """
    with work.open_outbox() as outbox:
        position = outbox.claim()
        try:
            catch_up(work.lake, work.source, work.database, position)
        except ManifestError as error:
            work.log(f"a new epoch is needed, because: {error}")
        outbox.renew(position, new_epoch)
    change_forwarded(work.lake, work.source, work.database, lambda record: record.with_epoch(new_epoch))
    return (
        f"{work.source}, database {work.database}: epoch {position.epoch} ended with cut {position.cut}, epoch {new_epoch} begins. "
        "Changes are joined with snapshots again from the next snapshot on"
    )
