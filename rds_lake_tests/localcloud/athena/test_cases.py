"""Expressions have Trino's values, as Athena shows them: one case a line in `cases.txt`."""

from pathlib import Path
from typing import Any

import pytest

from rds_lake.localcloud.athena.engine import Engine
from rds_lake.localcloud.athena.errors import QueryFailedError
from rds_lake.localcloud.athena.results import render_rows
from rds_lake.localcloud.athena.session import Session
from rds_lake.localcloud.athena.statements.dispatch import run_statement


def cases(name: str) -> list[tuple[str, str]]:
    lines = (Path(__file__).parent / name).read_text(encoding="utf-8").splitlines()
    pairs = [line.split(" => ", 1) for line in lines if line and not line.startswith("#")]
    return [(sql, expected) for sql, expected in pairs]


CASES = cases("cases.txt")


def answer(sql: str) -> list[list[str | None]]:
    """A query without tables needs no cloud."""
    nothing: Any = None
    engine = Engine(clients=nothing, cache=nothing)
    try:
        return render_rows(run_statement(Session(engine=engine, database="default"), sql))
    finally:
        engine.close()


@pytest.mark.parametrize(("sql", "expected"), CASES, ids=[sql[:60] for sql, _ in CASES])
def test_an_expression_has_trinos_value(sql: str, expected: str) -> None:
    query = sql if "SELECT " in sql else f"SELECT {sql}"
    if sql.startswith("!"):
        with pytest.raises(QueryFailedError, match=expected):
            answer(query.replace("!", "", 1))
        return
    rows = answer(query)
    assert "; ".join(" | ".join("NULL" if value is None else value for value in row) for row in rows) == expected
