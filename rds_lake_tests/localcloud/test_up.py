"""`rds-lake local up` as a process: ready when it says so, removed completely when it stops."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import psycopg
import pytest

from rds_lake.localcloud.databases.embedded import EmbeddedPostgres
from rds_lake.localcloud.up import look_until
from rds_lake_tests.support.world import post, until


def up(*arguments: str, temporary: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "rds_lake.cli", "local", "up", *arguments]
    environment = os.environ | {"TMPDIR": str(temporary), "PYTHONUNBUFFERED": "1"}
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )


def frozen(postgres: EmbeddedPostgres) -> list[Any]:
    with psycopg.connect(postgres.url()) as connection:
        return connection.execute("SELECT datname FROM pg_database WHERE datname LIKE 'frozen%'").fetchall()


@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.exhaustive)])
def test_a_signal_stops_it_without_trace(postgres: EmbeddedPostgres, tmp_path: Path, number: signal.Signals) -> None:
    """On the user's own PostgreSQL frozen snapshots are dropped, and the database stays."""
    url = postgres.create_database(f"theirs_{number.name.lower()}")
    ready, temporary = tmp_path / "ready.json", tmp_path / "tmp"
    temporary.mkdir()
    before = frozen(postgres)
    process = up("--port", "0", "--database", f"theirs={url}", "--ready-file", str(ready), temporary=temporary)
    try:
        until(ready.exists, what="ready")
        body = json.loads(ready.read_text(encoding="utf-8"))
        assert (body["databases"], body["region"], body["account"]) == ({"theirs": [url]}, "us-east-1", "123456789012")
        with urlopen(f"{body['endpoint']}/_local/health") as answer:
            assert json.load(answer)["databases"] == ["theirs"]
        assert post(f"{body['endpoint']}/_local/snapshots", {"database": "theirs"})[0] == 200
        assert len(frozen(postgres)) == len(before) + 1
        process.send_signal(number)
        output, _ = process.communicate(timeout=120)
    finally:
        process.kill()
    assert process.returncode == 0, output
    assert "Traceback" not in output
    assert frozen(postgres) == before
    assert list(temporary.iterdir()) == []
    assert not ready.exists(), "a ready file that outlives its cloud is a lie"


def test_schedules_go_by_while_it_serves() -> None:
    stopped, fired = threading.Event(), list[int]()

    def fire() -> None:
        fired.append(1)
        if len(fired) == 3:
            stopped.set()

    look_until(stopped, fire, seconds=0.001)
    assert len(fired) == 3


@pytest.mark.exhaustive
def test_a_port_in_use_is_said_in_one_sentence_and_leaves_nothing(postgres: EmbeddedPostgres, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        process = up("--port", port, "--database", f"a={postgres.url()}", temporary=tmp_path)
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert f"Port {port} is in use" in output
    assert "Traceback" not in output
    assert list(tmp_path.iterdir()) == []
