"""docs/doctor.md lists exactly the rows that there are."""

from __future__ import annotations

from rds_lake.console.doctor.command import ROWS
from rds_lake_tests.console.doctor import page


def test_the_page_is_as_the_code_has_it() -> None:
    text = page.PAGE.read_text(encoding="utf-8")
    assert page.replaced(text) == text, "python -m rds_lake_tests.console.doctor.page"


def test_every_row_has_a_name_of_its_own_a_sentence_and_a_remedy() -> None:
    assert len({row.id for row in ROWS}) == len(ROWS)
    for row in ROWS:
        assert row.looks_at.endswith((".", "=")), row.id
        assert row.remedy, row.id
        assert not row.remedy.endswith("."), row.id
