"""The Data API's operations.

(https://docs.aws.amazon.com/redshift-data/latest/APIReference/API_Operations.html) What belongs here: reading requests and
writing answers. States are `statements.py`, threads `running.py`, the catalogue `listing.py`.
"""

from __future__ import annotations

from typing import Any

from rds_lake.localcloud.faults.faults import Faults
from rds_lake.localcloud.http.app import ApiError, LocalCloudApp, RequestContext
from rds_lake.localcloud.http.clock import Clock
from rds_lake.localcloud.http.models import service_model
from rds_lake.localcloud.permissions.acting import Actors
from rds_lake.localcloud.redshift.clusters.credentials import database_user
from rds_lake.localcloud.redshift.clusters.roles import stores
from rds_lake.localcloud.redshift.clusters.serverless import not_built
from rds_lake.localcloud.redshift.clusters.warehouses import Warehouse, Warehouses
from rds_lake.localcloud.redshift.data.listing import Listing
from rds_lake.localcloud.redshift.data.parameters import bound
from rds_lake.localcloud.redshift.data.results import csv_records, metadata, page, records
from rds_lake.localcloud.redshift.data.running import Running
from rds_lake.localcloud.redshift.data.sessions import KeptSession, Place, Sessions
from rds_lake.localcloud.redshift.data.showing import listed, shown, shown_part
from rds_lake.localcloud.redshift.data.statements import ACTIVE, FINISHED, Part, Statement, Statements
from rds_lake.localcloud.redshift.engine.databases import Databases
from rds_lake.localcloud.redshift.engine.monitoring.history import User
from rds_lake.localcloud.redshift.settings import RedshiftSettings
from rds_lake.model.permissions.request import Principal

Json = dict[str, Any]
_BATCH = range(1, 41)
_STATEMENT_BYTES, _NAME, _TOKEN = 100 * 1024, 2048, range(1, 65)
_WAIT, _KEEP, _PAGE = range(1, 31), range(86_401), range(101)
_SECOND = 1e6


