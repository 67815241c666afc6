"""The page of two compared dates shows values as text, whatever is in them, and fetches nothing."""

from __future__ import annotations

from datetime import date

from rds_lake.console.diff.page import table_page
from rds_lake.sql.diff.columns import SchemaChange
from rds_lake.stages.diff.result import RowDiff, TableDiff


def test_a_value_is_text_and_nothing_is_fetched_or_run() -> None:
    row = RowDiff(
        kind="added",
        key={"id": "7"},
        before=None,
        after={"body": "<img src=x onerror=alert(1)>\x07", "none": None},
        times=1,
    )
    diff = TableDiff(
        source="shop",
        table="shop.public.notes",
        view="notes",
        before=date(2026, 11, 19),
        after=date(2026, 11, 20),
        keys=("id",),
        rows_before=0,
        rows_after=1,
        added=1,
        removed=0,
        changed=0,
        by_column={},
        schema=SchemaChange(),
        rows=(row,),
        bytes_scanned=10,
        milliseconds=5,
    )
    page = table_page(diff)
    assert "&lt;img src=x onerror=alert(1)&gt;\ufffd" in page
    assert "<img" not in page and "\x07" not in page
    assert "default-src 'none'" in page.replace("&#x27;", "'")
    assert '<td class="n">7' in page and '<td class="null">NULL' in page
