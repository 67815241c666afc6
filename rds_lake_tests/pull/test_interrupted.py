"""`rds-lake pull` as a real process that Ctrl-C ends, whose disk fills, or that meets another: nothing half passes for whole."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from textwrap import dedent

import psycopg
import pytest

from rds_lake.localcloud.cloud import LocalCloud
from rds_lake.localcloud.databases.embedded import EmbeddedPostgres
from rds_lake_tests.pull.pulling import DAY, Pull, pull_as_pipeline, rows_in, said, two_dates
from rds_lake_tests.support.pipeline_keys import variables_of
from rds_lake_tests.support.world import World, until

_BIG = """
CREATE TABLE no_columns ();
CREATE TABLE big AS SELECT i AS id, md5(i::text) || md5((i + 1)::text) AS v FROM generate_series(1, 60000) i;
"""
# The command, in which a table's key is a statement that never ends; last it says which threads it has.
_ENDLESS = dedent("""
    import sys, threading
    from rds_lake.cli import main
    from rds_lake.pull import duckdb_file

    def endless(self, connection, table):
        print("at work", flush=True)
        connection.execute("SELECT sum(hash(a.range + b.range)) FROM range(100000000) a, range(100000000) b")

    duckdb_file.OpenedFile._add_key = endless
    try:
        main(sys.argv[1:])
    finally:
        # That of the bar on the screen ends by itself in a moment.
        names = [thread.name for thread in threading.enumerate()]
        print("threads:", [name for name in names if name.startswith(("pull", "fetch"))], names)
""")
# A small disk of its own for what runs in it, which nobody else sees; what is left there is copied out at its end.
_SMALL_DISK = dedent("""
    mount -t tmpfs -o size=1500k none "$DISK" || exit 77
    pull() { "$PYTHON" -m rds_lake.cli pull shop --config "$CONFIG" --date "$DAY" "$@" 2>&1; echo "code $?"; }
    head -c 3m /dev/zero > "$DISK/full" 2>/dev/null
    echo "# no byte"; pull --to "$DISK/shop.duckdb"
    rm "$DISK/full"
    echo "# too little"; pull --to "$DISK/shop.duckdb" --parallel 1
    echo "# left"; ls "$DISK"
    mount -o remount,size=64m "$DISK"
    echo "# enough"; pull --to "$DISK/shop.duckdb"
    echo "# left"; ls "$DISK"
    cp "$DISK/shop.duckdb" "$OUT";
    head -c 64m /dev/zero > "$DISK/full" 2>/dev/null
    echo "# no scratch"; pull --to "$OUT/another.duckdb" --scratch "$DISK"
    echo "# left"; ls "$DISK"
""")


@pytest.fixture(scope="module")
def lake(session_cloud: LocalCloud, tiny_url: str, tmp_path_factory: pytest.TempPathFactory, root: Path) -> World:
    """A lake of two dates, the later one published."""
    directory = tmp_path_factory.mktemp("lake")
    return two_dates(session_cloud, tiny_url, tables=_BIG, directory=directory, root=root)


@pytest.fixture
def pull(lake: World, monkeypatch: pytest.MonkeyPatch) -> Pull:
    return pull_as_pipeline(lake, monkeypatch, keys={"orders": ["id"]})


@pytest.fixture
def target(postgres: EmbeddedPostgres) -> str:
    """An empty database."""
    return postgres.create_database("interrupted")


@contextmanager
def running(world: World, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A process of the pipeline, killed at the end where it is still there."""
    environment = {**os.environ, **variables_of(world.cloud.url), "COLUMNS": "200"}
    with subprocess.Popen(
        [sys.executable, *arguments], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def options(world: World, *more: str) -> tuple[str, ...]:
    return ("pull", "shop", "--config", str(world.config.directory / "lake.yaml"), *more)


def ended_by_ctrl_c(process: subprocess.Popen[str]) -> str:
    """What the process printed until its end, within seconds."""
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 1, err
    assert "Aborted!" in err
    assert "Traceback" not in err
    return out


def sessions(url: str) -> int:
    with psycopg.connect(url) as connection:
        (count,) = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'rds-lake pull' AND datname = current_database()"
        ).fetchone() or (0,)
    return count


