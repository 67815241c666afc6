"""A table with a column of every type: the cases of docs/types.md, as the engine of an account has them."""

from __future__ import annotations

from dataclasses import replace

from rds_lake_tests.live.lake.content import Content
from rds_lake_tests.stages.types import test_mysql, test_postgres
from rds_lake_tests.stages.types.cases import Case, Value, rows_of

_DATABASE = "live_types"
_MARIADB = {"uuid", "inet4", "inet6"}
_POSTGRES_TYPES = (
    "CREATE TYPE mood AS ENUM ('sad', 'it''s ok')",
    "CREATE DOMAIN positive AS integer CHECK (VALUE > 0)",
    "CREATE TYPE pair AS (a integer, b text)",
)


def cases_of(engine: str, *, on_account: bool) -> list[Case]:
    """The page's types; on an account without MariaDB's, and with a value of xml, which the tests' own PostgreSQL lacks."""
    if engine == "postgres":
        return [_with_xml(case) if on_account else case for case in test_postgres.CASES]
    return [
        _without_srid(case) if on_account else case
        for case in test_mysql.CASES
        if not (on_account and case.kind in _MARIADB)
    ]


def content_of(engine: str, cases: list[Case]) -> Content:
    """A database with the tables `types`, and `nothing`, which has the same columns and no rows."""
    columns = ", ".join(
        f"c{number} {case.kind}{'' if engine == 'postgres' else ' NULL'}" for number, case in enumerate(cases)
    )
    made = f"CREATE TABLE types (n integer, {columns})"
    if engine == "mysql":
        rows = rows_of(cases, pad={})
        before = ("SET sql_mode = ''", "SET time_zone = '+00:00'")
        ddl = (made, "CREATE TABLE nothing LIKE types")
    else:
        rows = rows_of(cases, pad=dict.fromkeys(("bigserial", "serial", "smallserial"), "DEFAULT"))
        before = ("SET lc_monetary = 'C'",)
        ddl = (*_POSTGRES_TYPES, made, "CREATE TABLE nothing (LIKE types)")
    inserted = "INSERT INTO types VALUES " + ", ".join(f"({', '.join(row)})" for row in rows)
    return Content(
        name=_DATABASE,
        table="types",
        sessions=(*((statement,) for statement in ddl), (*before, inserted)),
        engine="aurora-mysql" if engine == "mysql" else "aurora-postgresql",
    )


def _with_xml(case: Case) -> Case:
    return replace(case, values=[Value("'<a>1</a>'", "<a>1</a>"), *case.values]) if case.kind == "xml" else case


def _without_srid(case: Case) -> Case:
    """MySQL 8 turns the axes of SRID 4326 round; 0 is a plane."""
    values = [
        replace(
            value,
            literal=value.literal.replace(", 4326)", ", 0)"),
            shown=value.shown and value.shown.replace("e6 10 00 00", "00 00 00 00", 1),
        )
        if value.literal.startswith("ST_GeomFromText")
        else value
        for value in case.values
    ]
    return replace(case, values=values)
