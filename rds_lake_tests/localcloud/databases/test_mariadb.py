"""The embedded MariaDB: real, private, and removed completely when it stops."""

import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pymysql
import pytest

from rds_lake.localcloud.databases.mariadb import EmbeddedMariaDb, MariaDbMissingError
from rds_lake_tests.localcloud.http.traces import traces
from rds_lake_tests.support.world import execute_mysql

# `mariadb` in a test's parameters: without the server's packages the test is skipped with the line that installs them.


def test_it_leaves_no_process_and_no_folder(mariadb: EmbeddedMariaDb) -> None:
    server = EmbeddedMariaDb().start()
    ((data,),) = execute_mysql(server.url("mysql"), "SELECT @@datadir")
    folder = Path(data).parent
    assert traces(folder)
    server.stop()
    server.stop()
    assert traces(folder) == []


@pytest.mark.exhaustive
def test_a_program_that_forgets_to_stop_it_leaves_no_trace_either(mariadb: EmbeddedMariaDb) -> None:
    script = (
        "from rds_lake.localcloud.databases.mariadb import EmbeddedMariaDb\n"
        "from rds_lake_tests.support.world import execute_mysql\n"
        "server = EmbeddedMariaDb().start()\n"
        "print(execute_mysql(server.url('mysql'), 'SELECT @@datadir')[0][0])\n"
        "raise SystemExit(3)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 3, done.stderr
    assert traces(Path(done.stdout.strip()).parent) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server as another user")
def test_root_runs_it_as_another_user(mariadb: EmbeddedMariaDb) -> None:
    ((data,),) = execute_mysql(mariadb.url("mysql"), "SELECT @@datadir")
    assert Path(data).owner() != "root"


@pytest.mark.parametrize(("user", "password"), [("root", ""), ("", ""), ("rds", ""), ("mysql", "")])
def test_no_other_user_of_the_machine_can_connect(mariadb: EmbeddedMariaDb, user: str, password: str) -> None:
    port = urlsplit(mariadb.url("mysql")).port
    assert port is not None
    with pytest.raises(pymysql.err.OperationalError, match="Access denied"):
        pymysql.connect(host="127.0.0.1", port=port, user=user, password=password)


def test_a_database_under_any_name_is_created(mariadb: EmbeddedMariaDb) -> None:
    url = mariadb.create_database("a`b c/größe")
    assert execute_mysql(url, "SELECT DATABASE()") == (("a`b c/größe",),)
    execute_mysql(url, "DROP DATABASE `a``b c/größe`")


def test_where_it_is_not_installed_the_error_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rds_lake.localcloud.databases.mariadb._SERVER_PATH", "/nowhere")
    with pytest.raises(MariaDbMissingError, match="apt-get install mariadb-server"):
        EmbeddedMariaDb()
