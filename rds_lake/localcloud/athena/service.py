"""Athena's operations on query executions (start, get, page, stop) within AWS's limits, and the threads that run them.

(https://docs.aws.amazon.com/athena/latest/ug/service-limits.html) The work of a statement is `statements/dispatch.py`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
from botocore.exceptions import ClientError

from rds_lake.localcloud.athena.access import VIA, Access
from rds_lake.localcloud.athena.catalog import CatalogOperations, find_workgroup, page_of
from rds_lake.localcloud.athena.engine import Engine
from rds_lake.localcloud.athena.errors import QueryFailedError, translate_error
from rds_lake.localcloud.athena.executions import ACTIVE, Execution, Executions
from rds_lake.localcloud.athena.locked import end_database
from rds_lake.localcloud.athena.relations import FileCache
from rds_lake.localcloud.athena.results import column_info, render_csv, render_rows
from rds_lake.localcloud.athena.session import Session
from rds_lake.localcloud.athena.statements.dispatch import run_statement, statement_type
from rds_lake.localcloud.http.app import ApiError, LocalCloudApp, RequestContext
from rds_lake.localcloud.http.loop import InProcessClients
from rds_lake.localcloud.permissions.acting import Actors
from rds_lake.localcloud.permissions.stored import Query

_MAX_STATEMENT_BYTES = 262_144
_TOKEN_LENGTHS = range(32, 129)
_MAX_PAGE = 1000
_MAX_LIST = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class AthenaSettings:
    """How many queries run at a time, AWS's default quotas of active ones, and how long a query is QUEUED (seconds)."""

    workers: int = 2
    active_ddl: int = 20
    active_dml: int = 25
    queue_seconds: float = 0.0


