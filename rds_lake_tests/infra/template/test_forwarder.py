"""The deployed template forwards: a change in a database becomes a cut in the lake by a scheduled function, by the printed policy."""

from __future__ import annotations

import io
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from rds_lake.aws.clients import AwsClients
from rds_lake.config.lake_yaml import LakeConfig, parse_config
from rds_lake.console.streams.package import put
from rds_lake.console.streams.package_forwarder import forwarder_zip
from rds_lake.database.outbox.outbox import open_outbox
from rds_lake.errors import ConfigError
from rds_lake.infra.policy.streams.forwarder import network_policy
from rds_lake.infra.template.build import build_template
from rds_lake.infra.template.render import as_yaml
from rds_lake.infra.template.roles import TEMPLATE_NAMES
from rds_lake_tests.database.capture.captured import dsn_of
from rds_lake_tests.infra.template.lakes import ACCOUNT, LAKES
from rds_lake_tests.infra.template.resolved import deployed
from rds_lake_tests.localcloud.permissions.calling import ACCOUNT as HERE
from rds_lake_tests.localcloud.stacks.deploying import Formation
from rds_lake_tests.localcloud.streaming import BUCKET, Streaming
from rds_lake_tests.stages.streams.outbox_database import Captured

DATABASE = "books"
_NAME = "capture by outbox"
_CUTS = "lake/_changes/books/"


@pytest.fixture
def captured(database_url: str) -> Iterator[Captured]:
    captured = Captured(database_url).install()
    captured.fill(1)
    yield captured
    captured.run("DROP SCHEMA IF EXISTS rds_lake CASCADE")


def lake_yaml(secret: str) -> str:
    text = LAKES[_NAME].replace("arn:aws:secretsmanager:us-east-1:444455556666:secret:books-forwarder-AbCdEf", secret)
    assert secret in text
    return text.replace(ACCOUNT, HERE)


def deploy(
    streaming: Streaming, url: str, change: Callable[[dict[str, Any]], None] = lambda body: None
) -> tuple[LakeConfig, Formation]:
    """The stack with the package as the command makes it, which knows the database by a secret."""
    secret = streaming.client("secretsmanager").create_secret(Name="books-forwarder", SecretString=url)["ARN"]
    text = lake_yaml(secret)
    config = parse_config(text, where="test")
    made = forwarder_zip(config, text)
    key = put(config, made.body, say=lambda _: None, clients=_clients(streaming))
    body = build_template(config).body
    change(body)
    formation = Formation(streaming.cloud, streaming.clients)
    given = {
        "Bucket": "existing",
        "ForwarderCodeKey": key,
        "ForwarderRuntime": made.runtime,
        "ForwarderArchitecture": made.architecture,
        "ForwarderSubnets": "subnet-0a1b,subnet-0a1c",
        "ForwarderSecurityGroups": "sg-0a1b",
    }
    stack = formation.deploy(
        as_yaml(body),
        Capabilities=["CAPABILITY_NAMED_IAM"],
        Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in given.items()],
    )
    assert stack["StackStatus"] == "CREATE_COMPLETE", formation.reason("CREATE_FAILED")
    return config, formation


def _clients(streaming: Streaming) -> AwsClients:
    return AwsClients(boto3.Session(), region="us-east-1", endpoint_url=streaming.cloud.url, attempts=1)


def fire(streaming: Streaming) -> dict[str, int]:
    """The schedule's time has come; what became of all invocations so far."""
    (fired,) = streaming.cloud.schedules.fire(now=True)
    assert fired["refused"] is None
    return streaming.settled()["counts"]


def manifests(streaming: Streaming) -> list[str]:
    return [key for key in streaming.keys(_CUTS) if key.endswith(".json") and "/cut=" in key]


def test_a_change_of_a_database_becomes_a_cut_by_the_clock_and_the_stack_goes_again(
    streaming: Streaming, database_url: str, captured: Captured
) -> None:
    _, formation = deploy(streaming, database_url)
    assert streaming.cloud.schedules.fire() == [], "the rule is new: its five minutes begin"
    assert fire(streaming)["Success"] == 1
    (cut,) = manifests(streaming)
    assert cut.endswith("cut=000000000001.json") and captured.outbox_rows() == 0
    stored = streaming.client("s3").head_object(Bucket=BUCKET, Key=cut)
    assert stored["ServerSideEncryption"] == "aws:kms"
    function = streaming.client("cloudformation").describe_stack_resource(
        StackName="lake", LogicalResourceId="Forwarder"
    )["StackResourceDetail"]["PhysicalResourceId"]
    reserved = streaming.client("lambda").get_function_concurrency(FunctionName=function)
    assert reserved["ReservedConcurrentExecutions"] == 1
    # Another forwarder beside it is no failure, and loses and doubles nothing.
    captured.fill(2)
    with open_outbox(dsn_of(database_url), captured.home) as outbox:
        outbox.claim()
        assert fire(streaming)["Success"] == 2
    assert manifests(streaming) == [cut] and captured.outbox_rows() > 0
    assert fire(streaming)["Success"] == 3
    assert len(manifests(streaming)) == 2 and captured.outbox_rows() == 0
    assert formation.delete()["StackStatus"] == "DELETE_COMPLETE"
    assert len(manifests(streaming)) == 2, "what was forwarded stays"


