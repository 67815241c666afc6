"""The Redshift Data API: statements that run without a connection, and are found again by their names.

Nothing here waits, except for one long poll of the caller's length. ThrottledError if Redshift has its maximum of active statements
or sessions. `stages/warehouse/` decides which statements are sent.
https://docs.aws.amazon.com/redshift-data/latest/APIReference/Welcome.html
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from rds_lake.aws.translate import aws_errors
from rds_lake.errors import AwsError
from rds_lake.model.warehouse.statement_names import client_token
from rds_lake.model.warehouse.target import Target

_SERVICE = "redshift-data"
_NANOSECONDS = 1e9
_ACTIVE = ("SUBMITTED", "PICKED", "STARTED")
_SECONDS_KEPT = 3600  # how long a session waits for its next statement


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementPart:
    """One SQL text of a statement. `rows`: returned or changed; None if Redshift does not report it."""

    id: str
    status: str
    error: str = ""
    rows: int | None = None
    query: int | None = None
    has_rows: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementState:
    """A statement as DescribeStatement reports it. `seconds`: its running time. `parts`: one, or those of a batch in order."""

    id: str
    status: str
    error: str = ""
    seconds: float | None = None
    session: str | None = None
    parts: tuple[StatementPart, ...] = ()

    @property
    def is_active(self) -> bool:
        return self.status in _ACTIVE

    @property
    def is_good(self) -> bool:
        return self.status == "FINISHED"

    @property
    def failed_part(self) -> int | None:
        """Returns the index of the text that failed, from 0; None if Redshift names none."""
        return next((number for number, part in enumerate(self.parts) if part.status == "FAILED"), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A statement in the answer of ListStatements."""

    id: str
    name: str
    status: str

    @property
    def is_active(self) -> bool:
        return self.status in _ACTIVE


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A started statement. `session`: the session that it runs in, if that is kept."""

    id: str
    session: str | None = None


class RedshiftDataGateway:
    """The statements of one caller: the Data API does not show statements of other roles."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def begin(
        self, target: Target, sqls: Sequence[str], *, name: str, together: bool = True, session: str | None = None,
        keep_session: bool = False,
    ) -> Begun:  # fmt: skip
        """Start 1 to 40 statements in order. `together`: in one transaction; otherwise each in its own, up to the first that fails.

        The same name within eight hours is the same statement, for every caller. `session`: a session that `keep_session` began.
        """
        arguments: dict[str, Any] = {"StatementName": name, "ClientToken": client_token(name)}
        arguments |= {"SessionId": session} if session else _where(target)
        if session or keep_session:
            arguments["SessionKeepAliveSeconds"] = _SECONDS_KEPT
        operation = "ExecuteStatement" if len(sqls) == 1 else "BatchExecuteStatement"
        with aws_errors(_SERVICE, operation, about=name):
            if len(sqls) == 1:
                answer = self._client.execute_statement(Sql=sqls[0], **arguments)
            else:
                mode = "TRANSACTION" if together else "AUTO_COMMIT"
                answer = self._client.batch_execute_statement(Sqls=list(sqls), ExecutionMode=mode, **arguments)
        return Begun(id=answer["Id"], session=answer.get("SessionId"))

    def look(self, statement: str, *, wait_seconds: int = 0) -> StatementState | None:
        """Returns the statement, once it has ended or after this many seconds (at most 30); None if Redshift no longer knows it."""
        wait = {"WaitTimeSeconds": min(wait_seconds, 30)} if wait_seconds > 0 else {}
        try:
            with aws_errors(_SERVICE, "DescribeStatement", about=statement):
                answer = self._client.describe_statement(Id=statement, **wait)
        except AwsError as error:
            if error.code == "ResourceNotFoundException":
                return None
            raise
        seconds = answer.get("Duration", -1) / _NANOSECONDS
        return StatementState(
            id=statement, status=answer["Status"], error=answer.get("Error", ""), session=answer.get("SessionId"),
            seconds=seconds if seconds >= 0 else None,
            parts=tuple(map(_part, answer.get("SubStatements") or [answer | {"Id": statement}])),
        )  # fmt: skip

    def rows(self, part: str) -> list[tuple[Any, ...]]:
        """Returns all rows of a query: texts, numbers, booleans, None. `part`: the id of a statement, or of one text of a batch."""
        rows: list[tuple[Any, ...]] = []
        token: dict[str, str] = {}
        while True:
            with aws_errors(_SERVICE, "GetStatementResult", about=part):
                answer = self._client.get_statement_result(Id=part, **token)
            rows += [tuple(map(_value, record)) for record in answer["Records"]]
            if not answer.get("NextToken"):
                return rows
            token = {"NextToken": answer["NextToken"]}

    def named(self, prefix: str) -> Iterator[Listed]:
        """Returns the statements of the last day with this prefix of the name, in any state, newest first."""
        token: dict[str, str] = {}
        while True:
            with aws_errors(_SERVICE, "ListStatements", about=prefix):
                answer = self._client.list_statements(StatementName=prefix, Status="ALL", MaxResults=100, **token)
            for item in answer["Statements"]:  # a page may be empty and have a next one
                yield Listed(id=item["Id"], name=item.get("StatementName", ""), status=item["Status"])
            if not answer.get("NextToken"):
                return
            token = {"NextToken": answer["NextToken"]}

    def cancel(self, statement: str) -> None:
        """Request the end of a statement, which comes later. An ended or unknown statement is not an error."""
        try:
            with aws_errors(_SERVICE, "CancelStatement", about=statement):
                self._client.cancel_statement(Id=statement)
        except AwsError as error:
            if error.code not in ("ResourceNotFoundException", "ValidationException"):
                raise


def _where(target: Target) -> dict[str, str]:
    """Returns the parameters that name the database and its user."""
    given = {
        "WorkgroupName": target.workgroup, "ClusterIdentifier": target.cluster, "Database": target.database,
        "SecretArn": target.secret, "DbUser": target.db_user,
    }  # fmt: skip
    return {key: value for key, value in given.items() if value}


def _part(answer: Any) -> StatementPart:
    rows, query = answer.get("ResultRows", -1), answer.get("RedshiftQueryId", -1)
    return StatementPart(
        id=answer["Id"], status=answer["Status"], error=answer.get("Error", ""), rows=rows if rows >= 0 else None,
        query=query if query > 0 else None, has_rows=bool(answer.get("HasResultSet")),
    )  # fmt: skip


def _value(field: Any) -> Any:
    return None if field.get("isNull") else next(iter(field.values()))
