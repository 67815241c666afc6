"""DynamoDB of a local cloud, over HTTP with plain boto3, and the verbs its tests are written in."""

import base64
import gzip
import hashlib
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
from botocore.config import Config

from rds_lake.localcloud.cloud import LocalCloud
from rds_lake_tests.support.world import post, until

BUCKET = "acme-exports"
_ONCE = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})


@dataclass(slots=True)
class Dynamo:
    """One local cloud with one bucket."""

    cloud: LocalCloud
    _clients: dict[tuple[str, str], Any] = field(default_factory=dict)

    def client(self, service: str, region: str = "us-east-1") -> Any:
        if (service, region) not in self._clients:
            self._clients[service, region] = self._new(service, region)
        return self._clients[service, region]

    def _new(self, service: str, region: str) -> Any:
        return boto3.client(service, endpoint_url=self.cloud.url, region_name=region, config=_ONCE)  # type: ignore[call-overload]

    @property
    def db(self) -> Any:
        return self.client("dynamodb")

    def clock(self, moment: str | datetime | None) -> tuple[int, dict[str, Any]]:
        """Move the local cloud's clock; None: back to real time."""
        words = moment.isoformat() if isinstance(moment, datetime) else moment
        return post(f"{self.cloud.url}/_local/clock", {"now": words} if words else {})

    def faults(self, **body: Any) -> None:
        status, answer = post(f"{self.cloud.url}/_local/faults", body)
        assert status == 200, answer

    def table(self, name: str = "Orders", keys: str = "id:S", *, recovery: bool = True, **more: Any) -> str:
        """A table with keys like `customer:S at:N`; its ARN."""
        parts = [key.rsplit(":", 1) for key in keys.split()]
        schema = [
            {"AttributeName": key, "KeyType": kind} for (key, _), kind in zip(parts, ("HASH", "RANGE"), strict=False)
        ]
        attributes = [{"AttributeName": key, "AttributeType": kind} for key, kind in parts]
        billing = {} if "ProvisionedThroughput" in more else {"BillingMode": "PAY_PER_REQUEST"}
        arguments = {"TableName": name, "KeySchema": schema, "AttributeDefinitions": attributes} | billing | more
        arn = self.db.create_table(**arguments)["TableDescription"]["TableArn"]
        if recovery:
            self.recovery(name)
        return arn

    def recovery(self, name: str = "Orders", *, on: bool = True, **more: Any) -> dict[str, Any]:
        wanted = {"PointInTimeRecoveryEnabled": on} | more
        answer = self.db.update_continuous_backups(TableName=name, PointInTimeRecoverySpecification=wanted)
        return answer["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]

    def put(self, name: str = "Orders", **attributes: Any) -> None:
        """An item; text is text, numbers are numbers."""
        item = {key: value if isinstance(value, dict) else typed(value) for key, value in attributes.items()}
        self.db.put_item(TableName=name, Item=item)

    def delete(self, name: str = "Orders", **key: Any) -> None:
        self.db.delete_item(TableName=name, Key={part: typed(value) for part, value in key.items()})

    def start(self, arn: str, **more: Any) -> dict[str, Any]:
        arguments = {"TableArn": arn, "S3Bucket": BUCKET, "S3Prefix": "deep/er"} | more
        return self.db.export_table_to_point_in_time(**arguments)["ExportDescription"]

    def start_window(self, arn: str, start: datetime, end: datetime | None, **more: Any) -> dict[str, Any]:
        """An incremental export."""
        window = {"ExportFromTime": start} | ({"ExportToTime": end} if end else {}) | more
        return self.start(arn, ExportType="INCREMENTAL_EXPORT", IncrementalExportSpecification=window)

    def ended(self, export: dict[str, Any]) -> dict[str, Any]:
        """The description once it is no longer in progress."""

        def done() -> dict[str, Any] | None:
            description = self.db.describe_export(ExportArn=export["ExportArn"])["ExportDescription"]
            return description if description["ExportStatus"] != "IN_PROGRESS" else None

        return until(done)

    def exported(self, export: dict[str, Any]) -> list[dict[str, Any]]:
        """Every line of an export, once it is there and its manifests, sums and counts are right."""
        ended = self.ended(export)
        assert ended["ExportStatus"] == "COMPLETED", ended
        summary = json.loads(self.read(ended["ExportManifest"]))
        files = [json.loads(line) for line in self.read(summary["manifestFilesS3Key"]).splitlines()]
        lines: list[dict[str, Any]] = []
        for file in files:
            content = self.read(file["dataFileS3Key"])
            assert file["md5Checksum"] == md5(content)
            items_of_file = [json.loads(line) for line in gzip.decompress(content).decode().splitlines()]
            assert len(items_of_file) == file["itemCount"]
            lines += items_of_file
        assert len(lines) == summary["itemCount"] == ended["ItemCount"]
        return lines

    def items(self, export: dict[str, Any]) -> list[dict[str, Any]]:
        """The items of a full export, by their JSON."""
        return sorted((line["Item"] for line in self.exported(export)), key=json.dumps)

    def keys(self, prefix: str = "") -> list[str]:
        pages = self.client("s3").get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
        return [item["Key"] for page in pages for item in page.get("Contents", [])]

    def read(self, key: str) -> bytes:
        return self.client("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read()


def typed(value: Any) -> dict[str, Any]:
    return {"S": value} if isinstance(value, str) else {"B": value} if isinstance(value, bytes) else {"N": str(value)}


def md5(content: bytes) -> str:
    return base64.b64encode(hashlib.md5(content).digest()).decode()


def ago(**amount: float) -> datetime:
    """A time of the past, in whole seconds as boto3 sends them."""
    return (datetime.now(UTC) - timedelta(**amount)).replace(microsecond=0)