def without(action: str) -> Callable[[dict[str, Any]], None]:
    """The template whose role lacks an action."""

    def change(body: dict[str, Any]) -> None:
        document = body["Resources"]["ForwarderRole"]["Properties"]["Policies"][0]["PolicyDocument"]
        left = [one | {"Action": [each for each in one["Action"] if each != action]} for one in document["Statement"]]
        assert left != document["Statement"]
        document["Statement"] = [one for one in left if one["Action"]]

    return change


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    "action", ["s3:PutObject", "s3:GetObject", "s3:ListBucket", "secretsmanager:GetSecretValue", "kms:GenerateDataKey"]
)
def test_each_right_of_the_role_is_needed_and_without_it_the_changes_stay(
    streaming: Streaming, database_url: str, captured: Captured, action: str
) -> None:
    deploy(streaming, database_url, without(action))
    rows = captured.outbox_rows()
    assert fire(streaming).get("Success", 0) == 0
    assert captured.outbox_rows() == rows > 0 and manifests(streaming) == []


@pytest.mark.exhaustive
def test_a_rule_that_the_function_does_not_let_in_invokes_nothing(
    streaming: Streaming, database_url: str, captured: Captured
) -> None:
    def change(body: dict[str, Any]) -> None:
        del body["Resources"]["ForwarderPermission"]

    deploy(streaming, database_url, change)
    (fired,) = streaming.cloud.schedules.fire(now=True)
    assert "events.amazonaws.com is not allowed to invoke" in fired["refused"]
    assert "received" not in streaming.settled()["counts"] and captured.outbox_rows() > 0


def test_the_package_has_lake_yaml_a_driver_and_nothing_that_it_does_not_run() -> None:
    text = LAKES[_NAME]
    made = forwarder_zip(parse_config(text, where="test"), text)
    with zipfile.ZipFile(io.BytesIO(made.body)) as archive:
        names = archive.namelist()
        assert archive.read("lake.yaml").decode() == text
    assert made.runtime == f"python3.{sys.version_info.minor}"
    assert {"psycopg/__init__.py", "pymysql/__init__.py", "pydantic/__init__.py"} <= set(names)
    assert not [name for name in names if name.startswith(("rds_lake/localcloud/", "rds_lake/defs/", "boto"))]
    assert forwarder_zip(parse_config(text, where="test"), text).body == made.body


def test_what_cannot_be_packaged_is_a_sentence(tmp_path: Path) -> None:
    text = LAKES[_NAME]
    with pytest.raises(ConfigError, match="psycopg or pymysql"):
        forwarder_zip(parse_config(text, where="test"), text, tmp_path)
    with pytest.raises(ConfigError, match="would have nothing to forward"):
        forwarder_zip(parse_config(LAKES["rds"], where="test"), LAKES["rds"])
    for name in ("pydantic", "annotated_types", "typing_extensions", "typing_inspection", "yaml", "pymysql"):
        (tmp_path / f"{name}.py").touch()
    (tmp_path / "pydantic_core").mkdir()
    compiled = tmp_path / "pydantic_core" / "core.cpython-313-aarch64-linux-gnu.so"
    compiled.touch()
    made = forwarder_zip(parse_config(text, where="test"), text, tmp_path)
    assert (made.runtime, made.architecture) == ("python3.13", "arm64")
    (tmp_path / "pydantic_core" / "core.cpython-311-x86_64-linux-gnu.so").touch()
    with pytest.raises(ConfigError, match="not compiled for Lambda's Python on Linux"):
        forwarder_zip(parse_config(text, where="test"), text, tmp_path)


@pytest.mark.parametrize(
    ("minutes", "rate"),
    [(5, "rate(5 minutes)"), (1, "rate(1 minute)"), (0.5, "rate(1 minute)"), (2.5, "rate(2 minutes)")],
)
def test_the_schedule_is_of_whole_minutes(minutes: float, rate: str) -> None:
    text = LAKES[_NAME].replace("streams: {", f"streams: {{forward_minutes: {minutes}, ")
    rule = build_template(parse_config(text, where="test")).body["Resources"]["ForwarderRule"]
    assert rule["Properties"]["ScheduleExpression"] == rate


def test_without_a_package_there_is_no_function_and_without_subnets_no_network() -> None:
    body = build_template(parse_config(LAKES[_NAME], where="test")).body
    nothing = deployed(body, {"Bucket": "existing"})
    assert not nothing.of_type("AWS::Lambda::Function") and "ForwarderRole" not in nothing.resources
    outside = deployed(body, {"Bucket": "existing", "ForwarderCodeKey": "x"})
    assert "VpcConfig" not in outside.resources["Forwarder"]["Properties"]
    assert len(outside.resources["ForwarderRole"]["Properties"]["Policies"]) == 1
    within = deployed(
        body, {"Bucket": "existing", "ForwarderCodeKey": "x", "ForwarderSubnets": "subnet-1,subnet-2"}
    ).resources
    assert within["Forwarder"]["Properties"]["VpcConfig"]["SubnetIds"] == ["subnet-1", "subnet-2"]
    assert len(within["ForwarderRole"]["Properties"]["Policies"]) == 2


@pytest.mark.exhaustive
def test_lambda_may_make_the_functions_way_into_the_vpc_and_nothing_else() -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-permissions"""
    document = network_policy(TEMPLATE_NAMES).as_dict()
    rights = {action: one["Resource"] for one in document["Statement"] for action in one["Action"]}
    assert set(rights) == {
        f"ec2:{action}"
        for action in (
            *("AssignPrivateIpAddresses", "CreateNetworkInterface", "DeleteNetworkInterface"),
            *("DescribeNetworkInterfaces", "DescribeSubnets", "UnassignPrivateIpAddresses"),
        )
    }
    assert rights["ec2:DescribeNetworkInterfaces"] == ["*"], "AWS: on all resources only"
    (deleted,) = rights["ec2:DeleteNetworkInterface"]
    assert deleted.endswith(":*/*"), "AWS: on every id, or the function may not reach the VPC"
