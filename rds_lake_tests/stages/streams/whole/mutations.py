"""Broken rules and readings of streams, each of which the bar has to notice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace

import pytest

from rds_lake.database.outbox.link import Dialect
from rds_lake.sql.changes.table import EPOCH_KEY, Watermark
from rds_lake.sql.quoting import identifier, literal
from rds_lake_tests.stages.streams.whole.lab import Mutate


@contextmanager
def max_id() -> Iterator[Mutate]:
    """Changes are inside a snapshot up to the highest number that was exported with it."""

    def condition(mark: Watermark, database: str, *, is_inside: bool) -> str:
        outbox = (
            f'"{database}"."{mark.outbox.raw}" WHERE "{mark.outbox.partition_key}" = {literal(mark.day.isoformat())}'
        )
        compared = "<=" if is_inside else ">"
        return (
            f"{identifier(EPOCH_KEY)} = {literal(mark.epoch)} "
            f'AND "seq" {compared} (SELECT COALESCE(max("seq"), 0) FROM {outbox})'
        )

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Watermark, "outside", lambda mark, database: condition(mark, database, is_inside=False))
        patch.setattr(Watermark, "inside", lambda mark, database: condition(mark, database, is_inside=True))
        yield lambda dialect: dialect


@contextmanager
def incomplete_cut() -> Iterator[Mutate]:
    """A cut has the first changes of the outbox, and not all that were committed."""

    def cut_short(dialect: Dialect) -> Dialect:
        return replace(dialect, page=f"SELECT * FROM ({dialect.page}) one LIMIT 37")

    yield cut_short


MUTATIONS: dict[str, Callable[[], AbstractContextManager[Mutate]]] = {
    "max-id": max_id,
    "incomplete-cut": incomplete_cut,
}
