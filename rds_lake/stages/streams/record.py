"""Reads and changes the record of final cuts (`model/streams/forwarded.py`), and reads the manifests of those cuts."""

from __future__ import annotations

from collections.abc import Callable

from rds_lake.database.outbox.outbox import Position
from rds_lake.errors import ManifestError
from rds_lake.model.streams.cut import Cut, parse_cut
from rds_lake.model.streams.forwarded import ForwardedCuts, parse_forwarded, render_forwarded
from rds_lake.stages.lake.lake import Lake
from rds_lake.stages.lake.shared_state import change_text


def change_forwarded(
    lake: Lake, source: str, database: str, change: Callable[[ForwardedCuts], ForwardedCuts]
) -> ForwardedCuts:
    """Changes the record, also while others change it, and returns it."""
    after = ForwardedCuts(source=source, database=database)

    def changed(text: str | None) -> str | None:
        nonlocal after
        before = (
            ForwardedCuts(source=source, database=database) if text is None else _parsed(lake, text, source, database)
        )
        after = change(before)
        return None if after == before else render_forwarded(after)

    key = lake.layout.forwarded_key(source, database)
    change_text(lake.s3, lake.layout.bucket, key, changed, kms_key=lake.kms_key)
    return after


def catch_up(lake: Lake, source: str, database: str, position: Position) -> ForwardedCuts:
    """Updates the record to what the database has committed, in case a forwarder was killed before it did.

    The caller holds the lock on the position. Raises ManifestError if the database is older than the lake, or if the
    lake lacks the committed cut.
    """

    def caught_up(record: ForwardedCuts) -> ForwardedCuts:
        record.require_not_older(position.epoch, position.cut)
        known = record.find(position.epoch)
        if position.cut == (known.cut if known else 0):
            return record.with_epoch(position.epoch)
        cut = get_cut(lake, source, position.epoch, position.cut)
        return record.with_final(position.epoch, position.cut, attempt=cut.attempt, as_of=cut.began)

    return change_forwarded(lake, source, database, caught_up)


def get_cut(lake: Lake, source: str, epoch: str, number: int) -> Cut:
    """Returns the manifest of a committed cut. Raises ManifestError if it is missing, damaged or of another cut."""
    key = lake.layout.cut_key(source, epoch, number)
    text = lake.s3.find_text(lake.layout.bucket, key)
    where = lake.layout.uri(key)
    if text is None:
        raise ManifestError(
            f"{where} is missing, although the cut was committed, and its changes exist nowhere else. Restore the object, or "
            f"run `rds-lake streams reset {source}`: a new epoch begins, and its changes are joined with the next snapshot"
        )
    cut = parse_cut(text, where=where)
    if (cut.source, cut.epoch, cut.number) != (source, epoch, number):
        raise ManifestError(f"{where} is the manifest of cut {cut.number} of epoch {cut.epoch} of {cut.source}")
    return cut


def _parsed(lake: Lake, text: str, source: str, database: str) -> ForwardedCuts:
    where = lake.layout.uri(lake.layout.forwarded_key(source, database))
    record = parse_forwarded(text, where=where)
    if (record.source, record.database) != (source, database):
        raise ManifestError(f"{where} is the record of database {record.database} of {record.source}")
    return record