class DataApi:
    """Statements and sessions since the start or the last reset."""

    def __init__(
        self, app: LocalCloudApp, clock: Clock, faults: Faults, actors: Actors, warehouses: Warehouses,
        databases: Databases, settings: RedshiftSettings,
    ) -> None:  # fmt: skip
        self._clock, self._actors, self._warehouses, self._databases = clock, actors, warehouses, databases
        self._settings = settings
        self._book, self._sessions = Statements(clock.now), Sessions(clock.now)
        self._running = Running(self._book, self._sessions, faults, settings.workers, databases.session)
        self._faults = faults
        actors.permissions.stored.statement_owner = self._book.owner_of
        actors.permissions.stored.session_place = self._sessions.place_of
        listing = Listing(warehouses, databases)
        for name in service_model("redshift-data").operation_names:
            operation = getattr(self, name, None) or getattr(listing, name, None) or not_built(name)
            app.json_operations[f"RedshiftData.{name}"] = operation

    def reset(self) -> None:
        """Cancel every statement, forget all, and close the sessions."""
        for statement in self._book.clear():
            self._running.cancel(statement)
        self._sessions.close_idle(all_of=lambda kept: True)

    def close(self) -> None:
        """Reset, and wait until the threads have ended."""
        self.reset()
        self._running.close()
        self._sessions.close_idle(all_of=lambda kept: True)

    def ExecuteStatement(self, context: RequestContext, params: Json) -> Json:
        statement = self._submit(context, params, [params["Sql"]], batch=False)
        return self._answer(statement, params)

    def BatchExecuteStatement(self, context: RequestContext, params: Json) -> Json:
        if len(params["Sqls"]) not in _BATCH:
            raise _invalid("Sqls has 1 to 40 statements.")
        statement = self._submit(context, params, params["Sqls"], batch=True)
        return self._answer(statement, params)

    def _submit(self, context: RequestContext, params: Json, sqls: list[str], *, batch: bool) -> Statement:
        _check(params, sqls)
        owner = self._owner(context)
        texts = bound(sqls, params.get("Parameters") or [])
        given = self._sessions.get(params["SessionId"], owner) if params.get("SessionId") else None
        where = self._place(context, params, given)
        if self._faults.of_redshift(params.get("StatementName", ""), "exceed") is not None:
            raise ApiError("ActiveStatementsExceededException", "The number of active statements exceeds the limit.")
        new = Statement(
            owner=owner, userid=self._userid(context), warehouse=where.warehouse, shown=dict(where.shown),
            parts=[Part(sql=text) for text in texts], batch=batch,
            created=self._clock.now(), updated=self._clock.now(), mode=params.get("ExecutionMode", "TRANSACTION"),
            name=params.get("StatementName", ""), format=params.get("ResultFormat", "JSON"),
            parameters=params.get("Parameters") or [], stores=where.stores, user=where.user, capacity=where.capacity,
        )  # fmt: skip
        request = {key: value for key, value in params.items() if key != "WaitTimeSeconds"}
        statement, is_new = self._book.admit(new, params.get("ClientToken"), request, self._settings.active_statements)
        if is_new:
            self._begin(statement, params, given, where)
        return statement

    def _place(self, context: RequestContext, params: Json, given: KeptSession | None) -> Place:
        if given is not None:
            named = [key for key in ("ClusterIdentifier", "WorkgroupName", "Database") if params.get(key)]
            if named:
                raise _invalid(f"{', '.join(named)} cannot be given with SessionId.")
            return given.place
        warehouse: Warehouse = self._warehouses.find(context, params)
        shown = {
            key: params[key] for key in ("ClusterIdentifier", "WorkgroupName", "SecretArn", "DbUser") if key in params
        }
        caller = self._actors.caller(context)
        return Place(
            warehouse=warehouse.key, shown=shown | {"Database": params.get("Database") or warehouse.database},
            stores=stores(self._actors, caller, warehouse.roles, warehouse.default_role, context.region),
            user=_user(caller, params, warehouse), capacity=warehouse.capacity,
        )  # fmt: skip

    def _begin(self, statement: Statement, params: Json, given: KeptSession | None, place: Place) -> None:
        kept, seconds = given, params.get("SessionKeepAliveSeconds")
        database = statement.shown["Database"]
        try:
            if given is not None:
                given.seconds = seconds if seconds is not None else given.seconds
                self._sessions.take(given, statement.id)
            elif seconds:
                kept = KeptSession(
                    session=self._databases.session(statement.warehouse, database, statement.capacity), owner=statement.owner,
                    seconds=seconds, created=self._clock.now(), busy=statement.id, place=place,
                )  # fmt: skip
                self._sessions.keep(kept, self._settings.active_sessions)
        except ApiError:
            self._book.move(statement, "ABORTED", "the session was not there")
            raise
        statement.session_id = kept.id if kept is not None else ""
        self._running.submit(statement, database, kept)

    def _answer(self, statement: Statement, params: Json) -> Json:
        body = {"Id": statement.id, "CreatedAt": statement.created / _SECOND, **statement.shown}
        if statement.session_id:
            body["SessionId"] = statement.session_id
        if params.get("WaitTimeSeconds"):
            self._book.wait(statement, params["WaitTimeSeconds"])
            body |= {"Status": statement.status, "HasResultSet": statement.has_rows}
        return body

    def DescribeStatement(self, context: RequestContext, params: Json) -> Json:
        statement, part = self._statement(context, params)
        return shown(statement) if part is None else shown_part(statement, part)

    def GetStatementResult(self, context: RequestContext, params: Json) -> Json:
        statement, part = self._finished(context, params)
        if statement.format == "CSV":
            raise _invalid("The result is CSV: use GetStatementResultV2.")
        rows, token = page(part.result, params.get("NextToken"), self._settings.page_rows)  # type: ignore[arg-type]
        return self._page(part, {"Records": records(rows)}, token)

    def GetStatementResultV2(self, context: RequestContext, params: Json) -> Json:
        statement, part = self._finished(context, params)
        if statement.format != "CSV":
            raise _invalid("The result is JSON: use GetStatementResult.")
        given = params.get("NextToken")
        rows, token = page(part.result, given, self._settings.page_rows)  # type: ignore[arg-type]
        body = {"Records": csv_records(part.result, rows, first=not given), "ResultFormat": "CSV"}  # type: ignore[arg-type]
        return self._page(part, body, token)

    def _page(self, part: Part, body: Json, token: str | None) -> Json:
        result = part.result
        columns = result.columns if result is not None and result.columns is not None else ()
        body |= {
            "ColumnMetadata": [metadata(column) for column in columns],
            "TotalNumRows": len(result.values) if result else 0,
        }
        return body | ({"NextToken": token} if token else {})

    def CancelStatement(self, context: RequestContext, params: Json) -> Json:
        statement, part = self._book.find(params["Id"], self._owner(context))
        if part is not None:
            raise _invalid("A statement of a batch cannot be cancelled alone: give the batch's id.")
        if not self._running.cancel(statement):
            raise _invalid(f"Could not cancel a query that is already in {statement.status} state.")
        return {"Status": True}

    def ListStatements(self, context: RequestContext, params: Json) -> Json:
        limit = params.get("MaxResults") or _PAGE[-1]
        _in_range(limit, _PAGE, "MaxResults")
        wanted, prefix = params.get("Status", FINISHED), params.get("StatementName", "")
        same = {key: params[key] for key in ("ClusterIdentifier", "WorkgroupName", "Database") if params.get(key)}
        matching = [
            each
            for each in self._book.listed(self._owner(context))
            if wanted in ("ALL", each.status)
            and each.name.startswith(prefix)
            and all(each.shown.get(key) == value for key, value in same.items())
        ]
        begin = int(params.get("NextToken") or 0)
        more = {"NextToken": str(begin + limit)} if begin + limit < len(matching) else {}
        return {"Statements": [listed(each) for each in matching[begin : begin + limit]], **more}

    def ListSessions(self, context: RequestContext, params: Json) -> Json:
        owner, wanted = self._owner(context), params.get("Status")
        sessions = [
            {
                "SessionId": kept.id, "Status": "BUSY" if kept.busy else "AVAILABLE", "CreatedAt": kept.created / _SECOND,
                "SessionAliveSeconds": kept.seconds, "SessionTtl": kept.idle_until / _SECOND, **kept.place.shown,
                **({"CurrentStatementId": kept.busy} if kept.busy else {}),
            }
            for kept in self._sessions.all()
            if not owner or kept.owner == owner
        ]  # fmt: skip
        return {"Sessions": [each for each in sessions if wanted in (None, each["Status"])]}

    def _statement(self, context: RequestContext, params: Json) -> tuple[Statement, Part | None]:
        _in_range(params.get("WaitTimeSeconds"), _WAIT, "WaitTimeSeconds")
        statement, part = self._book.find(params["Id"], self._owner(context))
        if params.get("WaitTimeSeconds"):
            self._book.wait(statement, params["WaitTimeSeconds"])
        return statement, part

    def _finished(self, context: RequestContext, params: Json) -> tuple[Statement, Part]:
        statement, part = self._statement(context, params)
        if statement.status in ACTIVE:
            raise _invalid(f"Query is not finished yet: it is {statement.status}.")
        if part is None and statement.batch:
            raise _invalid("Query is a batch: give the id of one of its statements.")
        part = part or statement.parts[0]
        if part.status != FINISHED or not part.has_rows:
            raise ApiError(
                "ResourceNotFoundException",
                "Query does not have result. Please check query status with DescribeStatement.",
            )
        return statement, part

    def _userid(self, context: RequestContext) -> str:
        principal = self._actors.caller(context)
        return principal.user_id if principal is not None else ""

    def _owner(self, context: RequestContext) -> str:
        """Returns the user or role; empty for a caller like root, who sees all statements."""
        principal = self._actors.caller(context)
        if principal is None:
            return ""
        role = principal.arn.partition(":assumed-role/")[2]
        return role.partition("/")[0] if role else principal.arn


