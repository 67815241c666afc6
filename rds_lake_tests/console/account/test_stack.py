"""`rds-lake setup` deploys lake.yaml over HTTP, and --remove takes it away again."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from rds_lake import cli
from rds_lake.config.lake_yaml import parse_config
from rds_lake.console.account.stack import StackAsked, setup
from rds_lake.console.aws_reference import PublishedReference
from rds_lake.errors import ConfigError
from rds_lake.infra.policy.deployer import deployer_policy
from rds_lake.infra.policy.names import Names
from rds_lake.infra.stack import upload
from rds_lake.infra.stack.watch import Pace
from rds_lake.localcloud.cloud import LocalCloud
from rds_lake_tests.infra.stack.conftest import stack_cloud  # noqa: F401
from rds_lake_tests.infra.template.lakes import LAKES, config_of

_HERE = "111122223333", "123456789012"  # the lakes' account, the local cloud's


@pytest.fixture
def here(stack_cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch) -> LocalCloud:  # noqa: F811
    stack_cloud.reset()
    monkeypatch.setenv("AWS_ENDPOINT_URL", stack_cloud.url)
    return stack_cloud


def run(tmp_path: Path, name: str, *options: str) -> Result:
    (tmp_path / "lake.yaml").write_text(LAKES[name].replace(*_HERE), encoding="utf-8")
    return CliRunner().invoke(cli.main, ["setup", "--config", str(tmp_path / "lake.yaml"), *options])


def test_a_stack_is_deployed_changed_and_removed_by_the_command(here: LocalCloud, tmp_path: Path) -> None:
    first = run(tmp_path, "dynamodb by glue", "--stack", "acme", "--parameter", "PipelineRunsOn=account")
    assert first.exit_code == 0, first.output
    assert "  glue_job: acme-convert" in first.output
    files = [line for line in first.output.splitlines() if line.startswith("the Glue job's file s3://acme-lake/")]
    assert len(files) == 2
    again = run(tmp_path, "dynamodb by glue", "--stack", "acme")
    assert "nothing to change" in again.output and "the Glue job's file" not in again.output
    removed = run(tmp_path, "dynamodb by glue", "--stack", "acme", "--remove")
    assert removed.exit_code == 0 and "stays: bucket acme-lake" in removed.output
    assert here.clients.client("cloudformation").list_stacks()["StackSummaries"][0]["StackStatus"] == "DELETE_COMPLETE"


def test_a_second_lake_in_the_same_place_is_refused_before_anything_is_made(here: LocalCloud, tmp_path: Path) -> None:
    assert run(tmp_path, "dynamodb", "--stack", "acme").exit_code == 0
    (tmp_path / "lake.yaml").write_text(LAKES["dynamodb"].replace("acme-events", "second-events"), encoding="utf-8")
    refused = CliRunner().invoke(cli.main, ["setup", "--config", str(tmp_path / "lake.yaml"), "--stack", "second"])
    assert refused.exit_code == 1
    assert "belongs to another lake, with events_queue acme-events; nothing was changed" in refused.output
    assert len(here.clients.client("cloudformation").list_stacks()["StackSummaries"]) == 1


@pytest.mark.exhaustive
def test_without_a_name_the_stack_is_called_as_the_lakes_objects_are(here: LocalCloud, tmp_path: Path) -> None:
    first = run(tmp_path, "rds", "--parameter", "PipelineRunsOn=account")
    assert first.exit_code == 0 and "stack acme is in CREATE_COMPLETE" in first.output
    assert "stack acme is deleted" in run(tmp_path, "rds", "--remove").output


def test_an_arn_of_another_account_is_reported_before_anything_is_created(here: LocalCloud, tmp_path: Path) -> None:
    (tmp_path / "lake.yaml").write_text(LAKES["rds"], encoding="utf-8")
    result = CliRunner().invoke(cli.main, ["setup", "--stack", "acme", "--config", str(tmp_path / "lake.yaml")])
    assert result.exit_code == 1 and "is a role of account 111122223333" in result.output
    assert here.clients.client("cloudformation").list_stacks()["StackSummaries"] == []


@pytest.mark.exhaustive
@pytest.mark.parametrize("text", ["Bucket", "=existing", ""])
def test_parameters_are_pairs(here: LocalCloud, tmp_path: Path, text: str) -> None:
    assert "write KEY=VALUE" in run(tmp_path, "rds", "--stack", "acme", "--parameter", text).output


def test_a_parameter_given_twice_is_refused(here: LocalCloud, tmp_path: Path) -> None:
    twice = ["--parameter", "Bucket=new", "--parameter", "Bucket=existing"]
    assert "Bucket is given twice" in run(tmp_path, "rds", "--stack", "acme", *twice).output


def deploy(name: str, lines: list[str], **asked: Any) -> None:
    pace = Pace(clock=time.monotonic, sleep=lambda seconds: time.sleep(seconds / 100))
    setup(config_of(name), StackAsked(name="acme", **asked), pace=pace, token=lambda: "t", say=lines.append)


@pytest.mark.exhaustive
def test_a_template_over_the_limit_of_a_call_goes_through_the_lakes_bucket(
    here: LocalCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload, "INLINE_BYTES", 10_000)
    s3, lines = here.clients.client("s3"), []
    with pytest.raises(
        ConfigError, match=r"bucket acme-lake does not exist: name one of account .* with --template-bucket"
    ):
        deploy("dynamodb", lines)
    s3.create_bucket(Bucket="acme-lake")
    deploy("dynamodb", lines, parameters=("Bucket=existing",))
    keys = [item["Key"] for item in s3.list_objects_v2(Bucket="acme-lake")["Contents"]]
    assert len(keys) == 2 and all(key.startswith("lake/_stacks/") for key in keys), "the template, and whose lake it is"
    assert any("CREATE_COMPLETE" in line for line in lines)


@pytest.mark.exhaustive
def test_or_through_the_bucket_that_is_named(here: LocalCloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload, "INLINE_BYTES", 10_000)
    here.clients.client("s3").create_bucket(Bucket="templates")
    deploy("dynamodb", lines := [], template_bucket="templates")
    assert any("is in CREATE_COMPLETE" in line for line in lines)


def test_a_template_that_cloudformation_never_takes_is_refused(
    here: LocalCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload, "S3_BYTES", 10_000)
    monkeypatch.setattr("rds_lake.infra.template.render.S3_BYTES", 10_000)
    monkeypatch.setattr("rds_lake.infra.template.render.INLINE_BYTES", 9_000)
    with pytest.raises(ConfigError, match="divide the sources into several lakes"):
        deploy("dynamodb", [])


def act_as_ann(here: LocalCloud, policy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on the credentials are those of a user with this policy alone."""
    iam = here.clients.client("iam")
    iam.create_user(UserName="ann")
    iam.put_user_policy(UserName="ann", PolicyName="deploy", PolicyDocument=policy)
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])


