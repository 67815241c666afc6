"""From rds-lake's errors to Dagster's: terminal ones fail at once, transient ones go to the retry policy."""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from rds_lake.defs import metadata
from rds_lake.errors import RdsLakeError, TransientError
from rds_lake.stages.runs.healing import heals

RETRIES = dg.RetryPolicy(max_retries=3, delay=20, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.PLUS_MINUS)


@contextmanager
def dagster_failures() -> Iterator[None]:
    """Raise `dg.Failure` for rds-lake's errors; only transient ones may be retried by the policy."""
    try:
        yield
    except RdsLakeError as error:
        raise dg.Failure(
            description=str(error),
            metadata=metadata.failure(error, heals=heals(error)),
            allow_retries=isinstance(error, TransientError),
        ) from error
