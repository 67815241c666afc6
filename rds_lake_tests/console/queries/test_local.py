"""`rds-lake query --local` answers as Athena does, and does not ask it."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from rds_lake.aws.athena import AthenaGateway
from rds_lake_tests.console.queries.asking import Asked, asking
from rds_lake_tests.support.world import World

_QUERIES = (
    "SELECT * FROM orders ORDER BY id",
    "SELECT count(*) AS n, sum(total) AS total, max(placed_at) AS last FROM orders",
    'SELECT d."select", o.tags[1] AS tag FROM order_details d JOIN orders o ON o.id = d.orderid ORDER BY o.id',
    "SELECT count(*) FROM sales_nothing",
)


@pytest.fixture
def ask(world: World) -> Iterator[Asked]:
    with asking(world) as asked:
        yield asked


def test_a_query_on_this_machine_has_athenas_answer_now_and_as_of_a_date_and_athena_is_not_asked(
    ask: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = [("--format", "json"), ("--format", "json", "--as-of", "2026-11-19")]
    asked = [(sql, option) for sql in _QUERIES for option in options]
    by_athena = [ask(sql, *option) for sql, option in asked]
    assert [answer.exit_code for answer in by_athena] == [0] * len(asked)

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("Athena was asked")

    monkeypatch.setattr(AthenaGateway, "run", refuse)
    here = [ask(sql, "--local", *option) for sql, option in asked]
    assert [answer.exit_code for answer in here] == [0] * len(asked), here[0].output
    assert [json.loads(answer.stdout) for answer in here] == [json.loads(answer.stdout) for answer in by_athena]
    shown = ask("SELECT id FROM orders ORDER BY id", "--local", "--rows", "2")
    assert "there are more rows: --rows shows more here" in shown.output
    assert "read on this machine, without Athena" in shown.output
    assert "COLUMN_NOT_FOUND" in ask("SELECT nope FROM orders", "--local").output
    assert "was not run" in ask("DROP VIEW orders", "--local").output
    assert "--local only reads" in ask("DROP VIEW orders", "--local", "--write").output
