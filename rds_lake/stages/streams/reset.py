"""A new epoch: after a restore, or when a copy of a database becomes a separate one, ids and cuts may be used again."""

from __future__ import annotations

from rds_lake.errors import ManifestError
from rds_lake.stages.streams.forward import Forwarding
from rds_lake.stages.streams.record import catch_up, change_forwarded


def reset(work: Forwarding, *, new_epoch: str) -> str:
    """Begin the epoch; changes in the outbox come into its first cut. What was done, as a sentence.

    Does not wait: OutboxBusyError where a forwarder is at work. Killed in between, it may be repeated: the database alone says
    which epoch lasts, and the record follows with the next cut.
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
