"""What a template may say: functions, parameters, conditions; and each refusal in CloudFormation's words."""

import json
import re
from typing import Any

import pytest
from botocore.exceptions import ClientError

from rds_lake_tests.localcloud.stacks.deploying import Formation, queue

_YAML = """
AWSTemplateFormatVersion: 2010-09-09
Description: all functions
Parameters:
  Env: {Type: String, Default: dev}
  Zones: {Type: CommaDelimitedList, Default: "a, b,c"}
  Secret: {Type: String, NoEcho: true, Default: hunter22}
Mappings:
  Sizes: {dev: {Delay: 7}}
Conditions:
  IsDev: !Equals [!Ref Env, dev]
  IsProd: !Not [!Condition IsDev]
  Both: !And [!Condition IsDev, !Or [!Condition IsProd, !Equals [a, a]]]
Resources:
  Queue:
    Type: AWS::SQS::Queue
    Properties:
      DelaySeconds: !FindInMap [Sizes, !Ref Env, Delay]
      VisibilityTimeout: !If [IsProd, 1, !Ref AWS::NoValue]
      Tags: [{Key: secret, Value: !Ref Secret}]
  Other: {Type: AWS::SQS::Queue, Condition: IsProd}
Outputs:
  Sub: {Value: !Sub "${AWS::Partition}/${AWS::Region}/${Env}/${!Env}/${Queue.QueueName}", Export: {Name: !Sub "${AWS::StackName}-x"}}
  SubList: {Value: !Sub ["${x}-${Env}", {x: !Select [1, !Ref Zones]}]}
  Join: {Value: !Join ["+", !Ref Zones]}
  Split: {Value: !Select [5, !Split [":", !GetAtt Queue.Arn]]}
  If: {Value: !If [Both, "yes", "no"]}
  Base64: {Value: !Base64 abc}
  Suffix: {Value: !Ref AWS::URLSuffix}
  Absent: {Value: "x", Condition: IsProd}
"""


def test_every_function_and_pseudo_parameter_has_its_value(formation: Formation) -> None:
    assert formation.deploy(_YAML)["StackStatus"] == "CREATE_COMPLETE"
    name = formation.queues()[0].rpartition("/")[2]
    assert re.fullmatch(r"lake-Queue-[A-Z0-9]{12}", name)
    assert formation.outputs() == {
        "Sub": f"aws/us-east-1/dev/${{Env}}/{name}",
        "SubList": "b-dev",
        "Join": "a+b+c",
        "Split": name,
        "If": "yes",
        "Base64": "YWJj",
        "Suffix": "amazonaws.com",
    }
    assert next(output["ExportName"] for output in formation.stack()["Outputs"] if "ExportName" in output) == "lake-x"


def test_what_is_secret_is_never_shown(formation: Formation) -> None:
    formation.deploy(_YAML)
    told = json.dumps(
        [formation.stack(), formation.api.describe_stack_events(StackName="lake")["StackEvents"]], default=str
    )
    assert "hunter22" not in told and "****" in told


def _template(**sections: Any) -> str:
    return json.dumps({"Resources": {"Q": queue()}} | sections)


def _resource(**properties: Any) -> str:
    return _template(Resources={"Q": queue(**properties), "R": queue()})


_REFUSED = [
    ("{", "Template format error: JSON not well-formed"),
    ("a: [", "Template format error: YAML not well-formed"),
    ("- a", "Template format error: unsupported structure."),
    ("{}", "At least one Resources member must be defined"),
    (_template(Wrong={}), "Invalid template property or properties [Wrong]"),
    (_template(Resources={"Q": {}}), "Every Resources object must contain a Type member."),
    (_template(Resources={"Q": queue() | {"Odd": 1}}), "Invalid template resource property 'Odd'"),
    (_template(Resources={"Q": {"Type": "AWS::SQS::Queu"}}), "Unrecognized resource types: [AWS::SQS::Queu]"),
    (_template(Resources={"Q": {"Type": "AWS::EC2::VPC"}}), "The local cloud's limit, not CloudFormation's"),
    (_template(Transform="AWS::Serverless-2016-10-31"), "The local cloud's limit, not CloudFormation's"),
    (_resource(QueueName={"Fn::ImportValue": "x"}), "The local cloud's limit, not CloudFormation's"),
    (_resource(QueueName={"Ref": "X"}), "Unresolved resource dependencies [X] in the Resources block of the template"),
    (_resource(QueueName={"Fn::GetAtt": ["X", "Arn"]}), "Fn::GetAtt references undefined resource X"),
    (_resource(QueueName={"Fn::GetAtt": ["R", "Odd"]}), "resource R does not support attribute type Odd in Fn::GetAtt"),
    (_resource(QueueName={"Fn::Select": [3, ["a"]]}), "Fn::Select cannot select nonexistent value at index 3"),
    (_resource(QueueName={"Fn::FindInMap": ["M", "a", "b"]}), "Unable to get mapping for M::a::b"),
    (_resource(QueueName={"Fn::If": ["C", "a", "b"]}), "unresolved condition dependency C"),
    (_template(Resources={"Q": queue() | {"DependsOn": "X"}}), "Unresolved resource dependencies [X]"),
    (
        _template(Resources={"Q": queue(QueueName={"Ref": "R"}), "R": queue() | {"DependsOn": "Q"}}),
        "Circular dependency between resources: [Q, R]",
    ),
    (_template(Outputs={"O": {"Value": {"Ref": "X"}}}), "[X] in the Outputs block of the template"),
    (_template(Parameters={"A": {"Type": "String"}, "B": {"Type": "String"}}), "Parameters: [A, B] must have values"),
]


