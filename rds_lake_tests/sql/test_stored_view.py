"""A view in Glue is recognized however Athena formatted it, and another one is not taken for it."""

import base64
import json
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rds_lake.sql.stored_view import why_not

SQL = """SELECT
  "id"
, DATE '2026-11-20' "snapshot_date"
FROM
  shop.snapshots_orders
WHERE ("snapshot_date" = '2026-11-20')"""


def stored(sql: str = SQL, columns: tuple[str, ...] = ("id", "snapshot_date")) -> str:
    body = {"originalSql": sql, "columns": [{"name": name, "type": "bigint"} for name in columns]}
    return f"/* Presto View: {base64.b64encode(json.dumps(body).encode()).decode()} */"


def reason(text: str) -> str | None:
    return why_not(text, raw="snapshots_orders", columns=["id", "snapshot_date"], day=date(2026, 11, 20))


def test_athenas_own_formatting_of_the_view_is_recognized() -> None:
    assert reason(stored()) is None
    assert reason(stored(SQL.replace("shop.snapshots_orders", '"shop"."snapshots_orders"'))) is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (stored(SQL.replace("2026-11-20", "2026-11-19")), "does not show 2026-11-20"),
        (stored(SQL.replace("DATE '2026-11-20'", "DATE '2026-11-19'")), "does not show 2026-11-20"),
        (stored(SQL.replace("snapshots_orders", "snapshots_orders__v2")), "does not read snapshots_orders"),
        (stored(columns=("snapshot_date",)), "has the columns snapshot_date instead of id, snapshot_date"),
        ("SELECT 1", "is not in the form in which Athena stores views"),
    ],
)
def test_any_other_view_is_recognized_with_a_reason(text: str, why: str) -> None:
    assert reason(text) == why


@given(
    st.one_of(
        st.text(),
        st.text().map(lambda text: f"/* Presto View: {text} */"),
        st.binary().map(lambda body: f"/* Presto View: {base64.b64encode(body).decode()} */"),
    )
)
def test_no_text_whatever_is_more_than_not_the_view(text: str) -> None:
    assert reason(text) is not None
