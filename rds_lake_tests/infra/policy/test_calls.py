"""No call can be forgotten: every operation of AWS in the code has its action in a printed policy, and the other way round."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import botocore.session
from botocore import xform_name

from rds_lake.console.aws_reference import PublishedReference
from rds_lake.infra.policy.pipeline import pipeline_policy
from rds_lake.infra.template.warehouse.template import warehouse_template
from rds_lake.model.lake.layout import LakeLayout
from rds_lake.model.warehouse.names import names_of
from rds_lake.model.warehouse.plan import Mode
from rds_lake_tests.house import PACKAGE
from rds_lake_tests.infra.policy.lakes import LAKES, NAMES
from rds_lake_tests.infra.policy.printed import printed

# A gateway's file -> the service of its calls.
GATEWAYS = {
    "rds": "rds", "rds_snapshots": "rds", "dynamodb": "dynamodb", "glue": "glue", "glue_jobs": "glue", "athena": "athena",
    "sqs": "sqs", "sns": "sns", "secrets": "secretsmanager", "redshift_data": "redshift-data", "clusters": "redshift",
    "serverless": "redshift-serverless", "stacks": "cloudformation", "roles": "iam", "keys": "kms",
}  # fmt: skip
SERVICES = {*GATEWAYS.values(), "s3", "kms", "iam", "events", "sts", "cloudformation"}
# What is called beside gateways, and by whom. A call in another room would not be found, so there must be none.
ROOMS = ("infra", "console")

# Operation -> actions, where they differ: https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
OTHER_NAMES = {
    "s3:ListObjectsV2": {"s3:ListBucket"},
    "s3:ListObjects": {"s3:ListBucket"},  # and the name of the gateway's own method
    "s3:HeadBucket": {"s3:ListBucket"},
    "s3:HeadObject": {"s3:GetObject"},
    "s3:CopyObject": {"s3:GetObject", "s3:PutObject"},
    "s3:UploadPartCopy": {"s3:GetObject", "s3:PutObject"},
    "s3:CreateMultipartUpload": {"s3:PutObject"},
    "s3:UploadPart": {"s3:PutObject"},
    "s3:CompleteMultipartUpload": {"s3:PutObject"},
    "s3:DeleteObjects": {"s3:DeleteObject"},
    "s3:ListParts": {"s3:ListMultipartUploadParts"},
    "s3:ListMultipartUploads": {"s3:ListBucketMultipartUploads"},
    "s3:GetBucketNotificationConfiguration": {"s3:GetBucketNotification"},
    "s3:PutBucketNotificationConfiguration": {"s3:PutBucketNotification"},
    "s3:PutPublicAccessBlock": {"s3:PutBucketPublicAccessBlock"},
    "sqs:DeleteMessageBatch": {"sqs:DeleteMessage"},
    "sts:GetCallerIdentity": set[str](),  # everybody may ask who they are: no policy can forbid it
}
# What AWS does in the pipeline's name, so that no call of the code has the name of the action.
INDIRECT = {
    "iam:PassRole": "StartExportTask hands the export role to RDS",
    "kms:CreateGrant": "StartExportTask gives RDS a grant on the key",
    "kms:Decrypt": "S3, DynamoDB and SNS use the lake's key for the caller",
    "kms:GenerateDataKey": "S3, DynamoDB and SNS use the lake's key for the caller",
    "glue:GetDatabase": "Athena looks up the database of a query",
    "s3:GetBucketLocation": "Athena asks where its results go",
    "s3:PutObjectAcl": "ExportTableToPointInTime writes as the caller",
}


@cache
def operations(service: str) -> dict[str, str]:
    """Python's name of each operation -> AWS's."""
    model = botocore.session.get_session().get_service_model(service)
    return {xform_name(name): name for name in model.operation_names}


def called() -> set[str]:
    """Every operation in the code, as `service:Operation`."""
    return {*_of_gateways(), *_of_other_rooms()}


def _of_gateways() -> Iterator[str]:
    for path in sorted((PACKAGE / "aws").rglob("*.py")):
        service = "s3" if path.parent.name == "s3" else GATEWAYS.get(path.stem)
        for name in _names(path) if service else ():
            if name in operations(service or ""):
                yield f"{service}:{operations(service or '')[name]}"


def _of_other_rooms() -> Iterator[str]:
    """Names that only one service has; the receiver's name decides among several."""
    for path in (path for room in ROOMS for path in sorted((PACKAGE / room).rglob("*.py"))):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            receiver = _last_name(node.func.value)
            services = [service for service in SERVICES if node.func.attr in operations(service)]
            if receiver in SERVICES:
                services = [service for service in services if service == receiver]
            yield from (f"{service}:{operations(service)[node.func.attr]}" for service in services)