@pytest.mark.parametrize(("template", "words"), _REFUSED, ids=[words[:40] for _, words in _REFUSED])
def test_a_template_is_refused_in_cloudformations_words(formation: Formation, template: str, words: str) -> None:
    with pytest.raises(ClientError) as caught:
        formation.deploy(template)
    error = caught.value.response["Error"]
    assert (error["Code"], words in error["Message"]) == ("ValidationError", True), error["Message"]
    assert formation.api.list_stacks()["StackSummaries"] == []


@pytest.mark.parametrize(
    ("form", "value", "words"),
    [
        ({"AllowedPattern": "[a-z]+"}, "A", "Parameter 'P' must match pattern [a-z]+"),
        ({"AllowedValues": ["a", "b"]}, "c", "Parameter 'P' must be one of AllowedValues"),
        ({"MinLength": 2}, "c", "Parameter 'P' must contain at least 2 characters"),
        ({"Type": "Number", "MaxValue": 5}, "6", "Parameter 'P' must be a number not greater than 5"),
        ({"Type": "Number"}, "six", "Parameter 'P' must be a number"),
        ({"AllowedPattern": "x", "ConstraintDescription": "an x"}, "y", "failed to satisfy constraint: an x"),
    ],
)
def test_a_parameters_value_is_refused(formation: Formation, form: dict[str, Any], value: str, words: str) -> None:
    given = [{"ParameterKey": "P", "ParameterValue": value}]
    with pytest.raises(ClientError, match=re.escape(words)):
        formation.deploy(_template(Parameters={"P": {"Type": "String"} | form}), Parameters=given)
    with pytest.raises(ClientError, match=re.escape("Parameters: [P] do not exist in the template")):
        formation.deploy(_template(), Parameters=given)


@pytest.mark.parametrize(
    ("properties", "words"),
    [
        ({"Foo": 1}, "#: extraneous key [Foo] is not permitted"),
        ({"Arn": "x"}, "#: extraneous key [Arn] is not permitted"),
        ({"DelaySeconds": "soon"}, "#/DelaySeconds: expected type: Integer, found: String"),
        ({"Tags": [{"Key": "a"}]}, "#/Tags/0: required key [Value] not found"),
    ],
)
def test_a_wrong_property_fails_its_resource(formation: Formation, properties: dict[str, Any], words: str) -> None:
    assert formation.deploy(_resource(**properties))["StackStatus"] == "ROLLBACK_COMPLETE"
    assert f"Properties validation failed for resource Q with message:\n{words}" in formation.reason("CREATE_FAILED")


def test_a_property_that_would_have_no_effect_here_fails_its_resource(formation: Formation) -> None:
    bucket = {"Type": "AWS::S3::Bucket", "Properties": {"WebsiteConfiguration": {"IndexDocument": "x"}}}
    formation.deploy(_template(Resources={"B": bucket}))
    assert "local cloud's limit" in formation.reason("CREATE_FAILED")


def test_iam_needs_to_be_acknowledged(formation: Formation) -> None:
    role = {"Type": "AWS::IAM::Role", "Properties": {"RoleName": "r", "AssumeRolePolicyDocument": {}}}
    template = _template(Resources={"R": role})
    for capabilities in ([], ["CAPABILITY_IAM"]):
        with pytest.raises(ClientError) as caught:
            formation.deploy(template, Capabilities=capabilities)
        assert caught.value.response["Error"]["Code"] == "InsufficientCapabilitiesException"
        assert "Requires capabilities : [CAPABILITY_NAMED_IAM]" in str(caught.value)
    summary = formation.api.get_template_summary(TemplateBody=template)
    assert (summary["Capabilities"], summary["ResourceTypes"]) == (["CAPABILITY_NAMED_IAM"], ["AWS::IAM::Role"])


def test_a_large_template_comes_from_s3(formation: Formation) -> None:
    large = _template(Metadata={"x": "y" * 60_000})
    with pytest.raises(ClientError, match="less than or equal to 51200"):
        formation.deploy(large)
    s3 = formation.client("s3")
    s3.create_bucket(Bucket="templates")
    s3.put_object(Bucket="templates", Key="a/lake.json", Body=large.encode())
    for url in ("https://templates.s3.amazonaws.com/a/lake.json", f"{formation.cloud.url}/templates/a/lake.json"):
        assert formation.api.validate_template(TemplateURL=url)["Parameters"] == []
    formation.api.create_stack(StackName="lake", TemplateURL=url)
    assert formation.ended()["StackStatus"] == "CREATE_COMPLETE"
    with pytest.raises(ClientError, match="S3 error"):
        formation.api.validate_template(TemplateURL=f"{formation.cloud.url}/templates/none")
