"""DynamoDB: tables, point-in-time recovery, exports, scans.

What belongs here: calls with paging, and answers as values. Which tables and exports are wanted is decided in
`stages/dynamodb/exporting/exports.py`, and the speed of a scan in `stages/dynamodb/scanning/pace.py`.
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_ExportTableToPointInTime.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, overload

from rds_lake.aws.translate import aws_errors
from rds_lake.errors import AwsError, ExportQuotaError
from rds_lake.model.dynamodb.chain import Window
from rds_lake.model.dynamodb.tables import DynamoTable, Recovery, TableExport
from rds_lake.model.exports.task import ExportStatus

OLD_AND_NEW = "NEW_AND_OLD_IMAGES"
_EXPORTS_PER_PAGE = 25
_STATUSES = {
    "IN_PROGRESS": ExportStatus.IN_PROGRESS,
    "COMPLETED": ExportStatus.COMPLETE,
    "FAILED": ExportStatus.FAILED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanPage:
    """One page of a segment: its items as DynamoDB JSON, binary values as bytes.

    `after`: the key after which the next page begins, None at the end. `units`: the consumed read units. `throttled`: whether
    DynamoDB refused the page at least once before it returned it.
    """

    items: Sequence[Mapping[str, Any]]
    after: dict[str, Any] | None
    units: float
    throttled: bool


class DynamoGateway:
    """Tables of the account and Region, and their exports."""

    def __init__(self, client: Any, *, starting: Any = None) -> None:
        """`starting`: the client that starts exports, and repeats nothing. boto3 would take AWS's limit of exports, which may last for
        an hour, for throttling, and would repeat the call without success.
        """
        self._client, self._starting = client, starting or client

    def list_tables(self) -> list[str]:
        """Returns the names of all tables, sorted."""
        with aws_errors("dynamodb", "ListTables"):
            pages = self._client.get_paginator("list_tables").paginate()
            return sorted(name for page in pages for name in page["TableNames"])

    def find_table(self, name: str) -> DynamoTable | None:
        """Returns the table, or None."""
        try:
            with aws_errors("dynamodb", "DescribeTable", about=name):
                table = self._client.describe_table(TableName=name)["Table"]
        except AwsError as error:
            if error.code == "ResourceNotFoundException":
                return None
            raise
        on_demand = table.get("BillingModeSummary", {}).get("BillingMode") == "PAY_PER_REQUEST"
        provisioned = table.get("ProvisionedThroughput", {}).get("ReadCapacityUnits", 0)
        return DynamoTable(
            arn=table["TableArn"],
            name=table["TableName"],
            created_at=table["CreationDateTime"].astimezone(UTC),
            bytes=table.get("TableSizeBytes", 0),
            items=table.get("ItemCount", 0),
            keys=tuple(key["AttributeName"] for key in sorted(table["KeySchema"], key=lambda key: key["KeyType"])),
            read_capacity=None if on_demand or not provisioned else float(provisioned),
            table_id=table.get("TableId", ""),
        )

    def recovery(self, name: str) -> Recovery:
        """Returns the earliest and latest instant that the table can be exported as of."""
        with aws_errors("dynamodb", "DescribeContinuousBackups", about=name):
            answer = self._client.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
        recovery = answer.get("PointInTimeRecoveryDescription", {})
        if recovery.get("PointInTimeRecoveryStatus") != "ENABLED":
            return Recovery(earliest=None, latest=None)
        return Recovery(
            earliest=_utc(recovery.get("EarliestRestorableDateTime")),
            latest=_utc(recovery.get("LatestRestorableDateTime")),
        )

    def start_export(
        self,
        *,
        table_arn: str,
        moment: datetime,
        bucket: str,
        prefix: str,
        kms_key: str | None,
        bucket_owner: str | None,
        token: str,
        since: datetime | None = None,
    ) -> TableExport:
        """Start a full export as of `moment`, or an incremental export of the changes from `since` until `moment`.

        The same token within eight hours returns the same export. ExportQuotaError if AWS allows no more exports at once.
        """
        optional = {"S3BucketOwner": bucket_owner} if bucket_owner else {}
        optional |= {"S3SseAlgorithm": "KMS", "S3SseKmsKeyId": kms_key} if kms_key else {}
        try:
            with aws_errors("dynamodb", "ExportTableToPointInTime", about=table_arn):
                answer = self._starting.export_table_to_point_in_time(
                    TableArn=table_arn,
                    S3Bucket=bucket,
                    S3Prefix=prefix,
                    ClientToken=token,
                    ExportFormat="DYNAMODB_JSON",
                    **_what(since, moment),
                    **optional,
                )
        except AwsError as error:
            if error.code == "LimitExceededException":
                raise ExportQuotaError(
                    f"the export of {table_arn} has to wait, as AWS allows no more exports at once: {error}"
                ) from error
            raise
        return _export(answer["ExportDescription"])

    def scan_page(
        self, name: str, *, segment: int, total: int, after: Mapping[str, Any] | None, limit: int
    ) -> ScanPage:
        """Returns the next page of a segment, of at most `limit` items or 1 MB. ThrottledError after boto3's own retries."""
        start = {"ExclusiveStartKey": after} if after else {}
        with aws_errors("dynamodb", "Scan", about=name):
            answer = self._client.scan(
                TableName=name,
                Segment=segment,
                TotalSegments=total,
                Limit=limit,
                ReturnConsumedCapacity="TOTAL",
                **start,
            )
        return ScanPage(
            items=answer["Items"],
            after=answer.get("LastEvaluatedKey"),
            units=answer.get("ConsumedCapacity", {}).get("CapacityUnits", 0.0),
            throttled=answer["ResponseMetadata"].get("RetryAttempts", 0) > 0,
        )

    def find_export(self, arn: str) -> TableExport | None:
        """Returns the export of this ARN, or None if DynamoDB does not know it (any more)."""
        try:
            with aws_errors("dynamodb", "DescribeExport", about=arn):
                return _export(self._client.describe_export(ExportArn=arn)["ExportDescription"])
        except AwsError as error:
            if error.code == "ExportNotFoundException":
                return None
            raise

    def list_export_arns(self, table_arn: str) -> Iterator[str]:
        """Returns the ARNs of the table's exports that DynamoDB still lists (90 days)."""
        token: str | None = None
        while True:
            arguments = {"NextToken": token} if token else {}
            with aws_errors("dynamodb", "ListExports", about=table_arn):
                page = self._client.list_exports(TableArn=table_arn, MaxResults=_EXPORTS_PER_PAGE, **arguments)
            yield from (item["ExportArn"] for item in page.get("ExportSummaries", []))
            token = page.get("NextToken")
            if not token:
                return


