"""Exports of DynamoDB tables: the layout, manifests and answers that AWS documents and others have observed."""

import gzip
import json
import re
from typing import Any

import pytest
from botocore.exceptions import ClientError, WaiterError

from rds_lake.localcloud.cloud import LocalCloud
from rds_lake.localcloud.dynamodb.job import DynamoDbSettings
from rds_lake_tests.localcloud.dynamodb.exporting import BUCKET, Dynamo, ago, md5
from rds_lake_tests.support.open_targets import let_events_in
from rds_lake_tests.support.world import until

EVERY_TYPE: dict[str, Any] = {
    "id": {"S": "größe 😀"},
    "a.b": {"N": "12345678901234567890.12345678901234567"},
    "bytes": {"B": b"\x00\xff"},
    "strings": {"SS": ["a", "b"]},
    "numbers": {"NS": ["1", "2.5"]},
    "binaries": {"BS": [b"\x01", b"\x02"]},
    "map": {"M": {"l": {"L": [{"B": b"\x03"}, {"M": {"deep": {"N": "1E+100"}}}, {"NULL": True}]}}},
    "no": {"BOOL": False},
    "nothing": {"NULL": True},
    "empty": {"S": ""},
}
# The same as JSON has it.
AS_JSON: dict[str, Any] = EVERY_TYPE | {
    "bytes": {"B": "AP8="},
    "binaries": {"BS": ["AQ==", "Ag=="]},
    "map": {"M": {"l": {"L": [{"B": "Aw=="}, {"M": {"deep": {"N": "1E+100"}}}, {"NULL": True}]}}},
}


def test_a_full_export_has_awss_layout(dynamo: Dynamo) -> None:
    arn = dynamo.table()
    dynamo.put(id="1")
    export = dynamo.start(arn)
    assert dynamo.ended(export)["ExportStatus"] == "COMPLETED"
    number = export["ExportArn"].removeprefix(f"{arn}/export/")
    assert re.fullmatch(r"0\d{13}-[0-9a-f]{8}", number)
    shown = sorted(
        re.sub(r"/[a-z2-7]{26}\.", "/NAME.", key).removeprefix(f"deep/er/AWSDynamoDB/{number}/")
        for key in dynamo.keys()
    )
    data = ["data/NAME.json.gz"] * DynamoDbSettings().partitions
    manifests = ["manifest-files.json", "manifest-files.md5", "manifest-summary.json", "manifest-summary.md5"]
    assert shown == ["_started", *data, *manifests]


@pytest.mark.parametrize("prefix", [{}, {"S3Prefix": "Table/"}, {"S3Prefix": "a/b"}], ids=str)
def test_keys_in_manifests_have_the_prefix_and_are_where_they_say(dynamo: Dynamo, prefix: dict[str, str]) -> None:
    arn = dynamo.table()
    dynamo.put(id="1")
    export = dynamo.db.export_table_to_point_in_time(TableArn=arn, S3Bucket=BUCKET, **prefix)["ExportDescription"]
    assert dynamo.items(export) == [{"id": {"S": "1"}}]
    root = "/".join(part for part in (prefix.get("S3Prefix", "").rstrip("/"), "AWSDynamoDB") if part)
    assert dynamo.ended(export)["ExportManifest"].startswith(f"{root}/0")


