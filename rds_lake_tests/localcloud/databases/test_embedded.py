"""The embedded PostgreSQL: real, private, and removed completely when it stops."""

import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from rds_lake.localcloud.databases.embedded import EmbeddedPostgres
from rds_lake_tests.localcloud.http.traces import traces

pytestmark = pytest.mark.slow


def test_it_leaves_no_process_and_no_folder() -> None:
    server = EmbeddedPostgres().start()
    connection = psycopg.connect(server.url())
    row = connection.execute("SHOW data_directory").fetchone()
    assert row is not None
    folder = Path(row[0]).parent
    assert traces(folder)
    server.stop()
    server.stop()
    connection.close()
    assert traces(folder) == []


def test_a_program_that_forgets_to_stop_it_leaves_no_trace_either() -> None:
    script = (
        "from rds_lake.localcloud.databases.embedded import EmbeddedPostgres; import psycopg\n"
        "server = EmbeddedPostgres().start()\n"
        "print(psycopg.connect(server.url()).execute('SHOW data_directory').fetchone()[0])\n"
        "raise SystemExit(3)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 3, done.stderr
    assert traces(Path(done.stdout.strip()).parent) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server as another user")
def test_root_can_start_it_with_a_temporary_folder_closed_to_others(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    script = "from rds_lake.localcloud.databases.embedded import EmbeddedPostgres\nwith EmbeddedPostgres() as server: print(server.url())"  # noqa: E501
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | {"TMPDIR": str(closed)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.startswith("postgresql://"), done.stderr
    assert closed.stat().st_mode & 0o777 == 0o700, "no folder is opened to others"


def test_a_database_under_any_name_is_created(postgres: EmbeddedPostgres) -> None:
    with psycopg.connect(postgres.create_database("plain_name")) as connection:
        assert connection.info.dbname == "plain_name"
