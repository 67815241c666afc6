"""What a change in the outbox has for values that engines write in JSON each in its own way.

    pytest -m aws rds_lake_tests/live/test_values.py        variables: `place.py`

Nothing is created that stays. What the server itself makes of a BIT in JSON is printed: MySQL's manual and MariaDB differ, and no
trigger depends on it.
"""

from __future__ import annotations

import json

import pytest

from rds_lake.model.streams.captured import Capture
from rds_lake_tests.live.place import FAILURES, TABLE, Place

# Column, type, literal, and the text that a change has.
_MYSQL = (
    ("flag", "bit(1)", "b'1'", "1"),
    ("bits", "bit(12)", "b'100000000001'", "2049"),
    ("raw", "varbinary(8)", "X'00FF'", "00FF"),
    ("body", "blob", "X'C3'", "C3"),
    ("amount", "decimal(38,10)", "1.5", "1.5000000000"),
    ("big", "bigint unsigned", "18446744073709551615", "18446744073709551615"),
    ("f", "float", "0.1", "0.10000000149011612"),
    ("at", "timestamp(6) NULL", "'2026-03-28 18:00:00.123456'", "2026-03-28 18:00:00.123456"),
    ("place", "point", "ST_GeomFromText('POINT(1 2)')", "000000000101000000000000000000F03F0000000000000040"),
)
_POSTGRES = (
    ("flag", "bit(1)", "B'1'", "1"),
    ("bits", "bit varying(12)", "B'100000000001'", "100000000001"),
    ("raw", "bytea", "'\\x00ff'", "\\x00ff"),
    ("amount", "numeric(38,10)", "1.5", "1.5000000000"),
    ("f", "real", "0.1", "0.1"),
    ("at", "timestamptz", "'2026-03-28 18:00:00.123456+00'", "2026-03-28 18:00:00.123456+00"),
    ("doc", "json", '\'{"a":  1, "a": 2}\'', '{"a":  1, "a": 2}'),
)


def test_a_change_has_the_documented_texts_whatever_the_servers_json_functions_make_of_them(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    values = _POSTGRES if place.is_postgres else _MYSQL
    columns = ", ".join(f"{name} {kind}" for name, kind, _, _ in values)
    zone = "SET TIME ZONE 'UTC'" if place.is_postgres else "SET time_zone = '+00:00'"
    if not place.is_postgres:
        try:
            made = place.run("SELECT JSON_OBJECT('b', b'1')")[0][0]
        except FAILURES as error:
            made = f"refused: {error}"
        with capsys.disabled():
            print(f"\nJSON_OBJECT of a BIT: {made!r}")
    with place.captured(f"id bigint PRIMARY KEY, {columns}", capture=Capture.OUTBOX):
        place.run(zone, f"INSERT INTO {TABLE} VALUES (1, {', '.join(value for _, _, value, _ in values)})")
        place.run(f"UPDATE {TABLE} SET flag = NULL")
        found = place.run(
            f"SELECT op, old_image, new_image, omitted FROM rds_lake.outbox WHERE table_name = '{TABLE}' ORDER BY seq"
        )
    told = {"id": "1", **{name: text for name, _, _, text in values}}
    assert [(op, omitted) for op, _, _, omitted in found] == [("I", None), ("U", None)]
    assert json.loads(found[0][2]) == told == json.loads(found[1][1])
    assert json.loads(found[1][2]) == told | {"flag": None}
