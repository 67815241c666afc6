"""The text that a change has for each type is the documented one, whatever the writer's session is set to."""

import json

import pytest

from rds_lake.model.streams.event import Op
from rds_lake_tests.database.capture.mysql.lab import Lab, in_order
from rds_lake_tests.database.capture.mysql.strategies import SETTINGS

# Type, value in SQL, text. The columns are named a, b, c, …
TEXTS = [
    ("int(8) zerofill", "7", "7"),
    ("bigint unsigned", "18446744073709551615", "18446744073709551615"),
    ("year", "'0000'", "0"),
    ("decimal(38,10)", "1234567890123456789012345678.0123456789", "1234567890123456789012345678.0123456789"),
    ("decimal(8,2) zerofill", "1.5", "1.50"),
    ("float", "0.1", "0.10000000149011612"),
    ("float(7,2)", "0.1", "0.10000000149011612"),
    ("double", "0.1", "0.1"),
    ("double(10,4)", "123456.78905", "123456.7891"),
    ("bit(1)", "1", "1"),
    ("bit(64)", "b'1000000000000000000000000000000000000000000000000000000000000001'", "9223372036854775809"),
    ("char(5) CHARACTER SET latin1", "'ab  '", "ab"),
    ("varchar(9) CHARACTER SET latin1", "_latin1 x'80e4'", "€ä"),
    ("text", "_utf8mb4 x'225C270A00'", "\"\\'\n\x00"),
    ("enum('x','ü')", "2", "ü"),
    ("set('x','y')", "3", "x,y"),
    ("json", "'{\"b\": 1.10}'", '{"b": 1.10}'),
    ("date", "20260228", "2026-02-28"),
    ("time(2)", "'-838:59:59.5'", "-838:59:59.50"),
    ("datetime(3)", "'2026-03-29 02:30:00.5'", "2026-03-29 02:30:00.500"),
    ("timestamp(6) NULL", "FROM_UNIXTIME(1774731600.123456)", "2026-03-28 21:00:00.123456"),
    ("timestamp NULL", "FROM_UNIXTIME(1774731600)", "2026-03-28 21:00:00"),
    ("binary(4)", "x'41'", "41000000"),
    ("varbinary(4)", "x'00ff'", "00FF"),
    ("blob", "x'0a'", "0A"),
    ("point", "ST_PointFromText('POINT(1 2)', 4326)", "E61000000101000000000000000000F03F0000000000000040"),
    ("inet6", "'::1'", "::1"),
]
NAMES = [f"c{at}" for at in range(len(TEXTS))]


def test_a_change_has_the_documented_text_under_every_setting_of_a_session(lab: Lab) -> None:
    columns = ", ".join(f"{name} {kind}" for name, (kind, *_) in zip(NAMES, TEXTS, strict=True))
    lab.run(f"CREATE TABLE t (id int PRIMARY KEY AUTO_INCREMENT, {columns})")
    lab.capture("t")
    values = ", ".join(value for _, value, _ in TEXTS)
    statement = f"INSERT INTO t ({', '.join(NAMES)}) VALUES ({values})"
    hostile = [*SETTINGS, "SET NAMES latin1", "SET character_set_client = sjis"]
    for setting in hostile:
        with lab.session(setting) as writer:
            writer.execute(statement)
            writer.connection.commit()
    images = lab.images("t")
    assert len(images) == len(hostile)
    for setting, image in zip(hostile, images, strict=True):
        assert image is not None
        assert [image[name] for name in NAMES] == [text for *_, text in TEXTS], setting
    assert in_order(lab.replayed("t", ["id"])) == in_order(lab.exported("t"))


@pytest.mark.exhaustive
def test_dates_that_are_none_are_texts_too_and_null_stays_null(lab: Lab) -> None:
    lab.run(
        "CREATE TABLE t (id int PRIMARY KEY, d date, dt datetime, ts timestamp NULL, ts6 timestamp(6) NULL)",
        "CREATE TABLE z (id int PRIMARY KEY, ts timestamp NOT NULL DEFAULT 0)",
    )
    lab.capture("t", "z")
    lab.run(
        "INSERT INTO t VALUES (1, 0, 0, 0, 0), (2, '2026-00-31', '2026-00-31', NULL, NULL)",
        "INSERT INTO z VALUES (1, 0)",
        "UPDATE t SET ts = NULL WHERE id = 1",
    )
    assert [list(image.values()) for image in lab.images("t") if image] == [
        ["1", "0000-00-00", "0000-00-00 00:00:00", "0000-00-00 00:00:00", "0000-00-00 00:00:00.000000"],
        ["2", "2026-00-31", "2026-00-31 00:00:00", None, None],
        ["1", "0000-00-00", "0000-00-00 00:00:00", None, "0000-00-00 00:00:00.000000"],
    ]
    assert lab.images("z") == [{"id": "1", "ts": "0000-00-00 00:00:00"}]


@pytest.fixture
def berlin(lab: Lab) -> str:
    """A time zone of the server in which 2026-10-25 has two hours from two to three o'clock."""
    lab.run(
        "USE mysql",
        "INSERT INTO time_zone VALUES (77, 'N')",
        "INSERT INTO time_zone_name VALUES ('Test/Berlin', 77)",
        "INSERT INTO time_zone_transition_type VALUES (77, 0, 3600, 0, 'CET'), (77, 1, 7200, 1, 'CEST')",
        "INSERT INTO time_zone_transition VALUES (77, 0, 0), (77, 1774746000, 1), (77, 1792890000, 0)",
    )
    return "SET time_zone = 'Test/Berlin'"


