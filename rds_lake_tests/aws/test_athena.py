"""Athena: statements to their end, the quota as a queue, failures with reason, cancel on interrupt."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from rds_lake.aws import athena as module
from rds_lake.aws.athena import AthenaGateway
from rds_lake.aws.clients import AwsClients
from rds_lake.errors import QueryError, ThrottledError, UnavailableError
from rds_lake.localcloud.cloud import LocalCloud
from rds_lake_tests.aws.conftest import SESSION
from rds_lake_tests.support.faults import Faults
from rds_lake_tests.support.interrupts import interrupted
from rds_lake_tests.support.world import World


class Clock:
    """Time that passes only by sleeping."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


class Scripted:
    """An Athena client whose query goes through the given states."""

    def __init__(self, states: Iterator[Any]) -> None:
        self.states = states
        self.stopped: list[str] = []
        self.started: list[dict[str, Any]] = []

    def start_query_execution(self, **arguments: Any) -> dict[str, str]:
        self.started.append(arguments)
        return {"QueryExecutionId": "q-1"}

    def get_query_execution(self, **arguments: Any) -> dict[str, Any]:
        state = next(self.states)
        if isinstance(state, BaseException):
            raise state
        status = state if isinstance(state, dict) else {"State": state}
        return {"QueryExecution": {"QueryExecutionId": "q-1", "Query": "SELECT\n  1", "Status": status}}

    def stop_query_execution(self, **arguments: Any) -> None:
        self.stopped.append(arguments["QueryExecutionId"])

    def get_paginator(self, operation: str) -> Any:
        class Empty:
            def paginate(self, **arguments: Any) -> list[Any]:
                return []

        return Empty()


def scripted(*states: Any) -> tuple[AthenaGateway, Scripted, Clock]:
    client, clock = Scripted(iter(states)), Clock()
    return gateway(client, clock, clock.sleep), client, clock


def gateway(client: Any, clock: Callable[[], float], sleep: Callable[[float], None]) -> AthenaGateway:
    return AthenaGateway(client, workgroup="rds-lake", output_location="s3://acme-lake/r/", sleep=sleep, clock=clock)


