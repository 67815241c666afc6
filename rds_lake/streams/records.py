"""Packs lines into Firehose's records, and records into calls of PutRecordBatch.

Firehose rounds the billed size of every record up to 5 KB (https://aws.amazon.com/firehose/pricing/): one row of 300 bytes costs as
much as sixteen in one record. So a record gets as many lines as fit. An invocation with one change still sends one record.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

# https://docs.aws.amazon.com/firehose/latest/dev/limits.html and .../APIReference/API_PutRecordBatch.html
RECORD_BYTES = 1000 * 1024
BATCH_BYTES = 4 * 1024 * 1024
BATCH_RECORDS = 500


class TooLargeError(ValueError):
    """A line that no record can hold."""


def pack(lines: Iterable[bytes], *, most: int = RECORD_BYTES) -> Iterator[bytes]:
    """Yields records of whole lines, in order. TooLargeError for a line of more than `most` bytes."""
    record = b""
    for line in lines:
        if len(line) > most:
            raise TooLargeError(
                f"a change is {len(line):,} bytes long, and Firehose accepts at most {most:,}: leave out the table's "
                "largest columns (`rds-lake streams triggers` omits what is too large), or use `capture: outbox`"
            )
        if record and len(record) + len(line) > most:
            yield record
            record = b""
        record += line
    if record:
        yield record


def batches(records: Iterable[bytes], *, most: int = BATCH_RECORDS, size: int = BATCH_BYTES) -> Iterator[list[bytes]]:
    """Yields the records of one call each: at most `most` records, and together at most `size` bytes."""
    batch: list[bytes] = []
    filled = 0
    for record in records:
        if batch and (len(batch) == most or filled + len(record) > size):
            yield batch
            batch, filled = [], 0
        batch.append(record)
        filled += len(record)
    if batch:
        yield batch