def test_ctrl_c_in_a_statement_of_duckdb_ends_the_pull_and_the_next_goes_on(
    pull: Pull, lake: World, tmp_path: Path
) -> None:
    path = tmp_path / "shop.duckdb"
    arguments = options(lake, "--to", str(path), "--date", DAY, "--parallel", "1")
    with running(lake, "-c", _ENDLESS, *arguments) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "at work\n"
        partial = tmp_path / "shop.duckdb.partial"
        refused = pull(path, "--date", DAY)
        assert f"another rds-lake pull is writing to {path}; wait until it ends, then repeat the command" in said(
            refused
        )
        assert "another rds-lake pull is writing to" in said(pull(path, "--date", DAY, "--replace"))
        assert "threads: []" in ended_by_ctrl_c(process)
    assert not path.exists()
    assert [file.name for file in tmp_path.iterdir() if not file.name.endswith(".wal")] == [partial.name]
    whole = {name for (name,) in rows_in(partial, "SELECT view FROM _rds_lake_pull")}
    assert "orders" not in whole
    assert "big" in whole, "the biggest comes first"
    assert whole == {name for (name,) in rows_in(partial, "SHOW TABLES")} - {"_rds_lake_pull"}
    done = pull(path, "--date", DAY)
    assert done.exit_code == 0, done.output
    assert f"{len(whole)} existed already" in said(done)
    assert rows_in(path, "SELECT (SELECT count(*) FROM orders), count(*), count(DISTINCT v) FROM big") == [
        (10, 60000, 60000)
    ]
    assert [file.name for file in tmp_path.iterdir()] == ["shop.duckdb"]


@pytest.mark.exhaustive
def test_ctrl_c_in_a_statement_of_postgresql_ends_the_pull_its_connections_and_the_next_goes_on(
    pull: Pull, lake: World, target: str
) -> None:
    assert pull(target, "--date", DAY, "--tables", "orders").exit_code == 0
    with psycopg.connect(target) as reader:
        reader.execute("SELECT count(*) FROM orders")  # who reads it keeps it from being replaced
        with running(lake, "-m", "rds_lake.cli", *options(lake, "--to", target)) as process:
            waiting = (
                "SELECT 1 FROM pg_stat_activity WHERE application_name = 'rds-lake pull' AND wait_event_type = 'Lock'"
            )
            with psycopg.connect(target, autocommit=True) as other:
                until(lambda: other.execute(waiting).fetchone(), what="the wait for the reader")
                both = "SELECT pg_sleep(0) FROM pg_stat_activity WHERE application_name = 'rds-lake pull'"
                assert other.execute(both).fetchall()
            assert "another rds-lake pull is writing to the schema public" in said(pull(target))
            ended_by_ctrl_c(process)
        until(lambda: sessions(target) == 0, what="the end of all connections")
    with psycopg.connect(target) as connection:
        assert connection.execute("SELECT count(*) FROM orders").fetchall() == [(10,)]
        whole = {name for (name,) in connection.execute("SELECT view_name FROM _rds_lake_pull")}
        there = connection.execute("SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'")
        assert {name for (name,) in there} == {*whole, "_rds_lake_pull"}
    done = pull(target)
    assert done.exit_code == 0, done.output
    with psycopg.connect(target) as connection:
        assert connection.execute("SELECT count(*) FROM orders").fetchall() == [(4,)]
        assert connection.execute("SELECT count(*), count(DISTINCT v) FROM big").fetchall() == [(60000, 60000)]


