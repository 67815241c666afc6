"""Statements have the values that AWS's documentation says: one case a line in `cases.txt`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlglot

from rds_lake.localcloud.redshift.engine.databases import Databases
from rds_lake.localcloud.redshift.engine.session import Session
from rds_lake.localcloud.redshift.engine.values import shown
from rds_lake.localcloud.redshift.errors import StatementFailedError


def _cases() -> list[tuple[str, str]]:
    lines = (Path(__file__).parent / "cases.txt").read_text(encoding="utf-8").splitlines()
    kept = [line.split(" | ", 1)[1] for line in lines if line and not line.startswith("#")]
    return [(statements, expected) for statements, expected in (line.split(" => ", 1) for line in kept)]


CASES = _cases()
databases = Databases()


@pytest.fixture
def session() -> Iterator[Session]:
    """A database without tables."""
    session = databases.session("cluster", "dev")
    yield session
    for _, name, kind in session.tables.listed():
        session.run(f"drop {kind} {name}")
    session.close()


def _value(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.15g}"
    return "NULL" if value is None else str(shown(value)).lower() if isinstance(value, bool) else str(shown(value))


def answer(session: Session, statements: str) -> str:
    *before, last = statements.split(" ;; ")
    for each in before:
        session.run(each)
    return "; ".join(" | ".join(map(_value, row)) for row in session.run(last).values)


@pytest.mark.parametrize(("statements", "expected"), CASES, ids=[statements[:60] for statements, _ in CASES])
def test_a_statement_has_the_documented_value(session: Session, statements: str, expected: str) -> None:
    if statements.startswith("!"):
        with pytest.raises(StatementFailedError) as caught:
            answer(session, statements[1:])
        assert expected in str(caught.value)
        return
    assert answer(session, statements) == expected


def test_there_are_as_many_cases_as_were_asked_for() -> None:
    assert len(CASES) >= 150


def test_plain_sqlglot_would_be_silently_wrong() -> None:
    """What the rules are for: the same expressions, translated by sqlglot alone."""
    session = databases.session("plain", "dev")
    wrong = 0
    for statements, expected in CASES:
        if " ;; " in statements or statements.startswith("!"):
            continue
        sql = sqlglot.transpile(
            statements, read="redshift", write="duckdb", unsupported_level=sqlglot.ErrorLevel.IGNORE
        )[0]
        try:
            rows = session._connection.execute(sql).fetchall()
        except Exception:  # noqa: BLE001 - an error is not silent
            continue
        wrong += "; ".join(" | ".join(map(_value, row)) for row in rows) != expected
    session.close()
    assert wrong >= 10