def test_manifests_have_the_keys_of_those_aws_wrote(dynamo: Dynamo, samples: Any) -> None:
    arn = dynamo.table()
    for number in range(20):
        dynamo.put(id=f"item {number}")
    done = dynamo.ended(dynamo.start(arn))
    folder = done["ExportManifest"].removesuffix("/manifest-summary.json")
    summary = json.loads(dynamo.read(done["ExportManifest"]))
    sample = samples / "dynamodb-export"
    expected = json.loads((sample / "manifest-summary.full.2020-06-30.json").read_text(encoding="utf-8"))
    assert list(summary) == list(expected)
    assert {type(value) for value in summary.values()} == {type(value) for value in expected.values()}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", summary["exportTime"])
    assert (summary["version"], summary["s3Prefix"], summary["s3SseKmsKeyId"]) == ("2020-06-30", "deep/er", None)
    lines = [json.loads(line) for line in dynamo.read(summary["manifestFilesS3Key"]).splitlines()]
    line = json.loads((sample / "manifest-files.line.json").read_text(encoding="utf-8"))
    assert {tuple(entry) for entry in lines} == {tuple(line)}
    for name in ("manifest-files", "manifest-summary"):
        assert dynamo.read(f"{folder}/{name}.md5").decode() == md5(dynamo.read(f"{folder}/{name}.json"))
    for entry in lines:
        head = dynamo.client("s3").head_object(Bucket=BUCKET, Key=entry["dataFileS3Key"])
        assert head["ETag"].strip('"') == entry["etag"]
        assert re.fullmatch(r"[0-9a-f]{32}-1", entry["etag"]), "uploaded in one part, as AWS does"


def test_every_type_of_attribute_is_exported_as_it_was_written(dynamo: Dynamo, samples: Any) -> None:
    arn = dynamo.table()
    book = json.loads((samples / "dynamodb-export/item.dynamodb-json.json").read_text(encoding="utf-8"))["Item"]
    dynamo.db.put_item(TableName="Orders", Item=EVERY_TYPE)
    dynamo.db.put_item(TableName="Orders", Item=book | {"id": {"S": "book"}})
    exported = {item["id"]["S"]: item for item in dynamo.items(dynamo.start(arn))}
    assert exported == {"größe 😀": AS_JSON, "book": book | {"id": {"S": "book"}}}


def test_an_empty_table_is_exported_as_empty_files(dynamo: Dynamo) -> None:
    export = dynamo.start(dynamo.table())
    assert dynamo.exported(export) == []
    data = [key for key in dynamo.keys() if "/data/" in key]
    assert [gzip.decompress(dynamo.read(key)) for key in data] == [b""] * len(data)
    assert data


def test_items_of_a_partition_key_are_in_one_file_and_large_tables_in_many(
    dynamo: Dynamo, monkeypatch: pytest.MonkeyPatch
) -> None:
    arn = dynamo.table(keys="customer:N at:S")
    for number in range(60):
        dynamo.put(customer=number % 6, at=f"{number:03}")
    first = dynamo.exported(dynamo.start(arn, S3Prefix="first"))
    assert len(first) == 60
    customers: dict[str, set[str]] = {}
    for key in dynamo.keys("first/"):
        for line in gzip.decompress(dynamo.read(key)).splitlines() if "/data/" in key else []:
            customers.setdefault(json.loads(line)["Item"]["customer"]["N"], set()).add(key)
    assert {len(files) for files in customers.values()} == {1}
    small = DynamoDbSettings(progress_seconds=0, finishing_seconds=0, partitions=2, max_file_bytes=200)
    monkeypatch.setattr(dynamo.cloud.table_exports, "_settings", small)
    assert len(dynamo.exported(dynamo.start(arn, S3Prefix="second"))) == 60
    assert len([key for key in dynamo.keys("second/") if "/data/" in key]) > 10


def test_an_export_is_described_as_aws_describes_it(dynamo: Dynamo) -> None:
    arn = dynamo.table()
    dynamo.put(id="1", text="x" * 1000)
    started = dynamo.start(arn, ClientToken="mine", S3BucketOwner="123456789012")
    assert started["ExportStatus"] == "IN_PROGRESS"
    assert (started["ClientToken"], started["S3Prefix"], started["TableArn"]) == ("mine", "deep/er", arn)
    assert started["ExportFormat"] == "DYNAMODB_JSON"
    assert "ExportType" not in started, "AWS leaves out a type that was not asked for"
    assert started["TableId"] == dynamo.db.describe_table(TableName="Orders")["Table"]["TableId"]
    ended = dynamo.ended(started)
    assert ended["ItemCount"] == 1
    assert 1000 < ended["BilledSizeBytes"] < 1100
    assert ended["StartTime"] <= ended["EndTime"]
    asked = dynamo.start(arn, ExportType="FULL_EXPORT")
    assert (asked["ExportType"], bool(asked["ClientToken"])) == ("FULL_EXPORT", True)


