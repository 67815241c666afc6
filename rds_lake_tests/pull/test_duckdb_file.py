"""`rds-lake pull --to shop.duckdb`: tables of a real lake in a DuckDB file, whole or not at all."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from rds_lake.errors import UnavailableError
from rds_lake.localcloud.cloud import LocalCloud
from rds_lake.pull import fetch
from rds_lake_tests.pull.pulling import DAY, Pull, pull_as_pipeline, rows_in, said, settings, two_dates
from rds_lake_tests.support.world import World

_TABLES = """
CREATE TABLE "group" (id integer, "user" text, big numeric);
INSERT INTO "group" VALUES (1, 'a', 1.5), (2, 'b', 'NaN'), (3, NULL, 1e30);
CREATE TABLE twice (id integer, v text);
INSERT INTO twice VALUES (1, 'x'), (1, 'y'), (NULL, 'z');
"""


@pytest.fixture(scope="module")
def lake(session_cloud: LocalCloud, tiny_url: str, tmp_path_factory: pytest.TempPathFactory, root: Path) -> World:
    """A lake of two dates, the later one published."""
    directory = tmp_path_factory.mktemp("lake")
    return two_dates(session_cloud, tiny_url, tables=_TABLES, directory=directory, root=root)


@pytest.fixture
def pull(lake: World, monkeypatch: pytest.MonkeyPatch) -> Pull:
    """The command, with keys of two tables."""
    return pull_as_pipeline(lake, monkeypatch, keys={"orders": ["id"], "shop.public.Order Details": ["OrderID"]})


def test_a_date_is_in_the_file_with_its_types_values_and_keys(pull: Pull, tmp_path: Path) -> None:
    path = tmp_path / "shop.duckdb"
    done = pull(path, "--date", DAY)
    assert done.exit_code == 0, done.output
    assert "5 tables, 36 rows of shop 2026-11-20 pulled into" in said(done)
    assert "group.big is VARCHAR: at least one value does not fit a better type" in said(done)
    assert rows_in(path, "SELECT id, total, placed_at, tags FROM orders WHERE id IN (1, 2) ORDER BY id") == [
        (1, Decimal("1.25"), datetime(2026, 1, 1, 13, tzinfo=UTC), None),
        (2, Decimal("2.25"), datetime(2026, 1, 1, 14, tzinfo=UTC), ["a", 'b,"c"', None]),
    ]
    assert rows_in(path, 'SELECT "user", big FROM "group" ORDER BY id') == [
        ("a", "1.5"),
        ("b", "NaN"),
        (None, "1" + "0" * 30),
    ]
    assert rows_in(path, 'SELECT count(*), max(orderid), min("select") FROM order_details') == [(20, 20, "line 1")]
    assert rows_in(path, "SELECT * FROM sales_nothing") == []
    keys = "SELECT table_name, constraint_column_names FROM duckdb_constraints() WHERE constraint_type = 'PRIMARY KEY'"
    assert sorted(rows_in(path, f"{keys} AND table_name NOT LIKE '\\_%' ESCAPE '\\'")) == [
        ("order_details", ["orderid"]),
        ("orders", ["id"]),
    ]
    assert not list(tmp_path.glob("*.partial*"))
    assert list(Path(path).parent.glob("rds-lake-pull-*")) == []


def test_a_pull_that_was_interrupted_goes_on_and_nothing_passes_for_whole_before(
    pull: Pull, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "shop.duckdb"
    fetched = fetch._fetch
    calls: list[str] = []

    def breaking(s3: object, bucket: str, file: fetch.DataFile, target: Path) -> Path:
        calls.append(file.key)
        if len(calls) == 3:
            raise UnavailableError("the connection is gone")
        return fetched(s3, bucket, file, target)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(fetch, "_fetch", breaking)
        first = pull(path, "--date", DAY, "--parallel", "1")
    assert first.exit_code == 1
    assert "the connection is gone" in said(first)
    assert not path.exists()
    whole = {name for (name,) in rows_in(tmp_path / "shop.duckdb.partial", "SELECT view FROM _rds_lake_pull")}
    assert 0 < len(whole) < 5
    again = pull(path, "--date", DAY)
    assert again.exit_code == 0, again.output
    assert f"{5 - len(whole)} tables" in said(again)
    assert f"{len(whole)} existed already" in said(again)
    assert rows_in(path, "SELECT count(*) FROM orders") == [(10,)]
    assert "0 tables, 0 rows of shop 2026-11-20" in said(pull(path, "--date", DAY)), "nothing is left to do"


@pytest.mark.exhaustive
def test_a_key_that_rows_do_not_have_is_said_and_the_other_tables_stay(pull: Pull, tmp_path: Path, lake: World) -> None:
    settings(lake, keys={"twice": ["id"], "orders": ["id"]})
    path = tmp_path / "shop.duckdb"
    done = pull(path, "--date", DAY)
    assert done.exit_code == 1
    assert "4 of 5 tables of shop 2026-11-20 are complete and kept; these failed:" in said(done)
    assert "twice: (id) cannot be the primary key" in said(done)
    assert not path.exists()
    assert pull(path, "--date", DAY, "--no-keys").exit_code == 0
    assert rows_in(path, "SELECT count(*) FROM twice") == [(3,)]


@pytest.mark.exhaustive
def test_a_newer_date_takes_the_place_of_an_older_but_never_of_what_others_made(
    pull: Pull, tmp_path: Path, lake: World
) -> None:
    path = tmp_path / "shop.duckdb"
    assert pull(path, "--date", DAY, "--tables", "orders,shop.public.twice").exit_code == 0
    assert rows_in(path, "SELECT count(*) FROM information_schema.tables") == [(3,)]
    assert pull(path, "--date", DAY, "--except", "orders").exit_code == 0, "the same date: the others come to it"
    assert rows_in(path, "SELECT count(*) FROM information_schema.tables") == [(6,)]
    assert pull(path, "--tables", "orders").exit_code == 0, "the published date is a later one"
    assert rows_in(path, "SELECT (SELECT count(*) FROM orders), snapshot_date::VARCHAR FROM _rds_lake_pull") == [
        (4, "2026-11-21")
    ]
    assert pull(path, "--date", DAY, "--tables", "orders").exit_code == 0
    with duckdb.connect(str(path)) as mine:
        mine.execute("CREATE TABLE notes AS SELECT 1 AS n")
    refused = pull(path)
    assert refused.exit_code == 1
    assert "also has tables that no pull made (notes)" in said(refused)
    assert rows_in(path, "SELECT count(*) FROM notes") == [(1,)]
    assert pull(path, "--replace").exit_code == 0


@pytest.mark.exhaustive
def test_a_table_that_a_person_dropped_is_pulled_again(pull: Pull, tmp_path: Path) -> None:
    path = tmp_path / "shop.duckdb"
    assert pull(path, "--date", DAY).exit_code == 0
    with duckdb.connect(str(path)) as connection:
        connection.execute("DROP TABLE orders")
    again = pull(path, "--date", DAY)
    assert again.exit_code == 0, again.output
    assert rows_in(path, "SELECT count(*) FROM orders") == [(10,)]
    assert "4 existed already" in said(again)


def test_what_cannot_be_pulled_is_refused_before_anything_is_written(pull: Pull, tmp_path: Path) -> None:
    path = tmp_path / "shop.duckdb"
    path.write_text("my letters", encoding="utf-8")
    assert "is not a DuckDB file that this version can read" in said(pull(path))
    assert path.read_text(encoding="utf-8") == "my letters"
    other = tmp_path / "other.duckdb"
    with duckdb.connect(str(other)) as mine:
        mine.execute("CREATE TABLE t (n integer)")
    assert "was not made by rds-lake pull" in said(pull(other))
    unknown = pull(tmp_path / "a.duckdb", "--tables", "ordres", "--except", "shop.public.nope", "--date", DAY)
    assert (
        "it has group, order_details, orders, sales_nothing, twice. Nothing was pulled: - ordres - shop.public.nope"
        in said(unknown)
    )
    assert "shop has no 2020-01-01 to read; it has 2026-11-21, 2026-11-20" in said(
        pull(tmp_path / "a.duckdb", "--date", "2020-01-01")
    )
    assert "postgresql:// URL" in said(pull("mysql://someone:s3cret@db/shop"))
    assert "s3cret" not in said(pull("mysql://someone:s3cret@db/shop"))
    assert sorted(file.name for file in tmp_path.iterdir() if "duckdb" in file.name) == ["other.duckdb", "shop.duckdb"]


@pytest.mark.exhaustive
def test_a_missing_package_is_named_with_the_extra_that_has_it(
    pull: Pull, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "duckdb" else object())
    assert "this command needs duckdb: pip install 'rds-lake[pull]'" in said(pull(tmp_path / "a.duckdb"))