@pytest.mark.exhaustive
def test_the_two_hours_of_one_name_in_autumn_are_two_times(lab: Lab, berlin: str) -> None:
    lab.run("CREATE TABLE t (id int PRIMARY KEY, ts timestamp)", "CREATE TABLE later (ts timestamp)")
    lab.capture("t")
    lab.run("INSERT INTO t VALUES (1, '2026-10-25 00:30:00')", "INSERT INTO later VALUES ('2026-10-25 01:30:00')")
    with lab.session(berlin) as writer:
        # Half past two becomes half past two, an hour later.
        writer.execute("UPDATE t, later SET t.ts = later.ts")
        writer.execute("SELECT CAST(ts AS CHAR) FROM t")
        assert writer.fetchall() == (("2026-10-25 02:30:00",),)
    assert [event.new["ts"] for event in lab.events("t") if event.new] == ["2026-10-25 00:30:00", "2026-10-25 01:30:00"]


@pytest.mark.parametrize(
    ("kind", "before", "after"),
    [
        ("varchar(9) COLLATE utf8mb4_general_ci", "'Foo'", "'foo'"),
        ("varchar(9) COLLATE utf8mb4_general_ci", "'foo'", "'foo '"),
        ("text COLLATE utf8mb4_unicode_ci", "'u'", "'ü'"),
        ("float", "16777215", "16777216"),
        ("double", "0.1", "0.1 + 1e-17"),
        ("decimal(30,20)", "0.00000000000000000001", "0.00000000000000000002"),
        ("varbinary(9)", "x'61'", "x'6120'"),
        ("enum('a','A') COLLATE utf8mb4_bin", "'a'", "'A'"),
        ("bit(64)", "0", "b'1000000000000000000000000000000000000000000000000000000000000000'"),
        ("timestamp NULL", "0", "NULL"),
        ("point", "POINT(1, 2)", "POINT(1, 3)"),
    ],
)
def test_a_change_that_a_comparison_would_overlook_is_one(lab: Lab, kind: str, before: str, after: str) -> None:
    lab.run("SET NAMES utf8mb4", f"CREATE TABLE t (id int PRIMARY KEY, v {kind}) CHARSET utf8mb4")
    lab.capture("t")
    lab.run(
        "SET NAMES utf8mb4", f"INSERT INTO t VALUES (1, {before})", f"UPDATE t SET v = {after}", "UPDATE t SET v = v"
    )
    first, *others = lab.events("t")
    assert [event.op for event in others] == [Op.UPDATE]
    assert others[0].old == first.new


@pytest.mark.exhaustive
def test_a_text_that_the_server_takes_for_json_stays_text(lab: Lab) -> None:
    lab.run("CREATE TABLE t (id int PRIMARY KEY, v varchar(40) CHECK (JSON_VALID(v)))")
    lab.capture("t")
    lab.run("INSERT INTO t VALUES (1, '{\"b\": 1.10}')")
    assert lab.images("t") == [{"id": "1", "v": '{"b": 1.10}'}]


@pytest.mark.exhaustive
def test_values_that_change_places_are_a_change(lab: Lab) -> None:
    lab.run("CREATE TABLE t (id int PRIMARY KEY, a int, b int)")
    lab.capture("t")
    lab.run("INSERT INTO t VALUES (1, 1, NULL)", "UPDATE t SET a = NULL, b = 1")
    assert lab.images("t")[-1] == {"id": "1", "a": None, "b": "1"}


@pytest.mark.exhaustive
def test_replacing_is_a_deletion_and_an_insertion_and_updating_a_duplicate_is_an_update(lab: Lab) -> None:
    lab.run("CREATE TABLE t (id int PRIMARY KEY, v int, UNIQUE (v))")
    lab.capture("t")
    lab.run("INSERT INTO t VALUES (1, 1), (2, 2)", "REPLACE INTO t VALUES (1, 2)")
    lab.run("INSERT INTO t VALUES (1, 5) ON DUPLICATE KEY UPDATE v = 7", "UPDATE t SET id = 9")
    ops = "".join(event.op for event in lab.events("t")[2:])
    assert sorted(ops[:3]) == ["D", "D", "I"] or sorted(ops[:3]) == ["D", "I", "U"]
    assert ops[3:] == "UU"
    assert lab.replayed("t", ["id"]) == lab.exported("t") == [{"id": 9, "v": 7}]


@pytest.mark.exhaustive
def test_generated_and_invisible_columns_are_in_an_image(lab: Lab) -> None:
    lab.run(
        "CREATE TABLE t (id int PRIMARY KEY, a int, b int AS (a + 1) VIRTUAL, c int AS (a + 2) STORED, d int INVISIBLE)"
    )
    lab.capture("t")
    lab.run("INSERT INTO t (id, a) VALUES (1, 1)", "UPDATE t SET a = 5", "DELETE FROM t")
    made = {"id": "1", "a": "5", "b": "6", "c": "7", "d": None}
    assert lab.images("t") == [made | {"a": "1", "b": "2", "c": "3"}, made, None]
    assert lab.events("t")[-1].old == made


def test_every_character_comes_through(lab: Lab) -> None:
    lab.run("CREATE TABLE t (id int PRIMARY KEY, v longtext CHARACTER SET utf8mb4)")
    lab.capture("t")
    text = "".join(map(chr, (*range(0xD800), *range(0xE000, 0x11000), *range(0x1F000, 0x1F800), 0x10FFFF)))
    with lab.session() as writer:
        writer.execute("INSERT INTO t VALUES (1, %s)", (text,))
    (image,) = lab.images("t")
    assert image is not None
    assert image["v"] == text
    assert json.loads(json.dumps(image)) == image
