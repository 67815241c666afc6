"""The texts of an image become the values that an export of the row would have had."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest

from rds_lake.model.tables.table import Column
from rds_lake.stages.streams.compaction.values import to_array

moment = datetime.fromisoformat


@pytest.mark.parametrize(
    ("hive", "word", "texts", "values"),
    [
        ("bigint", "bigint", ["-9223372036854775808", None], [-(2**63), None]),
        ("smallint", "smallint", ["7"], [7]),
        ("boolean", "boolean", ["true", "f", None], [True, False, None]),
        (
            "double",
            "double precision",
            ["0.10000000149011612", "-Infinity", "1e300"],
            [0.10000000149011612, float("-inf"), 1e300],
        ),
        ("decimal(20,0)", "bigint", ["18446744073709551615"], [Decimal(18446744073709551615)]),
        ("decimal(10,2)", "decimal", ["1.50", "-0.01"], [Decimal("1.50"), Decimal("-0.01")]),
        ("date", "date", ["2026-11-20"], [date(2026, 11, 20)]),
        (
            "timestamp",
            "datetime",
            ["2026-11-20 03:00:00.123456", None],
            [moment("2026-11-20T03:00:00.123456"), None],
        ),
        ("timestamp", "datetime", ["0000-00-00 00:00:00.000", "2026-02-31 01:00:00"], [None, None]),
        (
            "timestamp",
            "timestamp",
            ["2026-11-20 03:00:00+02", "1774731600.5"],
            [moment("2026-11-20T01:00:00"), moment("2026-03-28T21:00:00.5")],
        ),
        ("binary", "bytea", ["\\x00ff", "\\x"], [b"\x00\xff", b""]),
        ("binary", "blob", ["00FF", ""], [b"\x00\xff", b""]),
        ("binary", "bit", ["5", "0"], [b"\x00\x05", b"\x00\x00"]),
        ("binary", "char", ["zwölf"], ["zwölf".encode()]),
        ("string", "numeric", ["NaN", "", None], ["NaN", "", None]),
    ],
)
def test_texts_become_the_exports_values(hive: str, word: str, texts: list[str | None], values: list[Any]) -> None:
    array, bad = to_array(texts, Column(name="c", hive_type=hive, original_type=word, num_precision=12))
    assert (array.to_pylist(), bad) == (values, [])


@pytest.mark.parametrize(
    ("hive", "word", "text"),
    [
        ("int", "integer", "2147483648"),
        ("int", "integer", "1.5"),
        ("boolean", "boolean", "maybe"),
        ("decimal(4,2)", "decimal", "1.234"),
        ("decimal(4,2)", "decimal", "123456"),
        ("timestamp", "datetime", "yesterday"),
        ("binary", "blob", "0G"),
        ("binary", "bit", "65536"),
    ],
)
def test_a_text_that_is_no_value_is_null_and_reported_and_spoils_no_other(hive: str, word: str, text: str) -> None:
    good = {"int": "1", "boolean": "t", "decimal(4,2)": "1.2", "timestamp": "2026-01-01 00:00:00", "binary": "00"}[hive]
    array, bad = to_array([good, text], Column(name="c", hive_type=hive, original_type=word, num_precision=12))
    assert array[0].as_py() is not None
    assert (array[1].as_py(), bad) == (None, [1])