def test_botocores_waiter_waits_for_an_export(dynamo: Dynamo) -> None:
    arn = dynamo.table()
    waiter = dynamo.db.get_waiter("export_completed")
    quickly = {"Delay": 0.05, "MaxAttempts": 100}
    waiter.wait(ExportArn=dynamo.start(arn)["ExportArn"], WaiterConfig=quickly)
    failing = dynamo.start(arn, S3Bucket="no-such-bucket")
    with pytest.raises(WaiterError):
        waiter.wait(ExportArn=failing["ExportArn"], WaiterConfig=quickly)


def test_exports_are_encrypted_as_asked(dynamo: Dynamo) -> None:
    arn = dynamo.table()
    key = dynamo.client("kms").create_key()["KeyMetadata"]["Arn"]
    dynamo.ended(dynamo.start(arn))
    done = dynamo.ended(dynamo.start(arn, S3Prefix="kms", S3SseAlgorithm="KMS", S3SseKmsKeyId=key))
    summary = json.loads(dynamo.read(done["ExportManifest"]))
    assert (summary["s3SseAlgorithm"], summary["s3SseKmsKeyId"]) == ("KMS", key)
    heads = [dynamo.client("s3").head_object(Bucket=BUCKET, Key=each) for each in dynamo.keys("kms/")]
    assert {(head["ServerSideEncryption"], head["SSEKMSKeyId"]) for head in heads} == {("aws:kms", key)}
    plain = [dynamo.client("s3").head_object(Bucket=BUCKET, Key=each) for each in dynamo.keys("deep/")]
    assert {head["ServerSideEncryption"] for head in plain} == {"AES256"}


def test_the_manifest_is_announced_by_s3_through_queue_and_eventbridge(dynamo: Dynamo) -> None:
    sqs, s3 = dynamo.client("sqs"), dynamo.client("s3")
    queue = sqs.create_queue(QueueName="q")["QueueUrl"]
    where = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    let_events_in(dynamo.client, where)
    rules = [{"Name": "suffix", "Value": "manifest-summary.json"}]
    configuration = {"QueueArn": where, "Events": ["s3:ObjectCreated:*"], "Filter": {"Key": {"FilterRules": rules}}}
    s3.put_bucket_notification_configuration(
        Bucket=BUCKET,
        NotificationConfiguration={"QueueConfigurations": [configuration], "EventBridgeConfiguration": {}},
    )
    dynamo.client("events").put_rule(Name="r", EventPattern=json.dumps({"detail-type": ["Object Created"]}))
    dynamo.client("events").put_targets(Rule="r", Targets=[{"Id": "1", "Arn": where}])
    done = dynamo.ended(dynamo.start(dynamo.table()))
    bodies = [json.loads(message["Body"]) for message in received(sqs, queue)]
    records = [record for body in bodies for record in body.get("Records", [])]
    assert [record["s3"]["object"]["key"].replace("%2F", "/") for record in records] == [done["ExportManifest"]]
    bridged = [body["detail"]["object"]["key"] for body in bodies if body.get("source") == "aws.s3"]
    assert bridged.count(done["ExportManifest"]) == 1


def received(sqs: Any, queue: str) -> list[dict[str, Any]]:
    received: list[dict[str, Any]] = []
    while messages := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", []):
        received += messages
    return received


def test_a_missing_bucket_is_found_out_by_the_export_and_not_by_its_start(dynamo: Dynamo) -> None:
    ended = dynamo.ended(dynamo.start(dynamo.table(), S3Bucket="no-such-bucket"))
    assert (ended["ExportStatus"], ended["FailureCode"]) == ("FAILED", "S3NoSuchBucket")
    assert "bucket does not exist" in ended["FailureMessage"]


