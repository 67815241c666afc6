"""From rds-lake's errors to Dagster's: terminal ones fail at once, transient ones go to the retry policy.

What belongs here: this one mapping.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from rds_lake.errors import RdsLakeError, TransientError
from rds_lake.stages.runs.healing import heals

RETRIES = dg.RetryPolicy(max_retries=3, delay=20, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.PLUS_MINUS)

HEALS = "rds_lake/heals"  # metadata of a failure: whether reconciliation takes the run up again


@contextmanager
def dagster_failures() -> Iterator[None]:
    """Raise `dg.Failure` for our errors; only transient ones may be retried by the policy."""
    try:
        yield
    except RdsLakeError as error:
        raise dg.Failure(
            description=str(error),
            metadata={"rds_lake/error": type(error).__name__, HEALS: heals(error)},
            allow_retries=isinstance(error, TransientError),
        ) from error
