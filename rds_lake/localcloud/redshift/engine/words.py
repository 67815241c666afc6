"""Reads the first words of a statement: its kind for the history, LOCK, and statements that cannot run in a transaction block."""

from __future__ import annotations

import re

from rds_lake.localcloud.redshift.errors import StatementFailedError, not_here

_COMMENT = re.compile(r"/\*.*?\*/|--[^\n]*", re.DOTALL)
_LOCK = re.compile(r"\s*lock\s+(?:table\s+)?(.+?)\s*;?\s*", re.IGNORECASE | re.DOTALL)
_CTAS = re.compile(r"create\s+(?:local\s+)?(?:temp\w*\s+)?table\s.*\sas\s*\(?\s*(select|with)\b", re.DOTALL)
_APPEND = re.compile(r"\s*alter\s+table\s+\S+\s+append\s", re.IGNORECASE)
_ALONE = ("vacuum", "create database", "drop database", "create external table")
_KINDS = {
    "select": "SELECT", "with": "SELECT", "insert": "INSERT", "update": "UPDATE", "delete": "DELETE", "copy": "COPY",
    "unload": "UNLOAD", "create": "DDL", "drop": "DDL", "alter": "DDL", "truncate": "DDL", "analyze": "UTILITY",
    "vacuum": "UTILITY", "set": "UTILITY", "begin": "UTILITY", "commit": "UTILITY", "end": "UTILITY", "rollback": "UTILITY",
    "lock": "UTILITY",
}  # fmt: skip


def kind_of(sql: str) -> str:
    """Returns `query_type` of SYS_QUERY_HISTORY."""
    text = _COMMENT.sub(" ", sql).strip(" \t\r\n(").lower()
    if _CTAS.match(text):
        return "CTAS"
    first = re.match(r"\w+", text)
    return _KINDS.get(first[0] if first else "", "OTHER")


def locked_tables(sql: str) -> list[tuple[str, str]] | None:
    """Returns (schema, name) of the tables of a LOCK; None for another statement."""
    match = _LOCK.fullmatch(sql)
    if match is None:
        return None
    parts = [part.strip().replace('"', "").lower().rpartition(".") for part in match[1].split(",")]
    return [(schema, name) for schema, _, name in parts]


def refuse_in_transaction(sql: str, inside: bool) -> None:
    """StatementFailedError for a statement that cannot run in a transaction block, and for ALTER TABLE APPEND."""
    text = " ".join(_COMMENT.sub(" ", sql).split()).lower()
    append = _APPEND.match(text) is not None
    if inside and (append or text.startswith((*_ALONE, "alter database"))):
        words = "ALTER TABLE APPEND" if append else next(
            (word.upper() for word in _ALONE if text.startswith(word)), "ALTER DATABASE ISOLATION LEVEL")  # fmt: skip
        raise StatementFailedError(f"{words} cannot run inside a transaction block")
    if append:
        raise not_here("ALTER TABLE APPEND is not supported")
