"""Converts rds-lake's errors to Dagster's: terminal ones fail at once, transient ones go to the retry policy."""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from rds_lake.defs import metadata
from rds_lake.errors import RdsLakeError, SnapshotNotFoundError, TransientError
from rds_lake.stages.runs.healing import heals

RETRIES = dg.RetryPolicy(max_retries=3, delay=20, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.PLUS_MINUS)


_NO_SNAPSHOT = (
    "Nothing in AWS or in the lake failed. If the date has a snapshot of another kind, add that kind to `snapshots:` of the "
    "source in lake.yaml and materialize the date again. Otherwise the date cannot be exported."
)


def _what_it_is(error: RdsLakeError) -> dict[str, str]:
    """Returns the other title for a date without a snapshot, in mails and in the run: nothing failed in that case."""
    is_absent = isinstance(error, SnapshotNotFoundError)
    return metadata.incident("no snapshot of this date", _NO_SNAPSHOT) if is_absent else {}


@contextmanager
def dagster_failures() -> Iterator[None]:
    """Converts rds-lake's errors in the block to `dg.Failure`; only transient ones may be retried by the policy."""
    try:
        yield
    except RdsLakeError as error:
        raise dg.Failure(
            description=str(error),
            metadata=metadata.failure(error, heals=heals(error)) | _what_it_is(error),
            allow_retries=isinstance(error, TransientError),
        ) from error
