"""What heals by itself: for how long, and what does not."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rds_lake.errors import (
    AwsError,
    ExportFailedError,
    ExportQuotaError,
    ExportTimeoutError,
    QueryError,
    RdsLakeError,
    ThrottledError,
    UnavailableError,
)
from rds_lake.stages.databases.unseen import Unseen
from rds_lake.stages.runs.healing import Ended, heals, retries_sentence

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("error", "by_itself"),
    [
        (UnavailableError("S3 answered 503"), True),
        (ThrottledError("Rate exceeded"), True),
        (QueryError("GENERIC_INTERNAL_ERROR", query_id="q", retryable=True), True),
        (QueryError("SYNTAX_ERROR", query_id="q"), False),
        (ExportQuotaError("five already"), False),
        (ExportTimeoutError("still IN_PROGRESS"), False),
        (ExportFailedError("the role cannot be assumed"), False),
        (AwsError(service="s3", operation="PutObject", code="AccessDenied", message="no"), False),
    ],
)
def test_only_what_was_away_comes_back_by_itself(error: RdsLakeError, by_itself: bool) -> None:
    assert heals(error) is by_itself


def test_pauses_grow_and_come_to_an_end_within_a_working_day() -> None:
    pauses: list[timedelta] = []
    for tries in range(100):
        ended = Ended(heals=True, tries=tries)
        if ended.is_given_up:
            break
        waited = next(m for m in range(10_000) if ended.is_due(at=NOW, now=NOW + timedelta(minutes=m)))
        pauses.append(timedelta(minutes=waited))
    assert len(pauses) == 6
    assert pauses == sorted(set(pauses)), "each is longer than the one before"
    assert pauses[0] >= timedelta(minutes=5), "an outage of ten minutes is not met by the first one only"
    assert sum(pauses, timedelta()) < timedelta(hours=12)
    assert "6 times within 10.5 hours" in retries_sentence(Ended(heals=True, tries=6))


@given(st.booleans(), st.integers(0, 20), st.integers(0, 10_000))
def test_what_is_a_persons_is_never_taken_up_again(by_itself: bool, tries: int, minutes: int) -> None:
    ended = Ended(heals=by_itself, tries=tries)
    if ended.is_a_persons:
        assert not ended.is_due(at=NOW, now=NOW + timedelta(minutes=minutes))


def test_a_source_that_cannot_be_looked_at_is_reported_once_after_two_hours_and_again_only_if_it_comes_back() -> None:
    unseen = Unseen()
    keys = [
        incident.key
        for minutes in range(0, 600, 10)
        for incident in unseen.note("shop", ["AccessDenied"], now=NOW + timedelta(minutes=minutes))
    ]
    assert len(keys) == 48
    assert len(set(keys)) == 1, "one run key, so that Dagster starts it once"
    assert unseen.note("blog", ["AccessDenied"], now=NOW) == ()
    assert unseen.note("shop", [], now=NOW + timedelta(hours=11)) == ()
    assert unseen.note("shop", ["AccessDenied"], now=NOW + timedelta(hours=12)) == ()
    (again,) = unseen.note("shop", ["AccessDenied"], now=NOW + timedelta(hours=15))
    assert again.key not in keys
