"""Athena: run statements to their end, within its quotas.

Starts, polls, pages and cancels. If the quota of active queries is used up, a statement waits and does not fail:
https://docs.aws.amazon.com/athena/latest/ug/service-limits.html
boto3 has no waiter for queries. `stages/` decides which statements are run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from rds_lake.aws.budget import tidying
from rds_lake.aws.denied import advice_in
from rds_lake.aws.translate import aws_errors
from rds_lake.errors import (
    ConfigError,
    QueryError,
    RdsLakeError,
    ThrottledError,
    TransientError,
    UnavailableError,
    all_together,
)
from rds_lake.model.words import counted
from rds_lake.threads import cancelling_threads, check

if TYPE_CHECKING:
    from types_boto3_athena import AthenaClient

# Below the default quota of 20 active DDL statements, which other users of the account share.
PARALLEL = 8
_TIMEOUT_SECONDS = 1800.0
_FIRST_POLL_SECONDS = 0.1
_LAST_POLL_SECONDS = 2.0
_LAST_PAUSE_SECONDS = 5.0  # before a refused call is repeated; a cancelled run may wait this long
_AWAY_SECONDS = 120.0  # without an answer, after which a statement that costs nothing yet is abandoned


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryResult:
    """A finished query: rows as text, as Athena returns them, and the types of its columns in Athena's names (`bigint`).

    `milliseconds`: engine time. `output`: the S3 URI of the complete result. `more`: whether there are more rows than requested.
    """

    query_id: str
    columns: tuple[str, ...]
    types: tuple[str, ...]
    rows: tuple[tuple[str | None, ...], ...]
    bytes_scanned: int
    milliseconds: int
    output: str = ""
    more: bool = False


class AthenaGateway:
    """Statements in one workgroup. `sleep`, `clock` (monotonic seconds) and `token` are arguments for tests.

    `token` makes a repeated start idempotent: Athena runs, and bills, one statement per token.
    """

    def __init__(
        self,
        client: AthenaClient,
        *,
        workgroup: str,
        output_location: str,
        sleep: Callable[[float], None],
        clock: Callable[[], float],
        token: Callable[[], str] = lambda: str(uuid4()),
    ) -> None:
        self._client = client
        self._workgroup = workgroup
        self._output_location = output_location
        self._sleep = sleep
        self._clock = clock
        self._token = token
        self._usual: dict[str, float] = {}  # recent duration in seconds, by kind of statement

    def run(
        self, sql: str, *, database: str, timeout_seconds: float = _TIMEOUT_SECONDS, most_rows: int | None = None
    ) -> QueryResult:
        """Run one statement and return its first `most_rows` rows. QueryError, with Athena's reason, if it fails."""
        deadline = self._clock() + timeout_seconds
        query_id = self._start(sql, database, deadline)
        try:
            execution = self._await(query_id, deadline, kind=_kind(sql))
        except BaseException as error:
            # Interrupted or timed out: a query that is left running continues to scan, and to cost.
            self._stop(query_id, error)
            raise
        if execution["Status"]["State"] != "SUCCEEDED":
            raise _failed(execution)
        statistics = execution.get("Statistics", {})
        kind = execution.get("StatementType")
        if _makes_something(kind, sql):
            columns, types, rows = (), (), ()
        else:
            columns, types, rows = self._rows_in_time(query_id, deadline, header=kind == "DML", most=most_rows)
        return QueryResult(
            query_id=query_id,
            columns=columns,
            types=types,
            rows=rows[:most_rows],
            bytes_scanned=statistics.get("DataScannedInBytes", 0),
            milliseconds=statistics.get("TotalExecutionTimeInMillis", 0),
            output=execution.get("ResultConfiguration", {}).get("OutputLocation", ""),
            more=most_rows is not None and len(rows) > most_rows,
        )

    def try_many(
        self, statements: Sequence[str], *, database: str, parallel: int = PARALLEL
    ) -> list[QueryResult | RdsLakeError]:
        """Run statements in parallel; returns the result or the error of each, in order. ConfigError stops all of them."""

        def attempt(sql: str) -> QueryResult | RdsLakeError:
            try:
                return self.run(sql, database=database)
            except ConfigError:
                raise  # every statement would fail with it
            except RdsLakeError as error:
                return error

        if not statements:
            return []
        with cancelling_threads(min(parallel, len(statements)), "athena") as pool:
            return list(pool.map(attempt, statements))

    def run_many(self, statements: Sequence[str], *, database: str, parallel: int = PARALLEL) -> list[QueryResult]:
        """Run statements in parallel, and return their results in order. All are run; one error lists every failure."""
        outcomes = self.try_many(statements, database=database, parallel=parallel)
        errors = [outcome for outcome in outcomes if isinstance(outcome, RdsLakeError)]
        if len(errors) == 1:
            raise errors[0]
        if errors:
            listed = "".join(f"\n  - {error}" for error in errors)
            first = errors[0]
            summary = QueryError(
                f"{len(errors)} of {counted(len(statements), 'statement')} failed:{listed}",
                query_id=first.query_id if isinstance(first, QueryError) else "",
                retryable=all(isinstance(error, QueryError) and error.retryable for error in errors),
            )
            raise (summary if summary.retryable else all_together(summary, errors)) from first
        return [outcome for outcome in outcomes if isinstance(outcome, QueryResult)]

    def _start(self, sql: str, database: str, deadline: float) -> str:
        """Start a statement. Waits while the account has too many active queries; repeats for a while if Athena is unavailable."""
        token, away = self._token(), min(deadline, self._clock() + _AWAY_SECONDS)

        def start() -> str:
            with aws_errors("athena", "StartQueryExecution"):
                return self._client.start_query_execution(
                    QueryString=sql,
                    ClientRequestToken=token,
                    QueryExecutionContext={"Database": database},
                    WorkGroup=self._workgroup,
                    ResultConfiguration={"OutputLocation": self._output_location},
                )["QueryExecutionId"]

        return self._patiently(start, throttled=deadline, away=away)

    def _patiently(self, call: Callable[[], Any], *, throttled: float, away: float) -> Any:
        """Repeat a call while it is throttled, or while Athena is unavailable, each until its own time limit."""
        wait = _FIRST_POLL_SECONDS
        while True:
            try:
                return call()
            except TransientError as error:
                if self._clock() > (throttled if isinstance(error, ThrottledError) else away):
                    raise
                self._pause(wait)
                wait = min(wait * 2, _LAST_PAUSE_SECONDS)

    def _pause(self, seconds: float) -> None:
        self._sleep(seconds)
        check()

    def _await(self, query_id: str, deadline: float, *, kind: str) -> Any:
        """Returns the query once it has ended. The first poll comes after the usual duration of such a statement."""
        usual = self._usual.get(kind, 0.0)
        self._pause(min(max(usual, _FIRST_POLL_SECONDS), _LAST_PAUSE_SECONDS))
        wait = min(max(_FIRST_POLL_SECONDS, usual / 2), _LAST_POLL_SECONDS)
        while True:
            execution = self._look(query_id)
            state = execution["Status"]["State"]
            if state in ("SUCCEEDED", "FAILED", "CANCELLED"):
                took = execution.get("Statistics", {}).get("TotalExecutionTimeInMillis", 0) / 1000
                self._usual[kind] = took if not usual else (usual + took) / 2
                return execution
            if self._clock() > deadline:
                if isinstance(state, TransientError):
                    raise UnavailableError(f"the result of Athena query {query_id} is unknown: {state}") from state
                raise QueryError(
                    f"Athena query {query_id} was still {state} at its time limit and was stopped; run it again, or "
                    "look at its scanned bytes in the console",
                    query_id=query_id,
                )
            self._pause(wait)
            wait = min(wait * 1.5, _LAST_POLL_SECONDS)

    def _look(self, query_id: str) -> Any:
        """Returns the query's current state; if the call fails temporarily, the error is in its place."""
        try:
            with aws_errors("athena", "GetQueryExecution", about=query_id):
                return self._client.get_query_execution(QueryExecutionId=query_id)["QueryExecution"]
        except TransientError as error:
            return {"Status": {"State": error}}

    def _stop(self, query_id: str, cause: BaseException) -> None:
        try:
            with tidying(), aws_errors("athena", "StopQueryExecution", about=query_id):
                self._client.stop_query_execution(QueryExecutionId=query_id)
        except RdsLakeError as error:
            cause.add_note(f"query {query_id} could not be stopped: {error}")

    def _rows_in_time(self, query_id: str, deadline: float, *, header: bool, most: int | None) -> Any:
        """Returns the rows. Temporary failures are retried, because the statement itself was already run and paid for."""
        paid = max(deadline, self._clock() + _AWAY_SECONDS)
        return self._patiently(partial(self._rows, query_id, header, most), throttled=paid, away=paid)

    def _rows(
        self, query_id: str, header: bool, most: int | None
    ) -> tuple[tuple[str, ...], tuple[str, ...], tuple[tuple[str | None, ...], ...]]:
        """Returns columns, their types, and rows. Reads only as many pages as show whether there are more than `most` rows."""
        with aws_errors("athena", "GetQueryResults", about=query_id):
            columns: tuple[str, ...] = ()
            types: tuple[str, ...] = ()
            rows: list[tuple[str | None, ...]] = []
            for page in self._client.get_paginator("get_query_results").paginate(QueryExecutionId=query_id):
                result = page["ResultSet"]
                metadata = result.get("ResultSetMetadata", {}).get("ColumnInfo", [])
                columns = columns or tuple(column["Name"] for column in metadata)
                types = types or tuple(column.get("Type", "") for column in metadata)
                rows += [
                    tuple(datum.get("VarCharValue") for datum in row.get("Data", [])) for row in result.get("Rows", [])
                ]
                if most is not None and len(rows) > most + header:
                    break
        # The first row of a SELECT's result repeats the column names.
        return columns, types, tuple(rows[1:] if header and rows else rows)


def _kind(sql: str) -> str:
    return sql.lstrip()[:6].upper()


def _makes_something(kind: str | None, sql: str) -> bool:
    """Whether the statement returns no rows: this saves a call for each view. SHOW and DESCRIBE may be DDL, and return rows."""
    return kind == "DDL" and _kind(sql) == "CREATE"


def _failed(execution: Any) -> QueryError:
    status = execution["Status"]
    details = status.get("AthenaError", {})
    query = " ".join(execution.get("Query", "").split())
    reason = status.get("StateChangeReason") or details.get("ErrorMessage") or "Athena gave no reason"
    return QueryError(
        f"Athena query {execution['QueryExecutionId']} ended {status['State']}: {reason} (query: {query[:300]}){advice_in(reason)}",
        query_id=execution["QueryExecutionId"],
        category=details.get("ErrorCategory"),
        retryable=bool(details.get("Retryable", False)),
    )
