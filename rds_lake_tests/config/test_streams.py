"""`streams:` of a source: what it may ask for, and everything at once that it may not."""

from typing import Any

import pytest

from rds_lake.config.database import Aurora, Rds
from rds_lake.config.source import read_source
from rds_lake.config.streams_rules import streams_problems
from rds_lake.model.tables.table import TableTarget

ARN = "arn:aws:lambda:eu-central-1:111122223333:function:changes"
SECRET = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:forwarder"


def problems_of(streams: dict[str, Any], **source: Any) -> list[str]:
    entry = {
        "name": "shop",
        "kind": "aurora",
        "identifier": "shop",
        "streams": {"tables": ["shop.public.orders"], **streams},
        **source,
    }
    read = read_source(entry, "sources.0")
    assert isinstance(read.settings, Aurora)
    assert not read.problems
    assert read.settings.streams is not None
    return list(streams_problems(read.settings.streams, engine=read.settings.engine, include=read.settings.include))


@pytest.mark.parametrize(
    ("streams", "source"),
    [
        ({}, {}),
        ({"level": "statement_level", "secret": SECRET, "forward_minutes": 1}, {"engine": "postgres"}),
        ({"capture": "lambda", "function": ARN, "on_error": "drop", "secret": SECRET}, {}),
        ({"tables": ["shop.orders", "bank.accounts"]}, {}),
        ({"tables": ["shop.a.b"]}, {"engine": "mysql"}),
        ({"tables": ["shop.public.Order Details", "shop.sales.a.b"]}, {}),
        ({"tables": ["shop.shop.orders"], "level": "statement_level"}, {"include": ["shop.shop"]}),
        ({}, {"include": ["shop"]}),
        ({}, {"include": ["shop.public"]}),
        ({"tables": ["shop.orders"]}, {"include": ["shop.orders"]}),
        ({}, {"parquet": "in_place"}),
    ],
)
def test_what_makes_sense_is_taken(streams: dict[str, Any], source: dict[str, Any]) -> None:
    assert problems_of(streams, **source) == []


@pytest.mark.parametrize(
    ("streams", "source", "told"),
    [
        ({"tables": ["orders"]}, {}, "streams.tables ['orders']: a captured table is written `db.schema.table` (MySQL: `db.table`)"),
        ({"tables": ["shop.orders"]}, {"engine": "postgres"}, "a captured table is written `db.schema.table`"),
        ({"tables": ["shop..orders"]}, {}, "a captured table is written"),
        ({"tables": ["shop.public.a", "shop.public.a"]}, {}, "shop.public.a is listed 2 times"),
        ({"tables": ["shop.public.a", "shop.b"]}, {}, "add `engine:`"),
        ({"tables": ["shop.public.a", "bank.public.a"]}, {}, "are in several databases (['bank', 'shop'])"),
        ({"capture": "lambda"}, {}, "streams.function: `capture: lambda` needs the ARN"),
        ({"function": ARN}, {}, "streams.function: is only for `capture: lambda`"),
        ({"on_error": "fail"}, {}, "streams.on_error: is only for `capture: lambda`"),
        ({"capture": "lambda", "function": ARN, "alarm_minutes": 9}, {}, "streams.alarm_minutes: is only for"),
        ({"capture": "lambda", "function": ARN, "level": "statement_level"}, {}, "streams.level: `capture: lambda`"),
        ({"tables": ["shop.a"], "level": "statement_level"}, {}, "streams.level: MySQL only has row-level triggers"),
        ({}, {"include": ["shop.sales"]}, "are not in `include`"),
        ({}, {"include": ["shop.public.customers"]}, "are not in `include`"),
    ],
)  # fmt: skip
def test_what_makes_none_is_reported(streams: dict[str, Any], source: dict[str, Any], told: str) -> None:
    problems = problems_of(streams, **source)
    assert [problem for problem in problems if told in problem], problems


def test_everything_wrong_is_reported_at_once() -> None:
    wrong = {"tables": ["orders", "orders"], "function": ARN, "on_error": "drop"}
    assert len(problems_of(wrong, include=["shop"])) == 4


def test_dots_after_the_second_are_the_tables_own() -> None:
    read = read_source(
        {"name": "s", "kind": "rds", "identifier": "s", "streams": {"tables": ["shop.public.a.b"]}}, "sources.0"
    )
    assert isinstance(read.settings, Rds)
    assert read.settings.streams is not None
    assert read.settings.streams.targets(None) == (TableTarget(database="shop", schema="public", table="a.b"),)