@pytest.fixture(autouse=True)
def production_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Polls as they are in production; other tests hurry."""
    monkeypatch.setattr(module, "_FIRST_POLL_SECONDS", 0.1)


@pytest.fixture
def athena(world: World, clients: AwsClients) -> AthenaGateway:
    """Athena of a provisioned lake, impatiently polled."""
    return gateway(clients.athena, time.monotonic, lambda seconds: time.sleep(0.01))


@pytest.fixture
def once(cloud: LocalCloud) -> AwsClients:
    """Clients that leave repetition, and its pauses, to the gateway."""
    return AwsClients(SESSION, region="us-east-1", endpoint_url=cloud.url, attempts=1)


def test_rows_come_as_text_without_the_header_and_null_as_none(athena: AthenaGateway) -> None:
    result = athena.run("SELECT 1 AS a, 'x' AS b, CAST(NULL AS varchar) AS c", database="default")
    assert (result.columns, result.rows) == (("a", "b", "c"), (("1", "x", None),))
    assert result.milliseconds >= 0


@pytest.mark.exhaustive
def test_a_result_of_several_pages_is_read_to_its_end_and_loses_no_row_to_the_header(athena: AthenaGateway) -> None:
    result = athena.run(
        "SELECT a * 50 + b FROM unnest(sequence(0, 49)) AS x(a) CROSS JOIN unnest(sequence(1, 50)) AS y(b) ORDER BY 1",
        database="default",
    )
    assert [row[0] for row in result.rows] == [str(number) for number in range(1, 2501)]


@pytest.mark.exhaustive
def test_ddl_has_no_rows(athena: AthenaGateway) -> None:
    assert athena.run("CREATE DATABASE IF NOT EXISTS scratch", database="default").rows == ()


def test_a_failed_query_says_why_and_which(athena: AthenaGateway) -> None:
    athena.run("CREATE DATABASE IF NOT EXISTS scratch", database="default")
    with pytest.raises(QueryError, match=r"ended FAILED.*no_such_table.*query: SELECT") as caught:
        athena.run("SELECT *\nFROM scratch.no_such_table", database="default")
    assert caught.value.query_id
    assert caught.value.category == 2
    assert caught.value.retryable is False


def test_the_quota_of_active_queries_is_waited_for(world: World, clients: AwsClients) -> None:
    clock = Clock()
    faults = Faults(clients.athena)
    faults.answer("StartQueryExecution", "TooManyRequestsException", times=3)  # as many as botocore itself repeats
    athena = gateway(clients.athena, clock, clock.sleep)
    assert athena.run("SELECT 1", database="default").rows == (("1",),)
    assert clock.slept[0] == 0.1
    assert faults.count("StartQueryExecution") == 4


@pytest.mark.exhaustive
def test_a_quota_that_never_frees_up_is_a_transient_error_after_the_time_limit(clients: AwsClients) -> None:
    class Full:
        def start_query_execution(self, **arguments: Any) -> Any:
            raise clients.athena.exceptions.TooManyRequestsException(
                {"Error": {"Code": "TooManyRequestsException", "Message": "limit"}}, "StartQueryExecution"
            )

    clock = Clock()
    with pytest.raises(ThrottledError):
        gateway(Full(), clock, clock.sleep).run("SELECT 1", database="default", timeout_seconds=60)
    assert 60 < clock.now < 80
    assert max(clock.slept) <= 10


@pytest.mark.exhaustive
def test_a_repeated_start_carries_one_token(clients: AwsClients, world: World) -> None:
    """A start whose answer was lost must not run an INSERT twice; botocore sends one token with all repeats."""
    tokens: list[bytes] = []
    faults = Faults(clients.athena)
    faults.answer("StartQueryExecution", "InternalServerException", status=500, times=1)
    clients.athena.meta.events.register_first(
        "before-send.athena.StartQueryExecution", lambda request, **kwargs: tokens.append(request.body)
    )
    gateway(clients.athena, time.monotonic, time.sleep).run("SELECT 1", database="default")
    assert len(tokens) == 2
    assert tokens[0] == tokens[1]
    assert b"ClientRequestToken" in tokens[0]


def test_polls_grow_apart() -> None:
    athena, _, clock = scripted(*["QUEUED"] * 3, *["RUNNING"] * 10, "SUCCEEDED")
    athena.run("SELECT 1", database="shop")
    assert clock.slept[0] == 0.1
    assert clock.slept == sorted(clock.slept)
    assert clock.slept[-1] == 2.0


class Taking:
    """An Athena whose statements take so many seconds of its clock; counts the looks."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        self.clock, self.seconds, self.looks, self.began = clock, seconds, 0, 0.0

    def start_query_execution(self, **arguments: Any) -> dict[str, str]:
        self.began = self.clock.now
        return {"QueryExecutionId": "q"}

    def get_query_execution(self, **arguments: Any) -> Any:
        self.looks += 1
        state = "SUCCEEDED" if self.clock.now >= self.began + self.seconds else "RUNNING"
        took = {"TotalExecutionTimeInMillis": round(self.seconds * 1000)}
        return {"QueryExecution": {"Status": {"State": state}, "Statistics": took, "StatementType": "DDL"}}


