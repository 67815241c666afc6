"""Parses CREATE EXTERNAL SCHEMA for the Data Catalog. Other sources are refused.

(https://docs.aws.amazon.com/redshift/latest/dg/r_CREATE_EXTERNAL_SCHEMA.html)
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from rds_lake.localcloud.redshift.errors import StatementFailedError, not_here
from rds_lake.localcloud.redshift.loading.words import role_of, text_of, tokens

_HEAD = re.compile(r"\s*create\s+external\s+schema\s", re.IGNORECASE)
_OTHERS = ("HIVE", "POSTGRES", "MYSQL", "KINESIS", "MSK", "REDSHIFT", "KAFKA")


@dataclass(slots=True, kw_only=True)
class ExternalSchema:
    """`database`: Glue's; `region`: empty for the warehouse's own; `create`: create Glue's database if it does not exist."""

    name: str
    database: str = ""
    role: str = ""
    region: str = ""
    create: bool = False
    missing_only: bool = False


def is_external_schema(sql: str) -> bool:
    return _HEAD.match(sql) is not None


def read_external_schema(sql: str) -> ExternalSchema:
    """Returns the parsed statement. StatementFailedError if it is not valid."""
    words = iter(list(tokens(sql))[3:])
    word = next(words, "")
    missing_only = word.upper() == "IF"
    if missing_only:
        word = [next(words, "") for _ in range(3)][-1]
    schema = ExternalSchema(name=word.strip('"').lower(), missing_only=missing_only)
    if next(words, "").upper() != "FROM":
        raise StatementFailedError('syntax error: CREATE EXTERNAL SCHEMA needs "FROM DATA CATALOG"')
    for word in words:
        _option(schema, word.upper(), words)
    if not schema.database:
        raise StatementFailedError("CREATE EXTERNAL SCHEMA needs DATABASE")
    if not schema.role:
        raise StatementFailedError("CREATE EXTERNAL SCHEMA needs IAM_ROLE")
    if schema.role.upper() == "SESSION":
        raise not_here("IAM_ROLE 'SESSION' is not supported")
    return schema


def _option(schema: ExternalSchema, word: str, words: Iterator[str]) -> None:
    if word in _OTHERS:
        raise not_here(f"CREATE EXTERNAL SCHEMA FROM {word} is not supported")
    if word == "DATA":
        if next(words, "").upper() != "CATALOG":
            raise StatementFailedError('syntax error at or near "DATA"')
    elif word == "DATABASE":
        schema.database = text_of(next(words, "")).lower()
    elif word == "REGION":
        schema.region = text_of(next(words, ""))
    elif word == "IAM_ROLE":
        schema.role = role_of(next(words, ""))
    elif word == "CREATE":
        if [next(words, "").upper() for _ in range(5)] != ["EXTERNAL", "DATABASE", "IF", "NOT", "EXISTS"]:
            raise StatementFailedError('syntax error at or near "CREATE"')
        schema.create = True
    elif word not in (";", ""):
        raise not_here(f"{word} of CREATE EXTERNAL SCHEMA is not supported")
