"""`rds-lake streams forward` and `reset`, as a person runs them."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from rds_lake.cli import main
from rds_lake.stages.streams.scheduled import handler
from rds_lake_tests.stages.streams.outbox_database import Captured
from rds_lake_tests.support.world import World, until


@pytest.fixture
def captured(world: World) -> Iterator[Captured]:
    """The database behind the source, with triggers; lake.yaml has its secret."""
    captured = Captured(world.url).install()
    arn = world.clients.client("secretsmanager").create_secret(Name="outbox", SecretString=world.url)["ARN"]
    place = world.config.directory / "lake.yaml"
    body = yaml.safe_load(place.read_text(encoding="utf-8"))
    body["sources"][0]["streams"] = {"tables": ["shop.public.accounts", "shop.public.Order Details"], "secret": arn}
    place.write_text(yaml.safe_dump(body), encoding="utf-8")
    yield captured
    captured.run("DROP SCHEMA IF EXISTS rds_lake CASCADE")


@pytest.fixture(autouse=True)
def environment(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", world.cloud.url)
    monkeypatch.setenv("RDS_LAKE_CONFIG", str(world.config.directory / "lake.yaml"))


def invoke(*words: str) -> Result:
    return CliRunner().invoke(main, ["streams", *words])


def test_forward_says_what_it_took_and_status_what_is_left(captured: Captured) -> None:
    captured.fill(1, 2)
    shown = CliRunner().invoke(main, ["status", "shop"]).output
    assert "outbox of shop: 4 changes, the oldest 0 min old" in " ".join(shown.split())
    done = invoke("forward", "shop")
    assert (done.exit_code, done.output.split(",")[:3]) == (
        0,
        ["shop", " database shop: cut 1", " 4 changes of 2 tables"],
    )
    assert invoke("forward", "shop").output == "shop, database shop: no changes after cut 1\n"
    assert "epoch" in invoke("reset", "shop").output
    captured.fill(3)
    assert handler({}, None)[0].startswith("shop, database shop: cut 1, 2 changes"), "as a Lambda on a schedule"


@pytest.mark.exhaustive
def test_what_cannot_be_forwarded_is_a_sentence(captured: Captured, world: World) -> None:
    away = invoke("forward", "shop", "--dsn", "postgresql://reader:hunter2@127.0.0.1:9/shop")
    assert (away.exit_code, "cannot be reached" in away.output, "hunter2" in away.output) == (1, True, False)
    assert "captures nothing in crm; it has shop" in invoke("forward", "shop", "--database", "crm").output
    captured.run("DROP SCHEMA rds_lake CASCADE")
    assert "rds-lake streams triggers" in invoke("forward", "shop").output
    status = CliRunner().invoke(main, ["status", "shop"])
    assert (status.exit_code, "could not be checked" in status.output) == (0, True)
    place = world.config.directory / "lake.yaml"
    body = yaml.safe_load(place.read_text(encoding="utf-8"))
    del body["sources"][0]["streams"]
    place.write_text(yaml.safe_dump(body), encoding="utf-8")
    assert "source shop has no outbox" in invoke("forward", "shop").output


@pytest.mark.exhaustive
def test_for_ever_ends_by_sigterm_within_seconds_and_its_changes_are_whole(captured: Captured, root: Path) -> None:
    captured.fill(1)
    command = [sys.executable, "-m", "rds_lake.cli", "streams", "forward", "shop", "--forever", "--every", "0.2"]
    with subprocess.Popen(
        command, cwd=root, env=os.environ | {"PYTHONUNBUFFERED": "1"}, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            until(lambda: captured.outbox_rows() == 0, what="the first cut")
            process.send_signal(signal.SIGTERM)
            output, _ = process.communicate(timeout=120)
        finally:
            process.kill()
    assert process.returncode == 130
    assert output.splitlines()[-1] == "stopped; changes that are not in a cut yet stay in the outbox"
    captured.fill(2)
    assert "cut 2" in invoke("forward", "shop").output


@pytest.mark.exhaustive
def test_triggers_that_the_command_installed_fill_what_forward_takes(captured: Captured) -> None:
    captured.run("DROP SCHEMA rds_lake CASCADE", "INSERT INTO accounts VALUES (1, 'before', 0)")
    installed = invoke("triggers", "shop", "--install")
    assert installed.exit_code == 0, installed.output
    captured.run(
        "UPDATE accounts SET v = NULL", "INSERT INTO \"Order Details\" VALUES (7, 'ä', 1)", "DELETE FROM accounts"
    )
    assert "cut 1, 3 changes of 2 tables" in invoke("forward", "shop").output
