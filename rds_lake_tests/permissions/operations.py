"""An operation of a gateway for each right of the pipeline that one call needs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from rds_lake.defs.resources import Gateways
from rds_lake.model.aws.arn import Exportable
from rds_lake.model.lake.deletable import Deletable, Place

_TABLE = "arn:aws:dynamodb:us-east-1:123456789012:table/Reviews"
_KEY = "lake/shop/test.txt"
_EVERYTHING = Deletable(places=(Place(bucket="acme-lake", prefix=""),))


def _partition(gateways: Gateways) -> Any:
    return next(iter(gateways.glue.find_partitions("shop", "snapshots_orders")))


def _put(gateways: Gateways) -> None:
    gateways.s3.put_text("acme-lake", _KEY, "1", kms_key="alias/rds-lake")


# An action -> the operation of a gateway that needs it. What only whole stages do is in `ELSEWHERE`.
OPERATIONS: dict[str, Callable[[Gateways], object]] = {
    "rds:DescribeDBSnapshots": lambda g: g.rds.list_snapshots(Exportable.SNAPSHOT, "shop-prod", ["automated"]),
    "rds:DescribeDBClusterSnapshots": lambda g: g.rds.list_snapshots(
        Exportable.CLUSTER_SNAPSHOT, "shop-aurora", ["awsbackup"]
    ),
    "rds:DescribeDBClusters": lambda g: g.rds.find_cluster("shop-aurora", now=datetime.now(UTC)),
    "rds:DescribeExportTasks": lambda g: g.rds.list_running_exports(),
    "dynamodb:ListTables": lambda g: g.dynamodb.list_tables(),
    "dynamodb:DescribeTable": lambda g: g.dynamodb.find_table("Reviews"),
    "dynamodb:DescribeContinuousBackups": lambda g: g.dynamodb.recovery("Reviews"),
    "dynamodb:ListExports": lambda g: list(g.dynamodb.list_export_arns(_TABLE)),
    "dynamodb:DescribeExport": lambda g: g.dynamodb.find_export(f"{_TABLE}/export/0-0"),
    "dynamodb:Scan": lambda g: g.dynamodb.scan_page("Visits", segment=0, total=1, limit=10, after=None),
    "glue:GetJobRuns": lambda g: g.glue.jobs.newest_runs("rds-lake-convert"),
    "glue:GetJobRun": lambda g: g.glue.jobs.find_run("rds-lake-convert", "jr_0"),
    "glue:GetTable": lambda g: g.glue.find_table("shop", "orders"),
    "glue:GetTables": lambda g: list(g.glue.list_tables("shop")),
    "glue:GetPartitions": _partition,
    "glue:BatchGetPartition": lambda g: g.glue.get_partitions("shop", "snapshots_orders", [("2026-01-01",)]),
    "glue:BatchDeletePartition": lambda g: g.glue.delete_partitions("shop", "snapshots_orders", [("2026-01-01",)]),
    "glue:GetDatabase": lambda g: g.athena.run("SELECT 1", database="shop"),
    "athena:StartQueryExecution": lambda g: g.athena.run("SELECT 1", database="shop"),
    "athena:GetQueryExecution": lambda g: g.athena.run("SELECT 1", database="shop"),
    "athena:GetQueryResults": lambda g: g.athena.run("SELECT 1", database="shop"),
    "s3:GetBucketLocation": lambda g: g.athena.run("SELECT 1", database="shop"),
    "s3:GetObject": lambda g: g.s3.get_text("acme-lake", "lake/_manifests/shop/_published.json"),
    "s3:ListBucket": lambda g: list(g.s3.list_objects("acme-lake", "lake/shop/")),
    "s3:PutObject": _put,
    "s3:ListBucketMultipartUploads": lambda g: list(g.s3.list_uploads("acme-lake", "lake/shop/")),
    "kms:GenerateDataKey": _put,
    "kms:Decrypt": lambda g: g.s3.get_text("acme-lake", "lake/_manifests/shop/_published.json"),
    "s3:DeleteObject": lambda g: g.s3.limited(_EVERYTHING).delete("acme-lake", [_KEY]),
    "glue:CreateDatabase": lambda g: g.glue.ensure_database("shop", description=""),
    "sqs:DeleteMessage": lambda g: g.queue.delete(["no receipt"]),
    "sqs:ReceiveMessage": lambda g: g.queue.receive(),
    "sns:Publish": lambda g: g.topic and g.topic.publish(subject="test", message="test"),
    "secretsmanager:GetSecretValue": lambda g: g.secrets.get_text("shop-reader"),
}
# Why there is no operation here.
_STAGE = "test_replay.py denies StartExportTask, which asks for it, to a whole run"
ELSEWHERE = {
    "rds:StartExportTask": _STAGE,
    "iam:PassRole": _STAGE,
    "kms:CreateGrant": _STAGE,
    "kms:DescribeKey": _STAGE,
    "rds:DescribeDBInstances": "not told by design: what it is for is a false alarm at worst (`RdsGateway.find_created`)",
    "sqs:GetQueueUrl": "asked once in a process",
} | dict.fromkeys(
    (
        *("glue:BatchCreatePartition", "glue:BatchUpdatePartition", "glue:CreateTable", "glue:DeleteTable"),
        *("glue:StartJobRun", "glue:UpdateTable", "dynamodb:ExportTableToPointInTime", "s3:PutObjectAcl"),
        *("s3:AbortMultipartUpload", "s3:ListMultipartUploadParts", "athena:StopQueryExecution"),
    ),
    "its gateway's refusals are translated like all others by `aws/translate.py`; only whole stages call it",
)