def _names(path: Path) -> set[str]:
    """Methods that are called, and texts: paginators and tables of operations have an operation's name as text."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            found.add(node.func.attr)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.add(node.value)
    return found


def _last_name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
        return str(node.args[0].value)  # clients.client("events")
    return node.id if isinstance(node, ast.Name) else ""


def needed(operation: str) -> set[str]:
    return OTHER_NAMES.get(operation, {operation})


@cache
def allowed() -> frozenset[str]:
    documents = [document for config in LAKES.values() for document in printed(config, NAMES).values()]
    return frozenset(action for document in documents for one in document.statements for action in one.actions)


def test_every_operation_that_the_code_calls_is_allowed_by_some_printed_policy() -> None:
    missing = {operation: needed(operation) - allowed() for operation in called()}
    assert {operation: actions for operation, actions in missing.items() if actions} == {}


def test_the_pipelines_own_calls_are_allowed_to_the_pipeline() -> None:
    documents = [pipeline_policy(config, NAMES) for config in LAKES.values()]
    actions = {action for document in documents for one in document.statements for action in one.actions}
    only_setup = {"glue:CreateJob", "glue:GetJob", "glue:UpdateJob"}  # `infra/existing/job.py` alone calls them
    assert {action for operation in _of_gateways() for action in needed(operation)} - actions == only_setup


def _of_stacks() -> set[str]:
    """What CloudFormation calls in the pipeline's name for the stack of a warehouse."""
    published, config = PublishedReference(), LAKES["warehouses"]
    layout = LakeLayout(bucket="acme-lake", prefix="lake")
    bodies = [
        warehouse_template(config, each, names_of(layout, each.name, "run-1", Mode(each.mode), 1))
        for each in config.warehouses
    ]
    types = {resource["Type"] for body in bodies for resource in body["Resources"].values()}
    return {action for name in types for action in published.handler_actions(name)}


def test_the_pipeline_is_allowed_nothing_that_nobody_calls() -> None:
    documents = [pipeline_policy(config, NAMES) for config in LAKES.values()]
    actions = {action for document in documents for one in document.statements for action in one.actions}
    own = {action for operation in _of_gateways() for action in needed(operation)}
    assert actions - own - (_of_stacks() - INDIRECT.keys()) == INDIRECT.keys()


def test_the_search_for_calls_finds_them() -> None:
    found = called()
    assert len(found) > 60
    assert {"rds:DescribeDBClusterSnapshots", "s3:ListParts", "events:PutTargets", "sts:GetCallerIdentity"} <= found


def test_no_other_room_calls_aws_itself() -> None:
    rooms = {path.relative_to(PACKAGE).parts[0] for path in PACKAGE.rglob("*.py") if _makes_a_client(path)}
    # The function of `streams/` works in Lambda, under a role of its own.
    assert rooms <= {"aws", *ROOMS, "defs", "stages", "demo", "localcloud", "streams"}
    gateways = {
        "dynamodb",
        "glue",
        "secretsmanager",
        "redshift",
        "redshift-data",
        "redshift-serverless",
        "cloudformation",
        "iam",
        "kms",
    }
    for room in ("defs", "stages"):
        for path in sorted((PACKAGE / room).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and _is_client(node.func):
                    assert {_last_name(node)} <= gateways, f"{path}: only to make a gateway of it"


def _makes_a_client(path: Path) -> bool:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return any(isinstance(node, ast.Call) and _is_client(node.func) for node in ast.walk(tree))


def _is_client(function: ast.expr) -> bool:
    return isinstance(function, ast.Attribute) and function.attr == "client"


def test_the_wire_sends_requests_of_operations_that_are_known() -> None:
    """`aws/s3/` builds some requests itself: a PUT with a source, HEAD, GET, a list, a POST that deletes."""
    sent = {
        (node.args[0].value, next((keyword.arg for keyword in node.keywords if keyword.arg == "query"), None))
        for path in sorted((PACKAGE / "aws" / "s3").glob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and _last_name(node.func) == "S3Request"
        and isinstance(node.args[0], ast.Constant)
    }
    assert sent == {("PUT", None), ("HEAD", None), ("GET", None), ("GET", "query"), ("POST", "query")}
