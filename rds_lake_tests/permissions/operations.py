"""An operation of a gateway for each right of the pipeline: refused without it, done once it is there.

Each makes what it needs anew, so that it can be repeated.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast
from uuid import uuid4

from rds_lake.aws.athena import AthenaGateway
from rds_lake.aws.s3.objects import Upload
from rds_lake.aws.sqs import SqsGateway
from rds_lake.defs.resources import Gateways
from rds_lake.errors import AwsError, QueryError
from rds_lake.model.aws.arn import Exportable
from rds_lake.model.dynamodb.export_set import ExportSet
from rds_lake.model.lake.deletable import Deletable, Place
from rds_lake.model.tables.glue import GlueTable, PartitionSpec, TableSpec
from rds_lake.stages.dynamodb.exporting.exports import complete_or_raise
from rds_lake_tests.support.world import until

_TABLE = "arn:aws:dynamodb:us-east-1:123456789012:table/Reviews"
_KEY = "lake/shop/test.txt"
_EVERYTHING = Deletable(places=(Place(bucket="acme-lake", prefix=""),))


def _partition(gateways: Gateways) -> Any:
    return next(iter(gateways.glue.find_partitions("shop", "snapshots_orders")))


def _put(gateways: Gateways) -> None:
    gateways.s3.put_text("acme-lake", _KEY, "1", kms_key="alias/rds-lake")


def _start_export(gateways: Gateways) -> None:
    """Of any snapshot of the shop, under an id that was never used; to its end: a snapshot has one export at a time."""
    (snapshot, *_) = gateways.rds.list_snapshots(Exportable.SNAPSHOT, "shop-prod", ["automated"])
    lake = gateways.settings
    assert lake.export_role and lake.kms_key
    started = gateways.rds.start_export(
        identifier=f"denied-{uuid4().hex}",
        source_arn=snapshot.arn,
        bucket=lake.exports_bucket,
        prefix=lake.export_prefix,
        role=lake.export_role,
        kms_key=lake.kms_key,
        include=[],
    )
    until(lambda: (task := gateways.rds.find_export_task(started.identifier)) and not task.status.running)


def _export_table(gateways: Gateways) -> None:
    """To its end: DynamoDB uses the caller's rights in S3 while it writes."""
    dynamodb, lake = gateways.dynamodb, gateways.settings
    started = dynamodb.start_export(
        table_arn=_TABLE,
        moment=datetime.now(UTC),
        bucket=lake.exports_bucket,
        prefix=lake.export_prefix,
        kms_key=None,
        bucket_owner=None,
        token=str(uuid4()),
    )
    ended = until(lambda: (found := dynamodb.find_export(started.arn)) and not found.status.running and found)
    complete_or_raise(
        ExportSet(
            source="reviews",
            snapshot_date=datetime.now(UTC).date(),
            moment=datetime.now(UTC),
            exports={"Reviews": ended},
        )
    )


def _spec() -> TableSpec:
    return TableSpec(
        name=f"denied_{uuid4().hex}",
        columns=(("id", "bigint", ""),),
        partition_keys=(("snapshot_date", "string"),),
        location="s3://acme-lake/lake/shop/denied/",
        description="",
    )


def _create_table(gateways: Gateways) -> GlueTable:
    spec = _spec()
    gateways.glue.create_table("shop", spec)
    table = gateways.glue.find_table("shop", spec.name)
    assert table is not None
    return table


def _update_table(gateways: Gateways) -> None:
    spec = _spec()
    gateways.glue.create_table("shop", spec)
    existing = gateways.glue.find_table("shop", spec.name)
    assert existing is not None
    gateways.glue.update_table("shop", spec, existing=existing)


def _create_partition(gateways: Gateways) -> tuple[str, PartitionSpec]:
    table = _create_table(gateways)
    spec = PartitionSpec(values=("2026-01-01",), location=f"{table.location}a/", columns=table.columns)
    gateways.glue.create_partitions("shop", table.name, [spec])
    return table.name, spec


def _update_partition(gateways: Gateways) -> None:
    table, spec = _create_partition(gateways)
    gateways.glue.update_partitions("shop", table, [spec])


def _delete_view(gateways: Gateways) -> None:
    name = f"denied_{uuid4().hex}"
    gateways.athena.run(f"CREATE VIEW {name} AS SELECT 1 AS one", database="shop")
    gateways.glue.delete_view("shop", name)
    assert gateways.glue.find_table("shop", name) is None


def _convert_again(gateways: Gateways) -> None:
    (newest, *_) = gateways.glue.jobs.newest_runs("rds-lake-convert")
    gateways.glue.jobs.start("rds-lake-convert", newest.arguments)


def _begin_upload(gateways: Gateways) -> Upload:
    begun = gateways.s3.client.create_multipart_upload(Bucket="acme-lake", Key=_KEY)
    return Upload(key=_KEY, upload_id=begun["UploadId"], initiated=datetime.now(UTC), bytes=0)


def _abort_upload(gateways: Gateways) -> None:
    gateways.s3.limited(_EVERYTHING).abort_upload("acme-lake", _begin_upload(gateways))


def _look_at_upload(gateways: Gateways) -> None:
    upload = _begin_upload(gateways)
    try:
        list(gateways.s3.list_uploads("acme-lake", _KEY))
    finally:
        gateways.s3.limited(_EVERYTHING).abort_upload("acme-lake", upload)


@dataclass(frozen=True)
class _Busy:
    """Athena, with queries that go on for ever."""

    client: Any

    def get_query_execution(self, **_: Any) -> Any:
        return {"QueryExecution": {"Status": {"State": "RUNNING"}}}

    def __getattr__(self, name: str) -> Any:
        return getattr(self.client, name)


def _leave_query(gateways: Gateways) -> None:
    """A query that is given up at once. What its stop meets is a note of the error that gave it up, and is raised here."""
    athena = AthenaGateway(
        cast("Any", _Busy(gateways.clients().client("athena"))),
        workgroup=gateways.settings.workgroup,
        output_location="s3://acme-lake/lake/_athena/",
        sleep=time.sleep,
        clock=time.monotonic,
    )
    try:
        athena.run("SELECT 1", database="shop", timeout_seconds=-1)
    except QueryError as error:
        for note in getattr(error, "__notes__", []):
            raise AwsError(service="athena", operation="StopQueryExecution", code="", message=note) from error


# An action -> the operation of a gateway that needs it.
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
    "sns:Publish": lambda g: g.channels.topic and g.channels.topic.publish(subject="test", message="test"),
    "secretsmanager:GetSecretValue": lambda g: g.secrets.get_text("shop-reader"),
    "rds:StartExportTask": _start_export,
    "iam:PassRole": _start_export,
    "kms:CreateGrant": _start_export,
    "kms:DescribeKey": _start_export,
    "rds:DescribeDBInstances": lambda g: g.rds.find_created(Exportable.SNAPSHOT, "shop-prod"),
    "sqs:GetQueueUrl": lambda g: SqsGateway(g.clients().sqs, g.settings.events_queue).url,
    "glue:CreateTable": _create_table,
    "glue:UpdateTable": _update_table,
    "glue:DeleteTable": _delete_view,
    "glue:BatchCreatePartition": _create_partition,
    "glue:BatchUpdatePartition": _update_partition,
    "glue:StartJobRun": _convert_again,
    "dynamodb:ExportTableToPointInTime": _export_table,
    "s3:PutObjectAcl": _export_table,
    "s3:AbortMultipartUpload": _abort_upload,
    "s3:ListMultipartUploadParts": _look_at_upload,
    "athena:StopQueryExecution": _leave_query,
}
