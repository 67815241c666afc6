"""What a limit on changed rows allows, and the record of a date."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from rds_lake.model.lake.date_diff import SMALL_ROWS, RowLimit


@given(tenths=st.integers(0, 2000), rows=st.integers(0, 10**12), count=st.integers(0, 10**12), apart=st.integers(-1, 1))
def test_a_percentage_of_rows_is_exact(tenths: int, rows: int, count: int, apart: int) -> None:
    exact = Fraction(tenths, 1000) * rows
    for many in (count, max(0, int(exact) + apart)):
        allowed = rows < SMALL_ROWS or many <= exact
        assert RowLimit.of(f"{tenths // 10}.{tenths % 10}%").allows(many, rows_before=rows) == allowed


@given(most=st.integers(0, 10**12), count=st.integers(0, 10**12))
def test_a_number_of_rows_is_held_against_small_tables_too(most: int, count: int) -> None:
    assert RowLimit.of(str(most)).allows(count, rows_before=0) == (count <= most)
