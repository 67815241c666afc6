"""The deployed template captures: a change in a database goes through function and stream to the lake, by the printed policies."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import boto3
import psycopg
import pytest

from rds_lake.aws.clients import AwsClients
from rds_lake.config.lake_yaml import LakeConfig, parse_config
from rds_lake.console.streams.package import upload
from rds_lake.errors import ConfigError
from rds_lake.infra.template.build import build_template
from rds_lake.infra.template.render import as_yaml
from rds_lake.model.lake.layout import LakeLayout
from rds_lake.model.streams.captured import Capture
from rds_lake_tests.database.capture.captured import capture
from rds_lake_tests.infra.template.lakes import ACCOUNT, LAKES, PARAMETERS
from rds_lake_tests.infra.template.resolved import deployed
from rds_lake_tests.localcloud.permissions.calling import ACCOUNT as HERE
from rds_lake_tests.localcloud.stacks.deploying import Formation
from rds_lake_tests.localcloud.streaming import BUCKET, Streaming

DATABASE = "routes"
_NAME = "capture by lambda"
_LAYOUT = LakeLayout(bucket=BUCKET, prefix="lake")
_FAILED = "aws/lambda/async/acme-routes/"


def lake() -> LakeConfig:
    return parse_config(LAKES[_NAME].replace(ACCOUNT, HERE), where="test")


def deploy(streaming: Streaming, change: Callable[[dict[str, Any]], None] = lambda body: None) -> Formation:
    """The stack with the package that the command uploads; no attempt is repeated."""
    said: list[str] = []
    own = AwsClients(boto3.Session(), region="us-east-1", endpoint_url=streaming.cloud.url, attempts=1)
    upload(lake(), say=said.append, clients=own)
    key = said[-1].partition("CaptureCodeKey=")[2]
    body = build_template(lake()).body
    body["Resources"]["Capture1Events"]["Properties"]["MaximumRetryAttempts"] = 0
    change(body)
    formation = Formation(streaming.cloud, streaming.clients)
    given = {"Bucket": "existing", "CaptureCodeKey": key}
    stack = formation.deploy(
        as_yaml(body),
        Capabilities=["CAPABILITY_NAMED_IAM"],
        Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in given.items()],
    )
    assert stack["StackStatus"] == "CREATE_COMPLETE", formation.reason("CREATE_FAILED")
    return formation


def captured(url: str, function: str) -> None:
    """A table with the triggers that lake.yaml asks for."""
    with psycopg.connect(url) as connection:
        connection.execute("DROP SCHEMA IF EXISTS rds_lake CASCADE")
        connection.execute("DROP TABLE IF EXISTS routes")
        connection.execute("CREATE TABLE routes (id bigint PRIMARY KEY, note text)")
    capture(url, "routes", source="routes", capture=Capture.LAMBDA, function=function)


def write(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("INSERT INTO routes VALUES (1, 'größe')")


def test_a_change_of_a_database_arrives_where_readers_look_and_the_stack_goes_again(
    streaming: Streaming, database_url: str
) -> None:
    formation = deploy(streaming)
    function = formation.outputs()["CaptureFunction1"]
    (source,) = [source for source in lake().databases if source.streams]
    assert source.streams and source.streams.function == function
    captured(database_url, function)
    write(database_url)
    assert streaming.settled()["counts"]["Success"] == 1
    (change,) = streaming.lines(_LAYOUT.arrived_folder("routes"))
    assert (change["op"], change["new"]) == ("I", {"id": "1", "note": "größe"})
    (key,) = streaming.keys(_LAYOUT.arrived_folder("routes"))
    stored = streaming.client("s3").head_object(Bucket=BUCKET, Key=key)
    assert stored["ServerSideEncryption"] == "aws:kms" and key.endswith(".gz")
    assert formation.delete()["StackStatus"] == "DELETE_COMPLETE"
    assert streaming.keys(key) == [key], "what arrived stays"


@pytest.mark.exhaustive
def test_a_database_calls_by_the_role_that_is_associated_with_it_and_by_no_more_than_that_may(
    streaming: Streaming, database_url: str
) -> None:
    formation = deploy(streaming)
    outputs = formation.outputs()
    captured(database_url, outputs["CaptureFunction1"])
    streaming.cloud.calling_databases.install("routes-prod", outputs["CaptureCallerRole"])
    try:
        write(database_url)
        assert streaming.settled()["counts"]["Success"] == 1
        role = outputs["CaptureCallerRole"].rpartition("/")[2]
        streaming.client("iam").delete_role_policy(RoleName=role, PolicyName="rds-lake")
        with (
            psycopg.connect(database_url) as connection,
            pytest.raises(
                psycopg.Error, match=r"not authorized to perform: lambda:InvokeFunction on resource: .*acme-routes"
            ),
        ):
            connection.execute("INSERT INTO routes VALUES (2, 'refused')")
        with psycopg.connect(database_url) as connection:
            assert connection.execute("SELECT count(*) FROM routes").fetchone() == (1,), "on_error: fail"
    finally:
        streaming.cloud.calling_databases.install("routes-prod")


def encrypt(streaming: Streaming) -> None:
    """The bucket as the template makes a new one."""
    resource = streaming.client("cloudformation").describe_stack_resource(StackName="lake", LogicalResourceId="Key")
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": resource["StackResourceDetail"]["PhysicalResourceId"]}
    rules = {"Rules": [{"ApplyServerSideEncryptionByDefault": default}]}
    streaming.client("s3").put_bucket_encryption(Bucket=BUCKET, ServerSideEncryptionConfiguration=rules)


def without(role: str, action: str) -> Callable[[dict[str, Any]], None]:
    """The template whose role lacks an action."""

    def change(body: dict[str, Any]) -> None:
        document = body["Resources"][role]["Properties"]["Policies"][0]["PolicyDocument"]
        left = [one | {"Action": [each for each in one["Action"] if each != action]} for one in document["Statement"]]
        assert left != document["Statement"]
        document["Statement"] = [one for one in left if one["Action"]]

    return change


@pytest.mark.exhaustive
def test_a_function_that_may_not_hand_over_keeps_the_change_in_the_bucket(
    streaming: Streaming, database_url: str
) -> None:
    function = deploy(streaming, without("CaptureRole", "firehose:PutRecordBatch")).outputs()["CaptureFunction1"]
    captured(database_url, function)
    write(database_url)
    streaming.settled()
    (record,) = [json.loads(streaming.read(key)) for key in streaming.keys(_FAILED)]
    assert record["requestPayload"]["new"] == {"id": "1", "note": "größe"}
    assert "not authorized to perform: firehose:PutRecordBatch" in record["responsePayload"]["errorMessage"]


@pytest.mark.exhaustive
@pytest.mark.parametrize("action", ["s3:PutObject", "kms:GenerateDataKey"])
def test_each_right_of_the_roles_is_needed(streaming: Streaming, database_url: str, action: str) -> None:
    def change(body: dict[str, Any]) -> None:
        without("ChangesRole", action)(body)
        without("CaptureRole", action)(body)

    captured(database_url, deploy(streaming, change).outputs()["CaptureFunction1"])
    encrypt(streaming)
    write(database_url)
    streaming.send({"no": "change"}, "acme-routes")
    streaming.settled()
    assert streaming.flush() == [] and streaming.keys(_FAILED) == []
    (shown,) = streaming.cloud.firehose.waiting().values()
    assert f"not authorized to perform: {action}" in shown["problem"] and shown["records"] == 1


def test_without_a_package_there_is_everything_but_the_function() -> None:
    stack = deployed(build_template(lake()).body, {**PARAMETERS[_NAME], "CaptureCodeKey": ""})
    assert not stack.of_type("AWS::Lambda::Function") and not stack.of_type("AWS::Logs::LogGroup")
    assert len(stack.of_type("AWS::KinesisFirehose::DeliveryStream")) == 1
    assert "CaptureCallerRole" in stack.resources


def test_a_source_whose_stream_would_have_too_long_a_name_is_named() -> None:
    text = LAKES[_NAME].replace("name: routes", f"name: {'r' * 60}")
    with pytest.raises(ConfigError, match="64 characters"):
        build_template(parse_config(text, where="test"))