def _what(since: datetime | None, moment: datetime) -> dict[str, Any]:
    if since is None:
        return {"ExportType": "FULL_EXPORT", "ExportTime": moment}
    window = {"ExportFromTime": since, "ExportToTime": moment, "ExportViewType": OLD_AND_NEW}
    return {"ExportType": "INCREMENTAL_EXPORT", "IncrementalExportSpecification": window}


def _export(item: Any) -> TableExport:
    failure = ": ".join(text for text in (item.get("FailureCode"), item.get("FailureMessage")) if text)
    window = item.get("IncrementalExportSpecification", {})
    start, end = window.get("ExportFromTime"), window.get("ExportToTime")
    return TableExport(
        arn=item["ExportArn"],
        table_arn=item["TableArn"],
        status=_status(item),
        export_time=_utc(item.get("ExportTime")),
        bucket=item.get("S3Bucket", ""),
        prefix=(item.get("S3Prefix") or "").strip("/"),
        kind=item.get("ExportType", "FULL_EXPORT"),
        format=item.get("ExportFormat", "DYNAMODB_JSON"),
        started_at=_utc(item.get("StartTime")),
        ended_at=_utc(item.get("EndTime")),
        manifest_key=item.get("ExportManifest"),
        items=item.get("ItemCount"),
        billed_bytes=item.get("BilledSizeBytes"),
        failure=failure or None,
        table_id=item.get("TableId", ""),
        window=Window(start=_utc(start), end=_utc(end)) if start and end else None,
        view=window.get("ExportViewType", ""),
    )


def _status(item: Any) -> ExportStatus:
    status = _STATUSES.get(item["ExportStatus"])
    if status is None:
        message = f"{item['ExportArn']} has the status {item['ExportStatus']!r}, which this release does not know; update rds-lake"
        raise AwsError(service="dynamodb", operation="DescribeExport", code="UnknownStatus", message=message)
    return status


@overload
def _utc(moment: datetime) -> datetime: ...
@overload
def _utc(moment: None) -> None: ...
def _utc(moment: datetime | None) -> datetime | None:
    return moment.astimezone(UTC) if moment else None
