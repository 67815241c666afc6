"""A column that no snapshot has yet gets the type that its export will have."""

import pytest

from rds_lake.model.streams.captured import CapturedColumn
from rds_lake.sql.changes.added import added_column


@pytest.mark.parametrize(
    ("kind", "mysql", "hive", "word", "precision"),
    [
        ("integer", False, "int", "integer", None),
        ("numeric(12,2)", False, "string", "numeric", 12),
        ("timestamp(3) with time zone", False, "string", "timestamp with time zone", 3),
        ("text[]", False, "string", "ARRAY", None),
        ("bytea", False, "binary", "bytea", None),
        ("int(10) unsigned zerofill", True, "bigint", "int", 10),
        ("bigint unsigned", True, "decimal(20,0)", "bigint", None),
        ("decimal(10,2)", True, "decimal(10,2)", "decimal", 10),
        ("decimal(65,2)", True, "string", "decimal", 65),
        ("bit(1)", True, "binary", "bit", 1),
        ("enum('a','b(1)')", True, "string", None, None),
    ],
)
def test_the_type_follows_from_the_databases_word(
    kind: str, mysql: bool, hive: str, word: str | None, precision: int | None
) -> None:
    column = added_column(CapturedColumn(name="c", type=kind), mysql=mysql)
    assert column.hive_type == hive
    if word is not None:
        assert (column.original_type, column.num_precision) == (word, precision)
