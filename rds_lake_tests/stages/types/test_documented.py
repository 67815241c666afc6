"""docs/types.md says of every type what the round trips prove, and nothing else."""

from pathlib import Path

import pytest

from rds_lake_tests.stages.types import test_mysql as test_types_mysql
from rds_lake_tests.stages.types import test_postgres as test_types_postgres
from rds_lake_tests.stages.types.cases import Case


@pytest.mark.parametrize(
    ("heading", "cases"), [("MySQL and MariaDB", test_types_mysql.CASES), ("PostgreSQL", test_types_postgres.CASES)]
)
def test_the_types_page_has_exactly_the_rows_that_are_tested(root: Path, heading: str, cases: list[Case]) -> None:
    text = (root / "docs" / "types.md").read_text(encoding="utf-8")
    section = text.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    documented = [line for line in section.splitlines() if line.startswith("| `")]
    assert documented == [case.row for case in cases]


@pytest.mark.parametrize("cases", [test_types_mysql.CASES, test_types_postgres.CASES], ids=["mysql", "postgres"])
def test_a_type_that_loses_a_value_says_so_in_its_row(cases: list[Case]) -> None:
    silent = [case.kind for case in cases if not case.lost and any(value.fate != "kept" for value in case.values)]
    assert silent == []