def test_statements_are_looked_at_when_those_of_their_kind_usually_end() -> None:
    """Thirty looks a table were three quarters of all calls of a date."""
    clock = Clock()
    client = Taking(clock, 3.0)
    athena = gateway(client, clock, clock.sleep)
    athena.run("CREATE VIEW a", database="shop")
    first, began = client.looks, clock.now
    for _ in range(20):
        athena.run("CREATE VIEW a", database="shop")
    assert client.looks - first <= 20 * 1.5 < 20 * first
    assert clock.now - began <= 20 * 3.0 * 1.2, "and the run waits no longer for it"


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit()])
def test_an_interrupted_query_is_stopped(error: BaseException) -> None:
    athena, client, _ = scripted("RUNNING", error)
    with pytest.raises(type(error)):
        athena.run("SELECT 1", database="shop")
    assert client.stopped == ["q-1"]


def test_a_query_beyond_its_time_is_stopped_and_named() -> None:
    athena, client, _ = scripted(*["RUNNING"] * 1000)
    with pytest.raises(QueryError, match="q-1 was still RUNNING"):
        athena.run("SELECT 1", database="shop", timeout_seconds=5)
    assert client.stopped == ["q-1"]


@pytest.mark.exhaustive
def test_a_stop_that_fails_does_not_hide_the_interrupt(clients: AwsClients, monkeypatch: pytest.MonkeyPatch) -> None:
    athena, client, _ = scripted(KeyboardInterrupt())
    refusal = clients.athena.exceptions.InvalidRequestException({"Error": {"Code": "X", "Message": "no"}}, "Stop")

    def refuse(**arguments: Any) -> None:
        raise refusal

    monkeypatch.setattr(client, "stop_query_execution", refuse)
    with pytest.raises(KeyboardInterrupt) as caught:
        athena.run("SELECT 1", database="shop")
    assert "q-1 could not be stopped" in caught.value.__notes__[0]


@pytest.mark.exhaustive
def test_a_throttled_look_does_not_end_a_running_query(clients: AwsClients) -> None:
    throttled = clients.athena.exceptions.TooManyRequestsException(
        {"Error": {"Code": "ThrottlingException", "Message": "slow"}}, "GetQueryExecution"
    )
    athena, client, _ = scripted("RUNNING", throttled, "SUCCEEDED")
    assert athena.run("SELECT 1", database="shop").query_id == "q-1"
    assert client.stopped == []


def test_a_throttled_result_is_asked_for_again_and_the_statement_is_not(world: World, clients: AwsClients) -> None:
    clock, faults = Clock(), Faults(clients.athena)
    faults.answer("GetQueryResults", "TooManyRequestsException", times=6)  # more than botocore itself repeats
    athena = gateway(clients.athena, clock, clock.sleep)
    assert athena.run("SELECT 1", database="default").rows == (("1",),)
    assert faults.count("StartQueryExecution") == 1


@pytest.mark.exhaustive
@pytest.mark.parametrize("code", ["InternalServerException", "TooManyRequestsException"])
def test_the_rows_of_a_paid_statement_are_waited_for_while_athena_is_away(
    world: World, once: AwsClients, code: str
) -> None:
    clock, faults = Clock(), Faults(once.athena)
    faults.answer("GetQueryResults", code, status=500, times=12)
    athena = gateway(once.athena, clock, clock.sleep)
    assert athena.run("SELECT 1", database="default").rows == (("1",),)
    assert faults.count("StartQueryExecution") == 1


@pytest.mark.exhaustive
def test_a_start_that_athena_answers_by_an_error_is_repeated_as_the_same_start(world: World, once: AwsClients) -> None:
    """Its answer may have been lost only: another token would run, and bill, the statement twice."""
    clock, faults, tokens = Clock(), Faults(once.athena), set[str]()
    faults.answer("StartQueryExecution", "InternalServerException", status=500, times=7)
    once.athena.meta.events.register_first(
        "before-send.athena.StartQueryExecution",
        lambda request, **_: tokens.add(json.loads(request.body)["ClientRequestToken"]),
    )
    assert gateway(once.athena, clock, clock.sleep).run("SELECT 1", database="default").rows == (("1",),)
    assert faults.count("StartQueryExecution") > 7
    assert len(tokens) == 1