def _user(caller: Principal | None, params: Json, warehouse: Warehouse) -> User:
    """Returns the database's user: the admin by the managed secret or by name, or for a caller like root; else the caller's own user.

    (https://docs.aws.amazon.com/redshift/latest/mgmt/data-api-access.html)
    """
    if caller is None or (warehouse.secret and params.get("SecretArn") == warehouse.secret):
        return User(name=warehouse.admin, superuser=True)
    if params.get("DbUser"):
        return User(name=params["DbUser"], superuser=params["DbUser"] == warehouse.admin)
    return User(name=database_user(caller), superuser=False)


def _check(params: Json, sqls: list[str]) -> None:
    for sql in sqls:
        if not 1 <= len(sql.encode()) <= _STATEMENT_BYTES:
            raise _invalid("A statement has 1 byte to 100 KB.")
    if len(params.get("StatementName", "")) > _NAME:
        raise _invalid(f"StatementName has at most {_NAME} characters.")
    _in_range(len(params["ClientToken"]) if "ClientToken" in params else None, _TOKEN, "The length of ClientToken")
    _in_range(params.get("WaitTimeSeconds"), _WAIT, "WaitTimeSeconds")
    _in_range(params.get("SessionKeepAliveSeconds"), _KEEP, "SessionKeepAliveSeconds")


def _in_range(value: int | None, allowed: range, what: str) -> None:
    if value is not None and value not in allowed:
        raise _invalid(f"{what} is from {allowed[0]} to {allowed[-1]}.")


def _invalid(message: str) -> ApiError:
    return ApiError("ValidationException", message)
