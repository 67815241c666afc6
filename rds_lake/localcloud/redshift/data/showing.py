"""A statement as DescribeStatement and ListStatements show it."""

from __future__ import annotations

from typing import Any

from rds_lake.localcloud.redshift.data.results import size
from rds_lake.localcloud.redshift.data.statements import Part, Statement

Json = dict[str, Any]
_SECOND, _NANOS = 1e6, 1000


def shown(statement: Statement) -> Json:
    """Returns DescribeStatement's answer."""
    parts = statement.parts
    last = parts[-1]
    body = {
        "Id": statement.id, "Status": statement.status, "CreatedAt": statement.created / _SECOND,
        "UpdatedAt": statement.updated / _SECOND, "QueryString": "" if statement.batch else last.sql,
        "Duration": sum(_duration(part) for part in parts), "HasResultSet": statement.has_rows, "RedshiftPid": 1073741824,
        "ResultFormat": statement.format, "ResultRows": _rows(last), "ResultSize": _size(last), "RedshiftQueryId": last.query or -1,
        **statement.shown,
    }  # fmt: skip
    if statement.error:
        body["Error"] = statement.error
    if statement.session_id:
        body["SessionId"] = statement.session_id
    if statement.parameters:
        body["QueryParameters"] = statement.parameters
    if statement.batch:
        body["ExecutionMode"] = statement.mode
        body["SubStatements"] = [_sub(statement, part, number) for number, part in enumerate(parts, 1)]
    return body


def shown_part(statement: Statement, part: Part) -> Json:
    """Returns DescribeStatement's answer about one statement of a batch."""
    return _sub(statement, part, statement.parts.index(part) + 1) | statement.shown


def _sub(statement: Statement, part: Part, number: int) -> Json:
    body = {
        "Id": f"{statement.id}:{number}", "Status": part.status, "CreatedAt": statement.created / _SECOND,
        "UpdatedAt": (part.ended or part.began or statement.created) / _SECOND, "QueryString": part.sql,
        "Duration": _duration(part), "HasResultSet": part.has_rows, "ResultRows": _rows(part), "ResultSize": _size(part),
        "RedshiftQueryId": part.query or -1,
    }  # fmt: skip
    return body | ({"Error": part.error} if part.error else {})


def listed(statement: Statement) -> Json:
    """Returns one entry of ListStatements."""
    texts = [part.sql for part in statement.parts]
    body = {
        "Id": statement.id, "Status": statement.status, "StatementName": statement.name, "IsBatchStatement": statement.batch,
        "CreatedAt": statement.created / _SECOND, "UpdatedAt": statement.updated / _SECOND, "ResultFormat": statement.format,
    }  # fmt: skip
    body |= {"QueryStrings": texts} if statement.batch else {"QueryString": texts[0]}
    if statement.session_id:
        body["SessionId"] = statement.session_id
    return body | ({"QueryParameters": statement.parameters} if statement.parameters else {})


def _duration(part: Part) -> int:
    return max(0, part.ended - part.began) * _NANOS if part.began and part.ended else -1 if not part.began else 0


def _rows(part: Part) -> int:
    return part.result.rows if part.result is not None else -1


def _size(part: Part) -> int:
    return size(part.result) if part.result is not None else -1