@pytest.mark.exhaustive
def test_an_athena_that_stays_away_is_something_to_repeat(world: World, once: AwsClients) -> None:
    clock, faults = Clock(), Faults(once.athena)
    athena = gateway(once.athena, clock, clock.sleep)
    faults.answer("GetQueryExecution", "InternalServerException", status=500)
    with pytest.raises(UnavailableError, match="the result of Athena query"):
        athena.run("SELECT 1", database="default", timeout_seconds=30)
    faults.answer("StartQueryExecution", "InternalServerException", status=500)
    before = clock.now
    with pytest.raises(UnavailableError):
        athena.run("SELECT 1", database="default")
    assert clock.now - before < 300, "the statement has cost nothing yet: the run may end and come back"


class Endless:
    """An Athena whose queries never end; remembers which it had to stop."""

    def __init__(self) -> None:
        self.started: list[str] = []
        self.stopped: list[str] = []

    def start_query_execution(self, **arguments: Any) -> dict[str, str]:
        self.started.append(arguments["QueryString"])
        return {"QueryExecutionId": arguments["QueryString"]}

    def get_query_execution(self, **arguments: Any) -> Any:
        return {"QueryExecution": {"Status": {"State": "RUNNING"}}}

    def stop_query_execution(self, **arguments: Any) -> None:
        self.stopped.append(arguments["QueryExecutionId"])


def test_an_interrupt_stops_every_query_under_way_and_begins_none_of_the_others() -> None:
    client = Endless()
    endless = gateway(client, time.monotonic, time.sleep)
    started, before = time.monotonic(), set(threading.enumerate())
    with pytest.raises(KeyboardInterrupt), interrupted(lambda: len(client.started) == 4):
        endless.run_many([str(number) for number in range(50)], database="shop", parallel=4)
    assert time.monotonic() - started < 60
    assert sorted(client.stopped) == sorted(client.started)
    assert len(client.started) == 4
    assert not set(threading.enumerate()) - before


def test_athenas_own_words_reach_the_reader() -> None:
    details = {"ErrorCategory": 1, "Retryable": True}
    athena, _, _ = scripted({"State": "FAILED", "StateChangeReason": "HIVE_BAD_DATA: x", "AthenaError": details})
    with pytest.raises(QueryError, match=r"q-1 ended FAILED: HIVE_BAD_DATA: x .query: SELECT 1") as caught:
        athena.run("SELECT 1", database="shop")
    assert (caught.value.category, caught.value.retryable) == (1, True)
    athena, _, _ = scripted({"State": "CANCELLED"})
    with pytest.raises(QueryError, match="CANCELLED: Athena gave no reason"):
        athena.run("SELECT 1", database="shop")


def test_many_statements_give_their_results_in_order(athena: AthenaGateway) -> None:
    results = athena.run_many([f"SELECT {number}" for number in range(12)], database="default", parallel=4)
    assert [result.rows[0][0] for result in results] == [str(number) for number in range(12)]
    assert athena.run_many([], database="default") == []


def test_of_many_statements_every_failure_is_listed_and_the_others_ran(athena: AthenaGateway) -> None:
    statements = ["SELECT * FROM missing_one", "CREATE DATABASE ran", "SELECT * FROM missing_two"]
    with pytest.raises(QueryError, match=r"2 of 3 statements failed") as caught:
        athena.run_many(statements, database="default")
    assert "missing_one" in str(caught.value)
    assert "missing_two" in str(caught.value)
    with pytest.raises(QueryError, match="ran"):
        athena.run("CREATE DATABASE ran", database="default")


@pytest.mark.exhaustive
def test_one_failure_of_many_keeps_its_own_error(athena: AthenaGateway) -> None:
    with pytest.raises(QueryError, match=r"^Athena query") as caught:
        athena.run_many(["SELECT 1", "SELECT * FROM missing"], database="default")
    assert caught.value.query_id
