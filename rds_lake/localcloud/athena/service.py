"""Athena's API: start, look, page, stop, within the limits AWS sets (aws-facts 6).

What belongs here: query executions. What a statement does is `statements.py`.
"""

from __future__ import annotations

import re
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import botocore.exceptions
import duckdb

from rds_lake.localcloud.app import ApiError, LocalCloudApp, RequestContext
from rds_lake.localcloud.athena.engine import Engine, translate_error
from rds_lake.localcloud.athena.errors import QueryFailedError
from rds_lake.localcloud.athena.relations import FileCache
from rds_lake.localcloud.athena.results import column_info, render_csv, render_rows
from rds_lake.localcloud.athena.statements import Statements, statement_type
from rds_lake.localcloud.loop import InProcessClients

_MAX_STATEMENT_BYTES = 262_144
_MAX_PAGE = 1000
_ACTIVE = ("QUEUED", "RUNNING")
_TOO_MANY = (
    "You have exceeded the limit for the number of queries you can run concurrently. Please reduce the number of "
    "concurrent queries submitted by this account. Contact customer support to request a concurrent query limit increase."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AthenaSettings:
    """Queries at a time, quotas of active ones (AWS's defaults), and seconds a query waits before it runs."""

    workers: int = 2
    active_ddl: int = 20
    active_dml: int = 25
    queue_seconds: float = 0.0


@dataclass(slots=True)
class _Execution:
    """One query execution: AWS's answer, and what only we know of it."""

    body: dict[str, Any]
    parameters: list[str]
    columns: list[tuple[str, str]] = field(default_factory=list)
    rows: list[list[str | None]] = field(default_factory=list)
    engine: Engine | None = None

    @property
    def state(self) -> str:
        return self.body["Status"]["State"]


class AthenaService:
    """Query executions of all workgroups. `cache_folder` keeps local copies of objects."""

    def __init__(
        self,
        app: LocalCloudApp,
        clients: InProcessClients,
        settings: AthenaSettings,
        *,
        cache_folder: Path,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._clients = clients
        self._settings = settings
        self._cache_folder = cache_folder
        self._clock = clock
        self._sleep = sleep
        self._executions: dict[str, _Execution] = {}
        self._tokens: dict[str, str] = {}
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(settings.workers, thread_name_prefix="athena")
        for operation in (
            self.StartQueryExecution,
            self.GetQueryExecution,
            self.BatchGetQueryExecution,
            self.ListQueryExecutions,
            self.StopQueryExecution,
            self.GetQueryResults,
        ):
            app.json_operations[f"AmazonAthena.{operation.__name__}"] = operation

    def reset(self) -> None:
        """Stop what runs and forget every execution."""
        with self._lock:
            executions, self._executions, self._tokens = self._executions, {}, {}
        for execution in executions.values():
            self._stop(execution)

    def close(self) -> None:
        """Stop what runs and wait for it."""
        self.reset()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def StartQueryExecution(self, context: RequestContext, params: dict[str, Any]) -> dict[str, Any]:
        sql = params.get("QueryString", "")
        if not 1 <= len(sql.encode()) <= _MAX_STATEMENT_BYTES:
            raise ApiError("InvalidRequestException", "QueryString must have 1 to 262144 bytes")
        token = params.get("ClientRequestToken")
        if token in self._tokens:
            return {"QueryExecutionId": self._tokens[token]}
        location = self._output_location(params)
        kind = statement_type(sql)
        query_id = str(uuid.uuid4())
        body = {
            "QueryExecutionId": query_id,
            "Query": sql,
            "StatementType": kind,
            "ResultConfiguration": {
                "OutputLocation": f"{location.rstrip('/')}/{query_id}.{'csv' if kind == 'DML' else 'txt'}"
            },
            "QueryExecutionContext": params.get("QueryExecutionContext", {}),
            "WorkGroup": params.get("WorkGroup", "primary"),
            "EngineVersion": {
                "SelectedEngineVersion": "AUTO",
                "EffectiveEngineVersion": "Athena engine version 3",
            },
            "Status": {"State": "QUEUED", "SubmissionDateTime": self._clock()},
            "Statistics": {},
        }
        execution = _Execution(body=body, parameters=params.get("ExecutionParameters") or [])
        with self._lock:
            self._admit(kind)
            self._executions[query_id] = execution
            if token:
                self._tokens[token] = query_id
        self._pool.submit(self._run, execution)
        return {"QueryExecutionId": query_id}

    def GetQueryExecution(self, context: RequestContext, params: dict[str, Any]) -> dict[str, Any]:
        return {"QueryExecution": self._find(params["QueryExecutionId"]).body}

    def BatchGetQueryExecution(self, context: RequestContext, params: dict[str, Any]) -> dict[str, Any]:
        asked = params["QueryExecutionIds"]
        found = [self._executions[i].body for i in asked if i in self._executions]
        missing = [{"QueryExecutionId": i} for i in asked if i not in self._executions]
        return {"QueryExecutions": found, "UnprocessedQueryExecutionIds": missing}

    def ListQueryExecutions(self, context: RequestContext, params: dict[str, Any]) -> dict[str, Any]:
        return {"QueryExecutionIds": list(reversed(self._executions))[:50]}

    def StopQueryExecution(self, context: RequestContext, params: dict[str, Any]) -> dict[str, Any]:
        self._stop(self._find(params["QueryExecutionId"]))
        return {}

    def GetQueryResults(self, context: RequestContext, params: dict[str, Any]) -> dict[str, Any]:
        execution = self._find(params["QueryExecutionId"])
        if execution.state in _ACTIVE:
            state = execution.state
            raise ApiError("InvalidRequestException", f"Query has not yet finished. Current state: {state}")
        if execution.state != "SUCCEEDED":
            state = execution.state
            raise ApiError("InvalidRequestException", f"Query did not finish successfully. Final query state: {state}")
        header = [[name for name, _ in execution.columns]] if execution.body["StatementType"] == "DML" else []
        rows = header + execution.rows
        start, size = int(params.get("NextToken") or 0), int(params.get("MaxResults") or _MAX_PAGE)
        if size > _MAX_PAGE:
            raise ApiError("InvalidRequestException", "MaxResults is more than maximum allowed length 1000.")
        page = [
            {"Data": [{} if value is None else {"VarCharValue": value} for value in row]}
            for row in rows[start : start + size]
        ]
        metadata = {"ColumnInfo": column_info(execution.columns)}
        answer: dict[str, Any] = {
            "UpdateCount": 0,
            "ResultSet": {"Rows": page, "ResultSetMetadata": metadata},
        }
        return answer | ({"NextToken": str(start + size)} if start + size < len(rows) else {})

    def _output_location(self, params: dict[str, Any]) -> str:
        name = params.get("WorkGroup", "primary")
        try:
            group = self._clients.client("athena").get_work_group(WorkGroup=name).get("WorkGroup")
        except botocore.exceptions.ClientError:
            group = None
        if not group:
            raise ApiError("InvalidRequestException", f"WorkGroup {name} is not found.")
        configuration = group.get("Configuration") or {}
        enforced = (configuration.get("ResultConfiguration") or {}).get("OutputLocation")
        asked = (params.get("ResultConfiguration") or {}).get("OutputLocation")
        location = enforced if enforced and (configuration.get("EnforceWorkGroupConfiguration") or not asked) else asked
        if not location:
            raise ApiError(
                "InvalidRequestException",
                "No output location provided. An output location is required either through the Workgroup result "
                "configuration setting or as an API input.",
            )
        return location

    def _admit(self, kind: str) -> None:
        """AWS counts running and queued queries together, DDL and DML apart."""
        ddl = kind != "DML"
        active = sum(
            e.state in _ACTIVE and (e.body["StatementType"] != "DML") == ddl for e in self._executions.values()
        )
        if active >= (self._settings.active_ddl if ddl else self._settings.active_dml):
            raise ApiError("TooManyRequestsException", _TOO_MANY)

    def _find(self, query_id: str) -> _Execution:
        if query_id not in self._executions:
            raise ApiError("InvalidRequestException", f"QueryExecution {query_id} was not found")
        return self._executions[query_id]

    def _stop(self, execution: _Execution) -> None:
        with self._lock:
            if execution.state not in _ACTIVE:
                return
            execution.body["Status"] |= {"State": "CANCELLED", "CompletionDateTime": self._clock()}
        if execution.engine is not None:
            execution.engine.cancel()

    def _run(self, execution: _Execution) -> None:
        """One query in a worker's thread; whatever goes wrong ends as FAILED with a reason, as in AWS."""
        if self._settings.queue_seconds:
            self._sleep(self._settings.queue_seconds)
        if not self._advance(execution, "RUNNING"):
            return
        started = self._clock()
        cache = FileCache(s3=self._clients.client("s3"), folder=self._cache_folder)
        failure: QueryFailedError | None = None
        try:
            self._answer(execution, cache)
        except QueryFailedError as error:
            failure = error
        except duckdb.Error as error:
            failure = translate_error(error)
        except Exception as error:  # noqa: BLE001 - a thread's boundary: a query that cannot go on is FAILED, not lost
            failure = QueryFailedError("GENERIC_INTERNAL_ERROR", f"{type(error).__name__}: {error}", category=1)
        milliseconds = int(1000 * (self._clock() - started))
        execution.body["Statistics"] = {
            "EngineExecutionTimeInMillis": milliseconds,
            "TotalExecutionTimeInMillis": milliseconds,
            "DataScannedInBytes": cache.scanned,
            "QueryQueueTimeInMillis": 0,
        }
        self._finish(execution, failure)

    def _answer(self, execution: _Execution, cache: FileCache) -> None:
        engine = execution.engine = Engine(clients=self._clients, cache=cache)
        try:
            database = execution.body["QueryExecutionContext"].get("Database", "default")
            sql = re.sub(r";\s*$", "", execution.body["Query"].strip())
            answer = Statements(engine=engine, database=database).run(sql, execution.parameters)
        finally:
            engine.close()
        execution.columns = answer.columns
        execution.rows = render_rows(answer)
        bucket, _, key = execution.body["ResultConfiguration"]["OutputLocation"].removeprefix("s3://").partition("/")
        s3 = self._clients.client("s3")
        if execution.body["StatementType"] == "DML":
            s3.put_object(Bucket=bucket, Key=key, Body=render_csv(execution.columns, execution.rows))
            s3.put_object(Bucket=bucket, Key=f"{key}.metadata", Body=b"")
        else:
            text = "\n".join("\t".join(value or "" for value in row) for row in execution.rows)
            s3.put_object(Bucket=bucket, Key=key, Body=text.encode())

    def _advance(self, execution: _Execution, state: str) -> bool:
        """Move to a state, unless the query was stopped."""
        with self._lock:
            if execution.state not in _ACTIVE:
                return False
            execution.body["Status"]["State"] = state
            return True

    def _finish(self, execution: _Execution, failure: QueryFailedError | None) -> None:
        with self._lock:
            if execution.state not in _ACTIVE:
                return
            status: dict[str, Any] = {"State": "SUCCEEDED", "CompletionDateTime": self._clock()}
            if failure is not None:
                error = {
                    "ErrorCategory": failure.category,
                    "ErrorType": 1006,
                    "Retryable": False,
                    "ErrorMessage": str(failure),
                }
                status |= {"State": "FAILED", "StateChangeReason": str(failure), "AthenaError": error}
            execution.body["Status"] |= status
