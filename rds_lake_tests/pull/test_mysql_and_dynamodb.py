"""Tables of MySQL and DynamoDB, pulled into PostgreSQL and into a DuckDB file."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml

from rds_lake.localcloud.databases.embedded import EmbeddedPostgres
from rds_lake.localcloud.databases.mariadb import EmbeddedMariaDb
from rds_lake_tests.pull.pulling import DAY, pull_of, rows_in
from rds_lake_tests.support.world import World, execute_mysql, mariadb_cloud

_REVIEWS: tuple[dict[str, Any], ...] = (
    {
        "id": {"S": "r1"},
        "price": {"N": "12345678901234567890.12"},
        "tags": {"L": [{"S": "new"}, {"S": "hot"}]},
        "author": {"M": {"name": {"S": "Ada"}, "city": {"S": "London"}}},
    },
    {"id": {"S": "r2"}, "price": {"N": "0.5"}, "author": {"M": {"name": {"S": "Bob"}}}},
)
_MYSQL = (
    "SET sql_mode = ''",
    "SET time_zone = '+00:00'",
    "CREATE TABLE t (id int, flags bit(12) NULL, wide bit(64) NULL, big bigint unsigned NULL, money decimal(65,30) NULL, "
    "day date NULL, span time(6) NULL, at datetime(6) NULL, body longtext NULL, zero text NULL, raw varbinary(9) NULL, f float NULL)",
    "INSERT INTO t VALUES (1, 2730, 18446744073709551615, 18446744073709551615, "
    "12345678901234567890123456789012345.000000000000000000000000000001, "
    "'0000-00-00', '-838:59:59', '2026-01-02 03:04:05.123456', 'tab\\there\\n\\\\N', 'a\\0b', x'00ff', 0.1), "
    "(2, 0, 0, 0, 0, '2026-01-02', '23:59:59.5', '1000-01-01', '', 'plain', '', -3.4e38)",
    "INSERT INTO t (id) VALUES (3)",
)


def test_mysqls_values_are_exact_in_both_targets(
    mariadb: EmbeddedMariaDb,
    postgres: EmbeddedPostgres,
    tmp_path: Path,
    root: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url, back = mariadb.create_database("shop"), postgres.create_database("from_mysql")
    execute_mysql(url, *_MYSQL)
    with mariadb_cloud(url) as cloud:
        world = World.provisioned(cloud, url=url, directory=tmp_path, root=root)
        world.with_source(default_schema="shop.shop")
        world.snapshot(DAY)
        world.publish(DAY)
        world.be_the_process(monkeypatch)
        for target in (back, tmp_path / "shop.duckdb"):
            done = pull_of(world)(target)
            assert done.exit_code == 0, done.output
    execute_mysql(url, "DROP DATABASE shop")
    texts = [
        ("2730", "18446744073709551615", "18446744073709551615"),
        ("0", "0", "0"),
        (None, None, None),
    ]
    money = "12345678901234567890123456789012345.000000000000000000000000000001"
    with psycopg.connect(back) as connection:
        table = connection.execute(
            "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public' AND tablename ~ 't$'"
        )
        (name,) = [row[0] for row in table]
        found = connection.execute(
            f"SELECT flags::text, wide::text, big::text FROM {name} ORDER BY id".encode()
        ).fetchall()
        assert found == texts
        one = connection.execute(
            f"SELECT money::text, day, span, at::text, body, zero, raw, f FROM {name} WHERE id = 1".encode()
        ).fetchone()
    assert one == (
        money,
        "0000-00-00",
        "-838:59:59.000000",
        "2026-01-02 03:04:05.123456",
        "tab\there\n\\N",
        b"a\0b",
        b"\x00\xff",
        0.10000000149011612,
    )
    file = tmp_path / "shop.duckdb"
    assert rows_in(file, f"SELECT flags::VARCHAR, wide::VARCHAR, big::VARCHAR FROM {name} ORDER BY id") == texts
    assert rows_in(file, f'SELECT money, day, span, "at"::VARCHAR, body, zero, raw FROM {name} WHERE id = 1') == [
        (money, "0000-00-00", "-838:59:59.000000", "2026-01-02 03:04:05.123456", "tab\there\n\\N", "a\0b", b"\x00\xff")
    ]


def test_dynamodbs_lists_and_maps_are_json_in_postgresql_and_its_key_is_the_primary_key(
    world: World, postgres: EmbeddedPostgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    day = datetime.now(UTC).date() - timedelta(days=1)
    dynamo = world.of_dynamodb("Reviews")
    dynamo.clock(datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(days=3))
    dynamo.create("Reviews", *_REVIEWS)
    dynamo.clock(None)
    world.publish(day.isoformat())
    path = world.config.directory / "lake.yaml"
    body = yaml.safe_load(path.read_text(encoding="utf-8"))
    body["sources"] = [{"name": "reviews", "kind": "dynamodb", "tables": ["Reviews"]}]
    path.write_text(yaml.safe_dump(body), encoding="utf-8")
    world.be_the_process(monkeypatch)
    back = postgres.create_database("from_dynamodb")
    for target in (back, tmp_path / "reviews.duckdb"):
        done = pull_of(world)(target, source="reviews")
        assert done.exit_code == 0, done.output
    with psycopg.connect(back) as connection:
        found = connection.execute("SELECT id, price::text, tags, author FROM reviews ORDER BY id").fetchall()
        keys = connection.execute("SELECT conname::text FROM pg_constraint WHERE conname = 'reviews_pkey'").fetchall()
    assert found == [
        ("r1", "12345678901234567890.12", ["new", "hot"], {"name": "Ada", "city": "London"}),
        ("r2", "0.50", None, {"name": "Bob", "city": None}),
    ]
    assert keys == [("reviews_pkey",)]
    assert rows_in(tmp_path / "reviews.duckdb", "SELECT id, price, tags, author.name FROM reviews ORDER BY id") == [
        ("r1", Decimal("12345678901234567890.12"), ["new", "hot"], "Ada"),
        ("r2", Decimal("0.50"), None, "Bob"),
    ]
