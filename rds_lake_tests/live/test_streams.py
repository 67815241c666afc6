"""`capture: lambda` in a real database: what a writer sees of the function that its triggers call.

    pytest -m aws rds_lake_tests/live

The variables are those of `place.py`, and one more:

    RDS_LAKE_LIVE_UNREACHABLE   ARN of a function, whether there is one or not, in a Region that the database's network has no way to:
                                one other than the interface endpoint's, where there is no NAT

Cost: some 60 asynchronous invocations and their Lambda time, less than a cent; nothing is created that stays. Each test makes tables
and users of its own and removes them, and the triggers, also when it fails. Without a variable its tests are skipped.
"""

from __future__ import annotations

import os
import time
from dataclasses import replace

import pytest

from rds_lake_tests.live.place import FAILURES, TABLE, Place

_WRITER, _PASSWORD = "rds_lake_live_writer", "Live-1-only"


def test_a_writer_who_may_nothing_but_write_calls_the_function_by_the_triggers_owner(place: Place) -> None:
    quoted = "rds_lake_live_writer"
    host = "" if place.is_postgres else "@'%'"
    made = f"CREATE USER {quoted}{host} {'PASSWORD' if place.is_postgres else 'IDENTIFIED BY'} 'Live-1-only'"
    with place.captured():
        place.run(f"DROP USER IF EXISTS {quoted}{host}", made, f"GRANT INSERT ON {TABLE} TO {quoted}{host}")
        try:
            place.run(f"INSERT INTO {TABLE} VALUES (1, 'x')", user=(quoted, "Live-1-only"))
        finally:
            place.run(
                *([f"REVOKE ALL ON {TABLE} FROM {quoted}"] if place.is_postgres else []), f"DROP USER {quoted}{host}"
            )


def test_a_function_that_is_throttled_stops_no_writer(place: Place) -> None:
    with place.captured():
        place.client.put_function_concurrency(FunctionName=place.function, ReservedConcurrentExecutions=0)
        try:
            place.run(*(f"INSERT INTO {TABLE} VALUES ({number}, 'x')" for number in range(10)))
        finally:
            place.client.delete_function_concurrency(FunctionName=place.function)


def test_a_function_that_is_gone_fails_the_writer_and_leaves_no_row(place: Place) -> None:
    gone = Place(dsn=place.dsn, function=f"{place.function}-gone", client=place.client)
    with gone.captured(), pytest.raises(FAILURES):
        gone.run(f"INSERT INTO {TABLE} VALUES (1, 'x')")


def test_a_payload_beyond_lambdas_limit_is_an_error_of_the_statement(place: Place) -> None:
    payload = "json_build_object('v', repeat('x', 1100000))" if place.is_postgres else None
    call = (
        f"SELECT aws_lambda.invoke('{place.function}', {payload}, invocation_type => 'Event')"
        if payload
        else f"SELECT lambda_async('{place.function}', CONCAT('{{\"v\": \"', REPEAT('x', 1100000), '\"}}'))"
    )
    with pytest.raises(FAILURES):
        place.run(call)


def test_an_invocation_keeps_a_writer_for_milliseconds(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    with place.captured():
        place.run(f"INSERT INTO {TABLE} VALUES (0, 'first')")
        began = time.monotonic()
        place.run(*(f"INSERT INTO {TABLE} VALUES ({number}, 'x')" for number in range(1, 21)))
        each = (time.monotonic() - began) / 20
    with capsys.disabled():
        print(f"\n{each * 1000:.1f} ms for a row of {place.dsn.engine.value}")
    assert each < 4, "aws_lambda's own time-outs together"


def unreachable(place: Place) -> Place:
    """The same database, whose calls get no answer."""
    if place.streaming is not None:
        place.streaming.faults(lambdas=[{"unreachable": "Unable to connect to endpoint", "times": 1}])
        return place
    arn = os.environ.get("RDS_LAKE_LIVE_UNREACHABLE")
    return replace(place, function=arn) if arn else pytest.skip("needs RDS_LAKE_LIVE_UNREACHABLE")


def test_while_lambda_is_out_of_reach_a_writer_fails_whole_and_the_database_goes_on(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    away = unreachable(place)
    with away.captured():
        began = time.monotonic()
        with pytest.raises(FAILURES) as failed:
            away.run(f"INSERT INTO {TABLE} VALUES (1, 'x')")
        with capsys.disabled():
            print(f"\n{place.dsn.engine.value}, after {time.monotonic() - began:.1f} s: {failed.value}")
        assert away.run(f"SELECT count(*) FROM {TABLE}") == [(0,)]
    with place.captured():
        place.run(f"INSERT INTO {TABLE} VALUES (1, 'x')")
        assert place.run(f"SELECT count(*) FROM {TABLE}") == [(1,)]


def test_while_lambda_is_out_of_reach_and_changes_may_be_dropped_the_database_goes_on_writing(place: Place) -> None:
    away = unreachable(place)
    with away.captured(on_error="drop"):
        before = away.run("SELECT count(*) FROM rds_lake.dropped")[0][0]
        away.run(f"INSERT INTO {TABLE} VALUES (1, 'x')")
        assert away.run(f"SELECT count(*) FROM {TABLE}") == [(1,)]
        assert away.run("SELECT count(*) FROM rds_lake.dropped") == [(before + 1,)]
        ((reason,),) = away.run("SELECT error FROM rds_lake.dropped ORDER BY id DESC LIMIT 1")
        assert reason, "what the server said of it"


def test_only_a_user_with_auroras_role_calls_a_function(place: Place) -> None:
    """AWS_LAMBDA_ACCESS, which has to be active: granted alone it is not.

    https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/AuroraMySQL.Integrating.NativeLambda.html
    """
    if place.is_postgres:
        pytest.skip("a role of Aurora MySQL")
    user, call = f"{_WRITER}@'%'", f"SELECT lambda_async('{place.function}', '1')"
    own = (_WRITER, _PASSWORD)
    word = "FOR" if "MariaDB" in place.run("SELECT VERSION()")[0][0] else "TO"
    place.run(f"DROP USER IF EXISTS {user}", f"CREATE USER {user} IDENTIFIED BY '{_PASSWORD}'")
    place.run(f"GRANT SELECT ON {place.dsn.database}.* TO {user}")
    try:
        with pytest.raises(FAILURES):
            place.run(call, user=own)
        place.run(f"GRANT AWS_LAMBDA_ACCESS TO {user}")
        if place.run("SELECT @@global.activate_all_roles_on_login" if word == "TO" else "SELECT 0") == [(0,)]:
            with pytest.raises(FAILURES):
                place.run(call, user=own)
        place.run(f"SET DEFAULT ROLE AWS_LAMBDA_ACCESS {word} {user}")
        place.run(call, user=own)
    finally:
        place.run(f"DROP USER {user}")
