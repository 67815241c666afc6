"""`rds-lake warehouse run` and `status`, as a person calls them."""

import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rds_lake.console.warehouse.run import Asked, Waiting, run
from rds_lake.console.warehouse.status import status
from rds_lake.errors import ConfigError
from rds_lake_tests.defs.warehouse.mart import Mart

WAITING = Waiting(poll_seconds=0.01, sleep=time.sleep, clock=lambda: datetime.now(UTC))


def test_a_run_is_checked_then_made_and_says_what_it_used_and_wrote(
    mart: Mart, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    mart.world.be_the_process(monkeypatch)
    config, said = mart.world.config, list[str]()
    with pytest.raises(ConfigError, match="--parameter lest: write NAME=VALUE"):
        run(config, Asked(name="mart", run="command-1", parameters=("lest=2",)), WAITING, say=said.append)
    run(config, Asked(name="mart", run="command-1", check=True), WAITING, say=said.append)
    assert said == [
        "run command-1 of warehouse mart, serverless",
        "load usage: text files, s3://acme-drop/data/usage.gz, by copy",
        "step count: after usage",
        "unload result: csv to s3://acme-results/mart/",
    ]
    assert mart.open() == ()
    run(config, Asked(name="mart", run="command-1", parameters=("least=2",)), WAITING, say=said.append)
    assert said[-2:] == ["it used 480 RPU seconds, about $0.0500", "result: s3://acme-results/mart/result.csv"]
    assert mart.result() == "account,notes\n2,1\n"
    assert mart.left() == []
    status(config, (), clock=WAITING.clock, say=said.append)
    assert "mart (serverless): it does not exist now" in said
