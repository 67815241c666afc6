"""Every PostgreSQL type from the database through export, Parquet, Glue and the typed view (aws-facts 2.2, traps T24)."""

from datetime import date

from rds_lake_tests.world import World, execute

DAY = "2026-11-20"

# column type, values in the database, what the view shows (None: documented degradation to NULL or NULL itself)
CASES: list[tuple[str, list[tuple[str, str | None]]]] = [
    ("bigint", [("-9223372036854775808", "-9223372036854775808"), ("NULL", None)]),
    ("integer", [("2147483647", "2147483647"), ("NULL", None)]),
    ("smallint", [("-32768", "-32768"), ("NULL", None)]),
    ("double precision", [("1e308", "1.0E308"), ("'NaN'", "NaN"), ("'-Infinity'", "-Infinity"), ("NULL", None)]),
    ("real", [("0.5", "0.5"), ("'Infinity'", "Infinity")]),
    ("boolean", [("true", "true"), ("false", "false"), ("NULL", None)]),
    ("bytea", [("'\\x00ff'", "00 ff"), ("''", ""), ("NULL", None)]),
    ("numeric(12,2)", [("9999999999.99", "9999999999.990000000000"), ("'NaN'", None), ("NULL", None)]),
    ("numeric(19,19)", [("0.1234567890123456789", "0.1234567890123456789")]),
    ("numeric", [("1.5", "1.500000000000000000"), ("1e30", None), ("NULL", None)]),
    ("date", [("'2026-02-28'", "2026-02-28"), ("'infinity'", None), ("'0044-03-15 BC'", None), ("NULL", None)]),
    (
        "timestamp",
        [
            ("'2026-01-02 03:04:05.6789'", "2026-01-02 03:04:05.679"),
            ("'-infinity'", None),
            ("'2026-01-02'", "2026-01-02 00:00:00.000"),
        ],
    ),
    (
        "timestamptz",
        [("'2026-01-02 03:04:05.123+05:30'", "2026-01-01 21:34:05.123"), ("'infinity'", None), ("NULL", None)],
    ),
    ("time", [("'23:59:59.5'", "23:59:59.5")]),
    ("timetz", [("'23:59:59+02'", "23:59:59+02")]),
    ("interval", [("'1 day 2 hours'", "1 day 02:00:00")]),
    ("money", [("1234.5::numeric", "$1,234.50")]),
    ("uuid", [("'a9f7e979-65d6-cf79-9a52-9102a973b8b9'", "a9f7e979-65d6-cf79-9a52-9102a973b8b9")]),
    ("json", [("'{\"a\": [1, null]}'", '{"a": [1, null]}')]),
    ("jsonb", [("'{\"b\":1}'", '{"b": 1}')]),
    (
        "integer[]",
        [("'{1,NULL,3}'", "[1, null, 3]"), ("'{}'", "[]"), ("'{{1,2},{3,4}}'", None), ("'[2:3]={1,2}'", None)],
    ),
    (
        "text[]",
        [("ARRAY['a,b', 'say \"hi\"', 'back\\slash', 'NULL', '', NULL]", '[a,b, say "hi", back\\slash, NULL, , null]')],
    ),
    ("char(4)", [("'ab'", "ab")]),  # PostgreSQL drops the padding in any conversion to text
    ("varchar(10)", [("'größe'", "größe")]),
    ("text", [("E'line\\nbreak, \"quoted\"'", 'line\nbreak, "quoted"'), ("''", "")]),
    ("bit(4)", [("B'0101'", "0101")]),
    ("inet", [("'10.0.0.1/8'", "10.0.0.1/8")]),
    ("daterange", [("'[2026-01-01,2026-02-01)'", "[2026-01-01,2026-02-01)"), ("'empty'", "empty")]),
    ("point", [("'(1,2)'", "(1,2)")]),
    ("mood", [("'sad'", "sad"), ("NULL", None)]),
]


def test_every_type_reads_as_in_the_database_or_as_documented(world: World) -> None:
    execute(world.url, "DROP TYPE IF EXISTS mood CASCADE; CREATE TYPE mood AS ENUM ('happy', 'sad')")
    for number, (kind, values) in enumerate(CASES):
        rows = ", ".join(f"({row}, ({value})::{kind})" for row, (value, _) in enumerate(values))
        execute(world.url, f"CREATE TABLE t{number} (row integer, v {kind}); INSERT INTO t{number} VALUES {rows}")
    world.snapshot(DAY)
    world.publish(DAY)
    wrong = []
    for number, (kind, values) in enumerate(CASES):
        read = [row[0] for row in world.query(f"SELECT v FROM t{number} ORDER BY row")]
        expected = [shown for _, shown in values]
        if read != expected:
            wrong.append(f"{kind}: {read} instead of {expected}")
    assert not wrong, "\n".join(wrong)


def test_values_a_view_loses_are_counted_by_column(world: World) -> None:
    execute(world.url, "CREATE TABLE lossy (id integer, d date, n numeric, ok date)")
    execute(
        world.url,
        "INSERT INTO lossy VALUES (1, 'infinity', 'NaN', '2026-01-01'), (2, '2026-01-01', 0.1234567890123456789, NULL), "
        "(3, NULL, 1.50, '2026-01-02')",
    )
    world.snapshot(DAY)
    run = world.run()
    run.accept(date.fromisoformat(DAY), poll_seconds=0.02)
    run.relocate(date.fromisoformat(DAY))
    (lossy,) = [t for t in run.catalogue(date.fromisoformat(DAY)).quality if t.table == "shop.public.lossy"]
    assert dict(lossy.lost) == {"d": 1, "n": 2}


def test_a_type_from_lake_yaml_wins(world: World) -> None:
    world.with_source(types={"shop.public.orders.total": "decimal(12,2)"})
    world.snapshot(DAY)
    world.publish(DAY)
    assert world.query("SELECT total FROM orders WHERE id = 1") == [("1.25",)]
