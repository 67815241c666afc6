"""Rules about the keys of `streams:`, and between them and the source's other keys.

What belongs here: these rules, each a function that yields one sentence per problem.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Literal

from rds_lake.config.streams import Streams
from rds_lake.model.aws.engine import Engine, engine_of

_OF_LAMBDA, _OF_OUTBOX = ("function", "on_error"), ("alarm_minutes",)


def streams_problems(
    streams: Streams, *, engine: Literal["postgres", "mysql", "mariadb"] | None, include: Sequence[str]
) -> Iterator[str]:
    """Yields every problem of the section. `engine`, `include`: the source's keys."""
    family = engine_of(engine) if engine else None
    unreadable = list(_names(streams, family))
    yield from unreadable
    yield from _keys(streams)
    if not unreadable:
        yield from _tables(streams, family, include)


def _names(streams: Streams, family: Engine | None) -> Iterator[str]:
    depths = {Engine.POSTGRES: (3,), Engine.MYSQL: (2,), None: (2, 3)}[family]
    # The name of a table may contain dots.
    wrong = [name for name in streams.tables if len(parts := name.split(".")) < depths[0] or "" in parts[: depths[-1]]]
    words = {Engine.POSTGRES: "`db.schema.table`", Engine.MYSQL: "`db.table`"}
    if wrong:
        grammar = words[family] if family else f"{words[Engine.POSTGRES]} (MySQL: {words[Engine.MYSQL]})"
        yield f"streams.tables {wrong}: a captured table is written {grammar}"
    for name, count in Counter(streams.tables).items():
        if count > 1:
            yield f"streams.tables: {name} is listed {count} times; keep one"
    if family is None and len({min(name.count("."), 2) for name in streams.tables}) > 1:
        yield (
            "streams.tables: some tables are written as for PostgreSQL (`db.schema.table`), others as for MySQL (`db.table`); "
            "add `engine:`, and use one form"
        )


def _keys(streams: Streams) -> Iterator[str]:
    by_call = streams.capture == "lambda"
    if by_call and streams.function is None:
        yield "streams.function: `capture: lambda` needs the ARN of the function that triggers call; add it"
    for key in _OF_OUTBOX if by_call else _OF_LAMBDA:
        if key in streams.model_fields_set:
            other = "outbox" if by_call else "lambda"
            yield f"streams.{key}: is only for `capture: {other}`; remove it, or set that"
    if by_call and streams.level == "statement_level":
        yield "streams.level: `capture: lambda` always calls the function per row; remove `statement_level`"


def _tables(streams: Streams, family: Engine | None, include: Sequence[str]) -> Iterator[str]:
    targets = streams.targets(family)
    mysql = streams.family(family) is Engine.MYSQL
    if mysql and streams.level == "statement_level":
        yield "streams.level: MySQL only has row-level triggers; remove `statement_level`"
    databases = sorted({target.database for target in targets})
    if not mysql and len(databases) > 1:
        yield (
            f"streams.tables are in several databases ({databases}). PostgreSQL's triggers and outbox are inside one "
            "database, so keep the tables of one"
        )
    items_of = (Engine.MYSQL if mysql else Engine.POSTGRES).items_of
    outside = [
        str(name)
        for name, target in zip(streams.tables, targets, strict=True)
        if not set(items_of(target)) & set(include)
    ]
    if include and outside:
        yield f"streams.tables {outside} are not in `include`, so no snapshot has their rows; add them to `include`"