class AthenaService:
    """Query executions of all workgroups. `cache_folder` keeps local copies of objects."""

    def __init__(
        self,
        app: LocalCloudApp,
        clients: InProcessClients,
        settings: AthenaSettings,
        actors: Actors,
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
        self._executions = Executions(clock)
        self._actors = actors
        actors.permissions.stored.query = self._query
        self._prepared: dict[str, dict[str, str]] = {}
        self._pool = ThreadPoolExecutor(settings.workers, thread_name_prefix="athena")
        CatalogOperations(app, clients)
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
        """Stop all running queries, and forget all executions."""
        self._prepared = {}
        for execution in self._executions.clear():
            self._executions.stop(execution)

    def close(self) -> None:
        """Stop all running queries, and wait until they have ended."""
        self.reset()
        self._pool.shutdown(wait=True, cancel_futures=True)
        end_database(self._cache_folder)

    def StartQueryExecution(self, context: RequestContext, params: dict[str, Any]) -> dict[str, Any]:
        sql, token = params.get("QueryString", ""), params.get("ClientRequestToken")
        if not 1 <= len(sql.encode()) <= _MAX_STATEMENT_BYTES:
            raise ApiError("InvalidRequestException", "QueryString must have 1 to 262144 bytes")
        if token is not None and len(token) not in _TOKEN_LENGTHS:
            raise ApiError("InvalidRequestException", "ClientRequestToken must have 32 to 128 characters")
        location, kind = self._output_location(params), statement_type(sql)
        access = Access(acting=self._actors.acting(self._actors.caller(context), via=VIA), output=location)
        access.check_output()
        limit = self._settings.active_dml if kind == "DML" else self._settings.active_ddl

        def make(query_id: str) -> Execution:
            return self._execution(query_id, params, kind=kind, access=access)

        execution, is_new = self._executions.admit(params, make, limit)
        if is_new:
            self._pool.submit(self._run, execution)
        return {"QueryExecutionId": execution.id}

    def GetQueryExecution(self, context: RequestContext, params: dict[str, Any]) -> dict[str, Any]:
        return {"QueryExecution": self._executions.show(self._executions.get(params["QueryExecutionId"]))}

    def BatchGetQueryExecution(self, context: RequestContext, params: dict[str, Any]) -> dict[str, Any]:
        executions = {query_id: self._executions.find(query_id) for query_id in params["QueryExecutionIds"]}
        missing = [{"QueryExecutionId": query_id} for query_id, execution in executions.items() if execution is None]
        shown = [self._executions.show(execution) for execution in executions.values() if execution is not None]
        return {"QueryExecutions": shown, "UnprocessedQueryExecutionIds": missing}

    def ListQueryExecutions(self, context: RequestContext, params: dict[str, Any]) -> dict[str, Any]:
        ids = self._executions.ids(params.get("WorkGroup", "primary"))
        return page_of("QueryExecutionIds", ids, params, _MAX_LIST)

    def StopQueryExecution(self, context: RequestContext, params: dict[str, Any]) -> dict[str, Any]:
        self._executions.stop(self._executions.get(params["QueryExecutionId"]))
        return {}

    def GetQueryResults(self, context: RequestContext, params: dict[str, Any]) -> dict[str, Any]:
        execution = self._executions.get(params["QueryExecutionId"])
        state = execution.state
        if state in ACTIVE:
            raise ApiError("InvalidRequestException", f"Query has not yet finished. Current state: {state}")
        if state != "SUCCEEDED":
            raise ApiError("InvalidRequestException", f"Query did not finish successfully. Final query state: {state}")
        header: list[list[str | None]] = [[name for name, _ in execution.columns]] if execution.kind == "DML" else []
        page = page_of("Rows", header + execution.rows, params, _MAX_PAGE)
        token = {"NextToken": page["NextToken"]} if "NextToken" in page else {}
        rows = [{"Data": [{} if v is None else {"VarCharValue": v} for v in row]} for row in page["Rows"]]
        metadata = {"ColumnInfo": column_info(execution.columns)}
        return {"UpdateCount": 0, "ResultSet": {"Rows": rows, "ResultSetMetadata": metadata}} | token

    def _query(self, query_id: str) -> Query | None:
        """Returns the workgroup and the location of results of a query, to check operations that name only the query."""
        execution = self._executions.find(query_id)
        if execution is None:
            return None
        return Query(workgroup=execution.workgroup, output=execution.body["ResultConfiguration"]["OutputLocation"])

    def _execution(self, query_id: str, params: dict[str, Any], *, kind: str, access: Access) -> Execution:
        suffix = "csv" if kind == "DML" else "txt"
        body = {
            "QueryExecutionId": query_id,
            "Query": params["QueryString"],
            "StatementType": kind,
            "ResultConfiguration": {"OutputLocation": f"{access.output.rstrip('/')}/{query_id}.{suffix}"},
            "QueryExecutionContext": params.get("QueryExecutionContext", {}),
            "WorkGroup": params.get("WorkGroup", "primary"),
            "EngineVersion": {
                "SelectedEngineVersion": "AUTO",
                "EffectiveEngineVersion": "Athena engine version 3",
            },
            "Status": {"State": "QUEUED", "SubmissionDateTime": self._clock()},
            "Statistics": {},
        }
        return Execution(body=body, parameters=params.get("ExecutionParameters") or [], access=access)

    def _output_location(self, params: dict[str, Any]) -> str:
        group = find_workgroup(self._clients, params.get("WorkGroup", "primary"))
        configuration = group.get("Configuration") or {}
        configured = (configuration.get("ResultConfiguration") or {}).get("OutputLocation")
        requested = (params.get("ResultConfiguration") or {}).get("OutputLocation")
        location = (
            configured
            if configured and (configuration.get("EnforceWorkGroupConfiguration") or not requested)
            else requested
        )
        if not location:
            raise ApiError(
                "InvalidRequestException",
                "No output location provided. An output location is required either through the Workgroup result "
                "configuration setting or as an API input.",
            )
        if not location.startswith("s3://"):
            raise ApiError("InvalidRequestException", f"outputLocation is not a valid S3 path: {location}")
        return location

    def _run(self, execution: Execution) -> None:
        """Run a query in a worker's thread. Any error ends as FAILED with a reason, as in AWS."""
        if self._settings.queue_seconds:
            self._sleep(self._settings.queue_seconds)
        if not self._executions.begin(execution):
            return
        started = self._clock()
        access = execution.access
        cache = FileCache(s3=access.acting.clients.client("s3"), folder=self._cache_folder, permit=access.read)
        failure: QueryFailedError | None = None
        try:
            self._answer(execution, cache)
        except QueryFailedError as error:
            failure = error
        except ClientError as error:
            failure = access.failure(error) or _internal(error)
        except duckdb.Error as error:
            failure = translate_error(error)
        except Exception as error:  # noqa: BLE001 - a thread's boundary: a query that cannot go on is FAILED, not lost
            failure = _internal(error)
        milliseconds = int(1000 * (self._clock() - started))
        statistics = {
            "EngineExecutionTimeInMillis": milliseconds,
            "TotalExecutionTimeInMillis": milliseconds,
            "DataScannedInBytes": cache.scanned,
            "QueryQueueTimeInMillis": int(1000 * (started - execution.body["Status"]["SubmissionDateTime"])),
        }
        self._executions.finish(execution, failure, statistics)

    def _answer(self, execution: Execution, cache: FileCache) -> None:
        access = execution.access
        engine = Engine(clients=access.acting.clients, cache=cache, permit_database=access.database)
        try:
            # Checked again, now with the engine, which a stop interrupts from here on.
            if not self._executions.begin(execution, engine):
                return
            database = execution.body["QueryExecutionContext"].get("Database", "default").lower()
            access.begin(database)
            session = Session(
                engine=engine,
                database=database,
                results=execution.body["ResultConfiguration"]["OutputLocation"].rsplit("/", 1)[0],
                parameters=execution.parameters,
                prepared=self._prepared.setdefault(execution.workgroup, {}),
            )
            answer = run_statement(session, execution.body["Query"])
        finally:
            engine.close()
        execution.columns = answer.columns
        execution.rows = render_rows(answer)
        self._leave_results(execution)

    def _leave_results(self, execution: Execution) -> None:
        bucket, _, key = execution.body["ResultConfiguration"]["OutputLocation"].removeprefix("s3://").partition("/")
        s3 = execution.access.acting.clients.client("s3")
        if execution.kind == "DML":
            s3.put_object(Bucket=bucket, Key=key, Body=render_csv(execution.columns, execution.rows))
        else:
            text = "\n".join("\t".join(value or "" for value in row) for row in execution.rows)
            s3.put_object(Bucket=bucket, Key=key, Body=text.encode())
        s3.put_object(Bucket=bucket, Key=f"{key}.metadata", Body=b"")


def _internal(error: Exception) -> QueryFailedError:
    return QueryFailedError("GENERIC_INTERNAL_ERROR", f"{type(error).__name__}: {error}", category=1)