@pytest.mark.exhaustive
def test_a_full_disk_is_said_with_the_file_nothing_half_passes_for_whole_and_with_space_the_pull_goes_on(
    pull: Pull, lake: World, tmp_path: Path
) -> None:
    disk, out = tmp_path / "disk", tmp_path / "out"
    disk.mkdir()
    out.mkdir()
    variables = {"DISK": disk, "OUT": out, "DAY": DAY, "PYTHON": sys.executable, "COLUMNS": "200"}
    variables["CONFIG"] = lake.config.directory / "lake.yaml"
    done = subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", _SMALL_DISK],
        env={**os.environ, **variables_of(lake.cloud.url), **{name: str(value) for name, value in variables.items()}},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if done.returncode == 77 or "unshare" in done.stderr:
        pytest.skip("needs a system in which a user may mount a disk of his own (unshare --user --mount)")
    parts = [part.split("\n", 1) for part in done.stdout.split("# ")[1:]]
    (_, none), (_, little), (_, left), (_, enough), (_, whole), *rest = [
        (name, " ".join(text.split())) for name, text in parts
    ]
    assert "Traceback" not in done.stdout
    for said_so in (none, little):
        assert f"{disk}/shop.duckdb.partial" in said_so
        assert "No space left on device; free some space and repeat" in said_so
        assert said_so.endswith("code 1")
    assert "shop.duckdb.partial" in left.split()
    assert "shop.duckdb" not in left.split()
    assert enough.endswith("code 0")
    assert whole == "shop.duckdb"
    assert rows_in(out / "shop.duckdb", "SELECT count(*), count(DISTINCT v), max(id) FROM big") == [
        (60000, 60000, 60000)
    ]
    assert rows_in(out / "shop.duckdb", "SELECT (SELECT count(*) FROM orders), count(*) FROM order_details") == [
        (10, 20)
    ]
    (_, no_scratch), (_, last) = rest
    assert "No space left on device; free some space and repeat" in no_scratch
    assert f"{disk}/rds-lake-pull-" in no_scratch
    assert last == "full shop.duckdb"
    assert not (out / "another.duckdb").exists()


@pytest.mark.exhaustive
def test_a_file_that_was_left_before_anything_was_in_it_is_begun_anew(pull: Pull, tmp_path: Path) -> None:
    path = tmp_path / "shop.duckdb"
    for left in (b"", b"\0" * 4_096):
        (tmp_path / "shop.duckdb.partial").write_bytes(left)
        (tmp_path / "shop.duckdb.partial.lock").write_bytes(b"")  # of a pull that was killed
        assert pull(path, "--date", DAY, "--tables", "orders", "--replace").exit_code == 0
        path.unlink()
        (tmp_path / "shop.duckdb.partial").write_bytes(left)
        done = pull(path, "--date", DAY, "--tables", "orders")
        assert done.exit_code == 0, done.output
    assert [file.name for file in tmp_path.iterdir()] == ["shop.duckdb"]


@pytest.mark.exhaustive
def test_what_a_killed_process_wrote_to_the_file_before_does_not_come_into_the_new_one(
    pull: Pull, tmp_path: Path
) -> None:
    path = tmp_path / "shop.duckdb"
    assert pull(path, "--date", DAY, "--tables", "orders").exit_code == 0
    killed = (
        f"import duckdb, os; c = duckdb.connect({str(path)!r}); c.execute(\"SET checkpoint_threshold = '1TB'\"); "
        "c.execute('DELETE FROM orders WHERE id > 2'); os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", killed], timeout=60, check=False).returncode == 9
    assert (tmp_path / "shop.duckdb.wal").exists()
    assert pull(path, "--tables", "orders").exit_code == 0, "the published date is a later one"
    assert rows_in(path, "SELECT max(id), count(*) FROM orders") == [(4, 4)]
    assert [file.name for file in tmp_path.iterdir()] == ["shop.duckdb"]


@pytest.mark.exhaustive
def test_of_pulls_at_once_one_writes_and_the_file_is_whole_whatever_the_others_are_told(
    pull: Pull, lake: World, tmp_path: Path
) -> None:
    path = tmp_path / "shop.duckdb"
    arguments = options(lake, "--to", str(path), "--date", DAY, "--replace")
    texts: list[tuple[int, str]] = []

    def one() -> None:
        with running(lake, "-m", "rds_lake.cli", *arguments) as process:
            _, err = process.communicate(timeout=120)
            texts.append((process.returncode, err))

    threads = [threading.Thread(target=one) for _ in range(3)]
    _each(threads, threading.Thread.start)
    _each(threads, threading.Thread.join)
    assert 0 in [code for code, _ in texts]
    assert all("another rds-lake pull is writing to" in text for code, text in texts if code)
    assert rows_in(path, "SELECT count(*) FROM big UNION ALL SELECT count(*) FROM orders") == [(60000,), (10,)]
    assert [file.name for file in tmp_path.iterdir()] == ["shop.duckdb"]


def _each(threads: list[threading.Thread], do: Callable[[threading.Thread], None]) -> None:
    for thread in threads:
        do(thread)
