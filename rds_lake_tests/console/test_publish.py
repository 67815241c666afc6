"""`rds-lake publish` and `rds-lake rollback` move the views and say what readers see; status says what waits."""

import io
from datetime import UTC, datetime

import pytest
import yaml
from click.testing import CliRunner, Result
from rich.console import Console

from rds_lake.cli import main
from rds_lake.console.connect import Connected
from rds_lake.console.status import status
from rds_lake_tests.support.world import World


@pytest.fixture
def command(world: World, monkeypatch: pytest.MonkeyPatch):
    """The command line, on a lake of `publish: manual` whose 19th is published and whose 20th waits."""
    world.be_the_process(monkeypatch)
    path = world.config.directory / "lake.yaml"
    body = yaml.safe_load(path.read_text(encoding="utf-8"))
    body["sources"][0] |= {"publish": "manual"}
    path.write_text(yaml.safe_dump(body), encoding="utf-8")
    world.with_source(publish="manual")

    def call(*arguments: str) -> Result:
        return CliRunner().invoke(main, [*arguments, "--config", str(path)])

    world.snapshot("2026-11-19")
    world.publish("2026-11-19")
    assert "readers of shop see 2026-11-19" in call("publish", "shop").output
    world.snapshot("2026-11-20")
    world.publish("2026-11-20")
    return call


def shown(world: World) -> str:
    text = io.StringIO()
    connected = Connected(
        config=world.config, rds=world.gateways.rds, dynamodb=world.gateways.dynamodb, lake=world.gateways.lake
    )
    status(connected, (), now=datetime(2026, 11, 22, 5, tzinfo=UTC), console=Console(file=text, width=160))
    return text.getvalue()


def test_a_held_date_is_in_the_status_until_it_is_published_and_a_rollback_is_from_then_on(
    world: World, command
) -> None:
    assert "2026-11-20 waits: rds-lake publish shop 2026-11-20" in shown(world)
    published = command("publish", "shop", "2026-11-20")
    assert published.exit_code == 0, published.output
    assert "readers of shop see 2026-11-20" in published.output
    assert "waits" not in shown(world)
    back = command("rollback", "shop", "2026-11-19")
    assert back.exit_code == 0, back.output
    assert "readers of shop see 2026-11-19" in back.output
    assert world.query("SELECT DISTINCT snapshot_date FROM orders") == [("2026-11-19",)]
    assert "rolled back from 2026-11-20" in shown(world)
    again = command("rollback", "shop", "2026-11-19")
    assert again.exit_code == 1
    assert "published at 2026-11-19 already" in again.output
