"""Totals of old dates are read with few requests, and right."""

from __future__ import annotations

import io
from collections.abc import Mapping
from datetime import date, datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rds_lake.errors import ManifestError
from rds_lake.stages.report.history import EACH, _parsed, chosen

_DAY = date(2026, 11, 28)
_ROW = {"tables": 3, "rows": 1 << 40, "bytes": 7, "state": "rolled back", "published_at": datetime(2026, 11, 20, 5)}  # noqa: DTZ001


def written(*rows: Mapping[str, object], statistics: bool = True) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([dict(row) for row in rows]), buffer, write_statistics=statistics)
    return buffer.getvalue()


@given(st.sets(st.integers(0, 1500), max_size=700))
def test_every_new_date_and_every_week_of_the_old_ones_is_read_and_no_more(ages: set[int]) -> None:
    days = sorted(_DAY - timedelta(days=age) for age in ages)
    found = chosen(days)
    assert set(days[-EACH:]) <= found <= set(days)
    weeks = {day.isocalendar()[:2] for day in days}
    assert {day.isocalendar()[:2] for day in found} == weeks
    assert len(found) <= EACH + len(weeks)


@pytest.mark.parametrize("statistics", [True, False], ids=["from the footer", "from the columns"])
def test_a_row_is_read_as_it_was_written(*, statistics: bool) -> None:
    row = _parsed(written(_ROW | {"export_task": "x"}, statistics=statistics), where="s3://x")
    assert {name: getattr(row, name) for name in _ROW} == _ROW


@pytest.mark.parametrize(
    "body", [b"", b"PAR1", written(_ROW, _ROW), written({"tables": 1})], ids=["empty", "cut", "two", "other"]
)
def test_what_is_no_row_is_named_with_what_to_do(body: bytes) -> None:
    with pytest.raises(ManifestError, match=r"s3://x is not a row of `_snapshots`: .*delete it"):
        _parsed(body, where="s3://x")
