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


@pytest.mark.parametrize(
    ("call", "most", "told"),
    [
        ("cardinality(ARRAY[{}])", 254, "TOO_MANY_ARGUMENTS: Too many arguments for array constructor"),
        ("greatest({})", 127, "TOO_MANY_ARGUMENTS: .*Too many arguments for function call greatest\\(\\)"),
        ("concat({})", 127, "TOO_MANY_ARGUMENTS: .*Too many arguments for function call concat\\(\\)"),
        ("concat_ws({})", 127, "TOO_MANY_ARGUMENTS: .*Too many arguments for function call concat_ws\\(\\)"),
    ],
)
def test_a_call_with_more_arguments_than_trinos_analyzer_takes_is_refused(call: str, most: int, told: str) -> None:
    one = "'a'" if "concat" in call else "1"
    assert len(answer(f"SELECT {call.format(', '.join([one] * most))}")) == 1
    with pytest.raises(QueryFailedError, match=told):
        answer(f"SELECT {call.format(', '.join([one] * (most + 1)))}")


@pytest.mark.parametrize("form", ["coalesce({})", "1 IN ({})", "CAST(ROW({}) AS json)"])
def test_expressions_that_only_look_like_calls_take_any_number(form: str) -> None:
    assert len(answer(f"SELECT {form.format(', '.join(['1'] * 400))}")) == 1


def test_arrays_that_are_joined_by_the_operator_have_any_number_of_elements() -> None:
    part = f"ARRAY[{', '.join(['1'] * 250)}]"
    assert answer(f"SELECT cardinality({' || '.join([part] * 8)})") == [["2000"]]
