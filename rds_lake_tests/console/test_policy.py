"""`rds-lake policy`: JSON that IAM takes on standard output, and everything else beside it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from rds_lake.cli import main
from rds_lake.console.arguments import WHOSE
from rds_lake.console.policy import Asked, find_names
from rds_lake.infra.policy.names import Names
from rds_lake_tests.infra.policy.lakes import ACCOUNT, LAKES, dynamodb, lake, rds
from rds_lake_tests.support.world import World

PLACE = ["--account", ACCOUNT, "--region", "us-east-1", "--partition", "aws"]


def written(tmp_path: Path, *sources: dict[str, Any], **settings: Any) -> str:
    path = tmp_path / "lake.yaml"
    body = lake(*sources, **settings).model_dump(mode="json", exclude_defaults=True)
    path.write_text(yaml.safe_dump(body), encoding="utf-8")
    return str(path)


def run(config: str, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["policy", "--config", config, *arguments])


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--region", "eu-centrl-1", "'eu-centrl-1' is not an AWS Region; did you mean `eu-central-1`?"),
        ("--region", "Frankfurt", "'Frankfurt' is not an AWS Region"),
        ("--account", "1234", "'1234' is not the number of an AWS account, which has 12 digits"),
    ],
)
def test_a_misspelt_region_or_account_is_refused_before_it_is_in_an_arn(
    tmp_path: Path, option: str, value: str, said: str
) -> None:
    result = run(written(tmp_path, rds()), *PLACE, option, value)
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.split())
    assert result.stdout == ""


def test_a_region_that_is_newer_than_the_installed_botocore_is_taken(tmp_path: Path) -> None:
    result = run(written(tmp_path, rds()), *PLACE, "--region", "eu-north-9")
    assert ":eu-north-9:" in result.stdout


@pytest.mark.parametrize("whose", WHOSE)
def test_what_is_printed_is_a_policy_and_nothing_else(tmp_path: Path, whose: str) -> None:
    result = run(
        written(tmp_path, rds(), dynamodb(converter="glue"), glue_role=f"arn:aws:iam::{ACCOUNT}:role/j"), "--for", whose
    )
    assert result.exit_code == 0, result.output
    body = json.loads(result.stdout)
    assert body["Version"] == "2012-10-17"
    assert all(statement["Effect"] == "Allow" for statement in body["Statement"])
    assert f"{whose}: " in result.stderr


def test_all_policies_are_printed_at_once_with_whom_the_roles_trust(tmp_path: Path) -> None:
    body = json.loads(run(written(tmp_path, rds()), "--for", "all", *PLACE).stdout)
    assert list(body) == ["pipeline", "readers", "export-role", "export-role-trust", "deployer", "doctor"]


def test_whom_a_role_trusts_is_printed_by_itself(tmp_path: Path) -> None:
    config = written(tmp_path, rds())
    body = json.loads(run(config, "--for", "job-role", "--trust").stdout)
    assert body["Statement"][0]["Principal"] == {"Service": "glue.amazonaws.com"}
    refused = run(config, "--trust")
    assert (refused.exit_code, "--trust is for --for export-role" in refused.output) == (1, True)


def test_account_and_region_given_need_no_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name)
    result = run(written(tmp_path, dynamodb(), export_role=None, kms_key=None), *PLACE)
    assert result.exit_code == 0
    assert f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/Reviews" in result.stdout


def test_without_credentials_words_stand_for_what_is_not_known_and_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name)
    result = run(written(tmp_path, dynamodb(), export_role=None, kms_key=None))
    assert result.exit_code == 0
    assert "arn:aws:dynamodb:REGION:ACCOUNT:table/Reviews" in result.stdout
    assert "--account" in result.stderr


def test_what_lake_yaml_says_of_account_and_region_comes_before_the_credentials() -> None:
    config = lake(rds(), region="cn-north-1", export_role="arn:aws-cn:iam::999999999999:role/x")
    names = find_names(config, Asked(whose="pipeline"), say=print)
    assert names == Names(partition="aws-cn", region="cn-north-1", account="999999999999")


def test_credentials_say_the_account_that_nobody_named(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.be_the_process(monkeypatch)
    said: list[str] = []
    names = find_names(LAKES["tables"], Asked(whose="pipeline"), say=said.append)
    assert (names.partition, names.region, len(names.account)) == ("aws", "us-east-1", 12)
    assert said == []


def test_each_pattern_that_took_the_place_of_names_is_said(tmp_path: Path) -> None:
    config = written(tmp_path, *(rds(f"shop_{at:03}") for at in range(60)))
    inline, managed = run(config, *PLACE), run(config, "--managed", *PLACE)
    assert "pipeline: StartExports: arn:aws:rds:us-east-1:" in inline.stderr
    assert "takes the place of" in inline.stderr
    assert "of the 6,144 characters" in managed.stderr
    assert len("".join(managed.stdout.split())) <= 6144 < len("".join(inline.stdout.split())) <= 10240


def test_a_role_that_this_lake_does_not_need_is_said(tmp_path: Path) -> None:
    result = run(written(tmp_path, rds()), "--for", "job-role", *PLACE)
    assert json.loads(result.stdout)["Statement"] == []
    assert "job-role: this lake.yaml does not need this role" in result.stderr