@pytest.mark.parametrize(
    "change",
    [{"S3BucketOwner": "999999999999"}, {"S3SseAlgorithm": "KMS", "S3SseKmsKeyId": "alias/none"}],
    ids=lambda change: next(iter(change)),
)
def test_a_bucket_or_key_that_is_not_ours_fails_the_export(dynamo: Dynamo, change: dict[str, str]) -> None:
    ended = dynamo.ended(dynamo.start(dynamo.table(), **change))
    assert ended["ExportStatus"] == "FAILED"
    assert ended["FailureCode"]
    assert not [key for key in dynamo.keys() if "manifest" in key]


def test_exports_are_listed_by_table_in_pages(dynamo: Dynamo) -> None:
    arns = [dynamo.table(name) for name in ("A", "B")]
    started = sorted(dynamo.start(arn)["ExportArn"] for arn in arns for _ in range(3))
    listed: list[str] = []
    page: dict[str, Any] = {}
    while not listed or "NextToken" in page:
        after = {"NextToken": page["NextToken"]} if listed else {}
        page = dynamo.db.list_exports(MaxResults=4, **after)
        listed += [summary["ExportArn"] for summary in page["ExportSummaries"]]
    assert listed == started, "in the order of their ARNs, each once"
    (first, *_), mine = listed, dynamo.db.list_exports(TableArn=arns[1])["ExportSummaries"]
    assert [summary["ExportArn"] for summary in mine] == listed[3:]
    assert {summary["ExportType"] for summary in mine} == {"FULL_EXPORT"}
    dynamo.ended({"ExportArn": first})
    assert dynamo.client("dynamodb", "eu-west-1").list_exports()["ExportSummaries"] == []


def test_an_export_survives_its_table_and_is_of_that_table(dynamo: Dynamo) -> None:
    arn = dynamo.table()
    dynamo.put(id="old")
    export = dynamo.start(arn)
    dynamo.db.delete_table(TableName="Orders")
    assert dynamo.items(export) == [{"id": {"S": "old"}}]
    with pytest.raises(ClientError, match="TableNotFoundException"):
        dynamo.start(arn)
    dynamo.table()
    dynamo.put(id="new")
    again = dynamo.start(arn)
    assert dynamo.items(again) == [{"id": {"S": "new"}}]
    assert again["TableId"] != export["TableId"]


def test_a_reset_forgets_exports_and_tables(dynamo: Dynamo) -> None:
    export = dynamo.start(dynamo.table())
    dynamo.cloud.reset()
    assert dynamo.db.list_exports()["ExportSummaries"] == []
    with pytest.raises(ClientError, match="ExportNotFoundException"):
        dynamo.db.describe_export(ExportArn=export["ExportArn"])


def test_an_export_takes_the_time_it_is_told_to() -> None:
    with LocalCloud({}, dynamodb=DynamoDbSettings(progress_seconds=0.2, finishing_seconds=0.5)) as cloud:
        dynamo = Dynamo(cloud)
        dynamo.client("s3").create_bucket(Bucket=BUCKET)
        export = dynamo.start(dynamo.table())
        until(lambda: any(key.endswith("manifest-summary.json") for key in dynamo.keys()))
        described = dynamo.db.describe_export(ExportArn=export["ExportArn"])["ExportDescription"]
        assert described["ExportStatus"] == "IN_PROGRESS", "AWS says so a while after its last object"
        assert dynamo.ended(export)["ExportStatus"] == "COMPLETED"


def test_several_tables_are_exported_at_one_time(dynamo: Dynamo) -> None:
    dynamo.clock(ago(days=1))
    arns = [dynamo.table(name) for name in ("A", "B", "C")]
    for name in "ABC":
        dynamo.put(name, id="early")
    dynamo.clock(None)
    for name in "ABC":
        dynamo.put(name, id="late")
    moment = ago(minutes=30)
    exports = [dynamo.start(arn, ExportTime=moment) for arn in arns]
    assert [dynamo.items(export) for export in exports] == [[{"id": {"S": "early"}}]] * 3
    assert {dynamo.ended(export)["ExportTime"] for export in exports} == {moment}
