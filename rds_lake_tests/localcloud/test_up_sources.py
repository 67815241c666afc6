"""`rds-lake local up` with instances of several databases and clusters; what it refuses, without showing a password."""

import json
import signal
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from click.testing import CliRunner

from rds_lake.cli import main
from rds_lake.localcloud.databases.embedded import EmbeddedPostgres
from rds_lake_tests.localcloud.test_up import up
from rds_lake_tests.support.world import post, until


@pytest.mark.exhaustive
def test_an_identifier_given_twice_is_one_source_of_two_databases(postgres: EmbeddedPostgres, tmp_path: Path) -> None:
    one, two = postgres.create_database("up_one"), postgres.create_database("up_two")
    ready = tmp_path / "ready.json"
    sources = ("--database", f"shop={one}", "--database", f"shop={two}", "--cluster", f"stock={two}")
    process = up("--port", "0", *sources, "--ready-file", str(ready), temporary=tmp_path)
    try:
        until(ready.exists, what="ready")
        body = json.loads(ready.read_text(encoding="utf-8"))
        assert (body["databases"], body["clusters"]) == ({"shop": [one, two]}, {"stock": [two]})
        assert ready.stat().st_mode & 0o077 == 0, "its URLs may hold passwords"
        with urlopen(f"{body['endpoint']}/_local/health") as answer:
            health: dict[str, Any] = json.load(answer)
        assert (health["databases"], health["clusters"]) == (["shop"], ["stock"])
        status, answer = post(f"{body['endpoint']}/_local/snapshots", {"cluster": "stock"})
        assert (status, ":cluster-snapshot:rds:stock-" in answer["arn"]) == (200, True)
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=120)
    finally:
        process.kill()
    assert (process.returncode, "Traceback" in output) == (0, False), output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--database", "postgresql://me:hush@h/db"], "number 1 is not IDENTIFIER=postgresql://"),
        (["--database", "postgresql://me:hush@h/db?sslmode=require://"], "number 1 is not IDENTIFIER"),
        (["--cluster", "a=postgresql://h/db", "--cluster", "b=hush"], "number 2 is not IDENTIFIER"),
        (["--database", "a=oracle://me:hush@h/db"], "oracle:// is not a database"),
        (["--database", "a=postgresql://me:hush@h"], "names no database"),
        (["--database", "a=postgresql://me:hu/sh@h/db"], "percent-encode"),
        (["--database", "a=postgresql://me:%hush@h/db"], "percent-encode"),
        (["--database", "a--b=postgresql://me:hush@h/db"], "RDS identifiers are"),
        (
            ["--cluster", "a=postgresql://me:hush@h/db", "--cluster", "a=postgresql://me:hush@i/db"],
            "the same database twice",
        ),
        (["--cluster", "a=postgresql://me:hush@h/db", "--cluster", "a=mysql://me:hush@i/x"], "cluster 'a'"),
    ],
)
def test_a_source_that_cannot_be_served_is_refused_in_a_sentence_without_its_password(
    arguments: list[str], words: str
) -> None:
    result = CliRunner().invoke(main, ["local", "up", "--port", "0", *arguments])
    assert result.exit_code != 0
    assert words in result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert [secret for secret in ("hush", "hu/", "sh@") if secret in result.output] == []
