"""Typed views beyond the types themselves, which `test_types_postgres.py` and `test_types_mysql.py` go through: what is
lost is counted by column, and `types:` wins."""

from datetime import date
from pathlib import Path

import pytest

from rds_lake.localcloud.databases.mariadb import EmbeddedMariaDb
from rds_lake_tests.support.world import World, execute, execute_mysql, mariadb_cloud

DAY = "2026-11-20"


def test_values_a_view_loses_are_counted_by_column(world: World) -> None:
    execute(world.url, "CREATE TABLE lossy (id integer, d date, n numeric, ok date)")
    execute(
        world.url,
        "INSERT INTO lossy VALUES (1, 'infinity', 'NaN', '2026-01-01'), (2, '2026-01-01', 0.1234567890123456789, NULL), "
        "(3, NULL, 1.50, '2026-01-02')",
    )
    world.snapshot(DAY)
    run = world.run()
    run.accept(date.fromisoformat(DAY), poll_seconds=0.05)
    run.relocate(date.fromisoformat(DAY))
    (lossy,) = [t for t in run.shared.catalogue(date.fromisoformat(DAY)).quality if t.table == "shop.public.lossy"]
    assert dict(lossy.lost) == {"d": 1, "n": 2}


def test_a_type_from_lake_yaml_wins(world: World) -> None:
    world.with_source(types={"shop.public.orders.total": "decimal(12,2)"})
    world.snapshot(DAY)
    world.publish(DAY)
    assert world.query("SELECT total FROM orders WHERE id = 1") == [("1.25",)]


@pytest.mark.exhaustive
def test_a_type_from_lake_yaml_wins_over_mysqls_bits_and_long_decimals(
    mariadb: EmbeddedMariaDb, tmp_path: Path, root: Path
) -> None:
    url = mariadb.create_database("overridden")
    execute_mysql(
        url,
        "CREATE TABLE t (n int, flag bit(1), amount decimal(40, 2), at datetime, weight text)",
        "INSERT INTO t VALUES (1, 1, 12345678901234567890.25, '2026-01-02 03:04:05', '1e400'), (2, 0, NULL, NULL, '2.5'), "
        "(3, NULL, 99999999999999999999999999999999999999.5, '2026-01-02', 'Infinity')",
    )
    types = {"flag": "boolean", "amount": "decimal(38,2)", "at": "date", "weight": "double"}
    with mariadb_cloud(url) as cloud:
        world = World.provisioned(cloud, url=url, directory=tmp_path, root=root)
        world.with_source(
            default_schema="overridden.overridden",
            types={f"overridden.overridden.t.{column}": kind for column, kind in types.items()},
        )
        world.snapshot(DAY)
        world.publish(DAY)
        assert world.query("SELECT flag, amount, at, weight FROM t ORDER BY n") == [
            ("true", "12345678901234567890.25", "2026-01-02", "Infinity"),
            ("false", None, None, "2.5"),
            (None, None, "2026-01-02", "Infinity"),
        ]
        (quality,) = world.run().shared.catalogue(date.fromisoformat(DAY)).quality
        assert dict(quality.lost) == {"amount": 1, "at": 1, "weight": 1}
    execute_mysql(url, "DROP DATABASE overridden")


@pytest.mark.exhaustive
def test_columns_called_as_our_own_sql_once_called_its_parts_read_as_what_they_are(
    mariadb: EmbeddedMariaDb, tmp_path: Path, root: Path
) -> None:
    url = mariadb.create_database("named")
    names = ["rds_lake_s", "rds_lake_n", "rds_lake_e", "row_count", "lost_0", "x", "bit_sum", "digits"]
    execute_mysql(
        url,
        f"CREATE TABLE t ({', '.join(f'{name} bit(12)' for name in names)}, wide bit(64), row_day date)",
        f"INSERT INTO t VALUES ({', '.join(str(100 + at) for at in range(len(names)))}, 18446744073709551615, '0000-00-00')",
    )
    with mariadb_cloud(url) as cloud:
        world = World.provisioned(cloud, url=url, directory=tmp_path, root=root)
        world.with_source(default_schema="named.named")
        world.snapshot(DAY)
        world.publish(DAY)
        (row,) = world.query(f"SELECT {', '.join(names)}, wide FROM t")
        assert row == (*(str(100 + at) for at in range(len(names))), "18446744073709551615")
        (quality,) = world.run().shared.catalogue(date.fromisoformat(DAY)).quality
        assert (quality.rows_read, dict(quality.lost)) == (1, {"row_day": 1})
    execute_mysql(url, "DROP DATABASE named")


@pytest.mark.exhaustive
def test_array_columns_may_have_any_name(world: World) -> None:
    execute(world.url, "CREATE TABLE arrays (rds_lake_e text[], element text[], lost_0 date, row_count int[])")
    execute(world.url, "INSERT INTO arrays VALUES ('{a,\"b c\"}', '{NULL}', '2026-01-01', '{1,2}')")
    world.snapshot(DAY)
    world.publish(DAY)
    assert world.query("SELECT rds_lake_e, element, lost_0, row_count FROM arrays") == [
        ("[a, b c]", "[null]", "2026-01-01", "[1, 2]")
    ]