@pytest.mark.exhaustive
def test_the_deployers_policy_is_enough_for_all_of_it(
    here: LocalCloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = Names(partition="aws", region="us-east-1", account=_HERE[1])
    config = parse_config(LAKES["all"].replace(*_HERE), where="all")
    policy = deployer_policy(config, names, PublishedReference()).as_dict()
    act_as_ann(here, json.dumps(policy), monkeypatch)
    monkeypatch.setattr(upload, "INLINE_BYTES", 10_000)
    here.clients.client("s3").create_bucket(Bucket="acme-lake")
    asked = ("--stack", "acme")
    for options in (("--parameter", "Bucket=existing"), (), ("--remove",)):
        result = run(tmp_path, "all", *asked, *options)
        assert result.exit_code == 0, result.output[-1500:]
    assert "for stacks whose name begins with the lake's name prefix" in run(tmp_path, "all", "--stack", "other").output


@pytest.mark.exhaustive
def test_another_name_prefix_is_deployed_and_removed_under_the_policy_that_is_printed_for_it(
    here: LocalCloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From a first template that is too long for a call, in a bucket of its own."""
    monkeypatch.setattr(upload, "INLINE_BYTES", 10_000)
    here.clients.client("s3").create_bucket(Bucket="templates")
    config = tmp_path / "printed.yaml"
    config.write_text(LAKES["all"].replace(*_HERE), encoding="utf-8")
    asked = ["--for", "deployer", "--name-prefix", "Second-lake", "--template-bucket", "templates"]
    printed = CliRunner().invoke(cli.main, ["policy", *asked, "--region", "us-east-1", "--config", str(config)])
    act_as_ann(here, printed.stdout, monkeypatch)
    options = (
        "--parameter",
        "NamePrefix=Second-lake",
        "--parameter",
        "BackupPlan=new",
        "--template-bucket",
        "templates",
    )
    first = run(tmp_path, "all", *options)
    assert first.exit_code == 0, first.output[-1500:]
    role = here.clients.client("iam").get_role(RoleName="Second-lake-pipeline")
    assert role["Role"]["RoleName"] == "Second-lake-pipeline"
    removed = run(tmp_path, "all", "--remove")
    assert removed.exit_code == 0, removed.output[-1500:]
