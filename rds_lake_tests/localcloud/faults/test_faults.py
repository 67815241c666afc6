"""Faults on request: what was asked for strikes once each, in order, and nothing outlives a reset."""

import json
import time
from collections.abc import Callable
from typing import Any
from urllib.request import urlopen

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from rds_lake.localcloud.faults.fault_bodies import read_faults
from rds_lake.localcloud.http.app import ApiError
from rds_lake_tests.localcloud.rds.aurora import CLUSTER_ARN, Aurora
from rds_lake_tests.support.world import post, until

_NOTHING = {"exports": [], "events": [], "throttle": [], "delayed": 0}


def ask(aurora: Aurora, **body: Any) -> tuple[int, dict[str, Any]]:
    return post(f"{aurora.cloud.url}/_local/faults", body)


def pending(aurora: Aurora) -> dict[str, Any]:
    with urlopen(f"{aurora.cloud.url}/_local/faults") as answer:
        return json.load(answer)


def client(aurora: Aurora, service: str) -> Any:
    once = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})
    return boto3.client(service, endpoint_url=aurora.cloud.url, region_name="us-east-1", config=once)  # type: ignore[call-overload]


def test_exports_end_one_by_one_as_it_was_asked_for(aurora: Aurora) -> None:
    skipped = ["cluster_shop.public.orders"]
    assert ask(aurora, exports=[{"fail": "boom"}, {"skip_tables": skipped}, {"cancel": True}])[0] == 200
    arn = aurora.snapshot(event=False)
    ended = []
    for number in range(1, 5):
        aurora.start(arn, f"task-{number}")
        ended.append(aurora.finished(f"task-{number}"))
    assert [task["Status"] for task in ended] == ["FAILED", "COMPLETE", "CANCELED", "COMPLETE"]
    assert ended[0]["FailureCause"] == "boom"
    assert [table["tableName"] for table in json.loads(ended[1]["WarningMessage"])["skippedTables"]] == skipped
    assert "WarningMessage" not in ended[3]
    assert aurora.keys("task-3/"), "cancelling leaves what was written"
    assert pending(aurora) == _NOTHING
    assert until(lambda: len(heard := aurora.heard_ids()) == 4 and heard) == ["0162", "0164", "0163", "0164"]


def test_a_stuck_export_stays_in_progress_until_it_is_cancelled(aurora: Aurora) -> None:
    ask(aurora, exports=[{"stuck": True}])
    aurora.start(CLUSTER_ARN)
    until(lambda: aurora.task()["Status"] == "IN_PROGRESS")
    time.sleep(0.3)
    assert aurora.task()["Status"] == "IN_PROGRESS"
    aurora.rds.cancel_export_task(ExportTaskIdentifier="task-1")
    assert aurora.finished()["Status"] == "CANCELED"
    assert until(aurora.heard_ids) == ["0235"]


def test_a_reset_frees_a_stuck_export_and_forgets_every_fault(aurora: Aurora) -> None:
    ask(
        aurora,
        exports=[{"stuck": True}, {"fail": "later"}],
        events=[{"action": "drop", "match": "RDS-EVENT-0161"}],
        throttle=[{"service": "rds", "operation": "StartExportTask", "calls": 9}],
    )
    shown = pending(aurora)
    assert shown["exports"] == [{"stuck": True}, {"fail": "later"}]
    assert shown["events"] == [{"action": "drop", "match": "RDS-EVENT-0161"}]
    assert shown["throttle"][0] == {"service": "rds", "operation": "StartExportTask", "calls": 9, "code": "Throttling"}
    clients = aurora.cloud.clients.client("rds")
    arguments = {"S3BucketName": "exports", "IamRoleArn": aurora.role, "KmsKeyId": "alias/exports"}
    clients.start_export_task(ExportTaskIdentifier="task-1", SourceArn=CLUSTER_ARN, **arguments)
    started = time.monotonic()
    aurora.cloud.reset()
    assert time.monotonic() - started < 60
    assert pending(aurora) == _NOTHING


def test_events_are_lost_and_doubled_one_by_one(quick: Aurora) -> None:
    ask(quick, events=[{"action": "drop", "match": "RDS-EVENT-0169"}, {"action": "double"}])
    quick.snapshot("2026-11-18T03:00:00Z")
    quick.snapshot("2026-11-19T03:00:00Z")
    assert quick.heard_ids() == ["0168", "0168", "0168", "0169"], "any event is doubled, only 0169 is lost"
    ask(quick, events=[{"action": "drop", "match": "COMPLETED"}])
    quick.snapshot(type="awsbackup")
    assert quick.heard_ids() == ["CREATED", "RUNNING", "0074", "0075"]


def test_a_late_event_comes_late_and_its_sender_does_not_wait(quick: Aurora) -> None:
    ask(quick, events=[{"action": "delay", "seconds": 6.0, "match": "RDS-EVENT-0168"}])
    quick.snapshot()
    assert (quick.heard_ids(), pending(quick)["delayed"]) == (["0169"], 1)
    assert until(quick.heard_ids) == ["0168"]
    assert pending(quick)["delayed"] == 0


def test_a_late_event_does_not_outlive_a_reset(quick: Aurora) -> None:
    ask(quick, events=[{"action": "delay", "seconds": 0.3, "match": "RDS-EVENT-0168"}])
    quick.snapshot()
    quick.prepare()
    time.sleep(0.6)
    assert quick.heard() == []


def statement(athena: Any) -> Any:
    return athena.start_query_execution(QueryString="SELECT 1", ResultConfiguration={"OutputLocation": "s3://exports/"})


@pytest.mark.parametrize(
    ("service", "operation", "call", "code", "status"),
    [
        ("rds", "DescribeDBInstances", lambda rds: rds.describe_db_instances(), "Throttling", 400),
        ("athena", "StartQueryExecution", statement, "ThrottlingException", 400),
        ("glue", "GetDatabases", lambda glue: glue.get_databases(), "ThrottlingException", 400),
        ("sqs", "ListQueues", lambda sqs: sqs.list_queues(), "ThrottlingException", 400),
        ("s3", "PutObject", lambda s3: s3.put_object(Bucket="exports", Key="a/b", Body=b"x" * 9999), "SlowDown", 503),
        ("s3", "ListObjectsV2", lambda s3: s3.list_objects_v2(Bucket="exports", Prefix="p"), "SlowDown", 503),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_next_calls_of_an_operation_are_throttled_in_the_protocol_of_their_service(
    aurora: Aurora, service: str, operation: str, call: Callable[[Any], Any], code: str, status: int
) -> None:
    ask(aurora, throttle=[{"service": service, "operation": operation, "calls": 2}])
    boto = client(aurora, service)
    for _ in range(2):
        with pytest.raises(ClientError) as caught:
            call(boto)
        answer = caught.value.response
        assert (answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]) == (code, status)
    call(boto)
    assert pending(aurora) == _NOTHING


@pytest.mark.parametrize(
    ("operation", "call"),
    [
        ("HeadObject", lambda s3: s3.head_object(Bucket="exports", Key="k")),
        ("GetObject", lambda s3: s3.get_object(Bucket="exports", Key="k")),
        ("CopyObject", lambda s3: s3.copy_object(Bucket="exports", Key="c", CopySource="exports/k")),
        ("DeleteObjects", lambda s3: s3.delete_objects(Bucket="exports", Delete={"Objects": [{"Key": "k"}]})),
        ("CreateMultipartUpload", lambda s3: s3.create_multipart_upload(Bucket="exports", Key="m")),
        ("GetBucketLocation", lambda s3: s3.get_bucket_location(Bucket="exports")),
        ("ListBuckets", lambda s3: s3.list_buckets()),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_every_operation_of_s3_is_recognised(aurora: Aurora, operation: str, call: Callable[[Any], Any]) -> None:
    s3 = client(aurora, "s3")
    s3.put_object(Bucket="exports", Key="k", Body=b"x")
    ask(aurora, throttle=[{"service": "s3", "operation": operation, "calls": 1}])
    with pytest.raises(ClientError) as caught:
        call(s3)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503
    call(s3)


def test_parts_of_a_multipart_copy_are_throttled_and_no_other_call_is(aurora: Aurora) -> None:
    s3 = client(aurora, "s3")
    ask(aurora, throttle=[{"service": "s3", "operation": "UploadPartCopy", "calls": 1}])
    s3.put_object(Bucket="exports", Key="k", Body=b"x")
    where = {"Bucket": "exports", "Key": "m"}
    upload = s3.create_multipart_upload(**where)["UploadId"]
    part = {"PartNumber": 1, "UploadId": upload}
    s3.upload_part(Body=b"x", **part, **where)
    with pytest.raises(ClientError, match="SlowDown"):
        s3.upload_part_copy(CopySource="exports/k", **part, **where)
    s3.upload_part_copy(CopySource="exports/k", **part, **where)


def test_botos_own_retries_get_over_a_short_throttling(aurora: Aurora) -> None:
    arn = aurora.snapshot(event=False)
    ask(
        aurora,
        throttle=[{"service": "rds", "operation": "StartExportTask", "calls": 1, "code": "RequestLimitExceeded"}],
    )
    assert aurora.start(arn)["ResponseMetadata"]["RetryAttempts"] == 1


def test_the_local_clouds_own_calls_are_not_throttled(aurora: Aurora) -> None:
    arn = aurora.snapshot(event=False)
    ask(aurora, throttle=[{"service": "s3", "operation": "PutObject", "calls": 1}])
    aurora.start(arn)
    assert aurora.finished()["Status"] == "COMPLETE"
    assert len(pending(aurora)["throttle"]) == 1


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, ["has no fault"]),
        ({"export": []}, ["'export' is unknown; known are exports, events, throttle"]),
        ({"exports": {"fail": "x"}}, ["exports is not a list"]),
        ({"exports": ["x", {}, {"fail": ""}, {"skip_tables": "a"}, {"stuck": 1}]}, [f"exports[{n}]" for n in range(5)]),
        ({"exports": [{"fail": "x", "stuck": True}]}, ["exactly one of"]),
        ({"events": [{"action": "lose"}, {"action": "delay"}]}, ["'lose'", "needs seconds"]),
        (
            {"events": [{"action": "drop", "seconds": 3, "match": "0161"}]},
            ["belong to a delay", "'0161' is not an event"],
        ),
        ({"throttle": [{"service": "rdss", "operation": "X", "calls": 0}]}, ["'rdss'", "calls 0"]),
        (
            {"throttle": [{"service": "rds", "operation": "StartExport", "calls": True}]},
            ["'StartExport'", "calls True"],
        ),
        ({"throttle": [{"service": "lambda", "operation": "Invoke", "calls": 1, "code": "<"}]}, ["rest-json", "'<'"]),
        ({"exports": [{"fail": "fine"}], "events": [{}], "throttle": [{}]}, ["events[0]", "throttle[0]"]),
    ],
    ids=lambda value: json.dumps(value)[:50] if isinstance(value, dict) else "",
)
def test_a_bad_body_is_refused_with_every_problem(body: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(ApiError) as caught:
        read_faults(body)
    assert caught.value.status == 400
    assert [word for word in words if word not in caught.value.message] == []


def test_of_a_bad_body_nothing_is_kept(quick: Aurora) -> None:
    status, answer = ask(quick, exports=[{"fail": "fine"}], events=[{}])
    assert (status, "events[0]" in answer["error"]) == (400, True)
    assert pending(quick) == _NOTHING


def test_a_failing_export_of_an_instance_is_announced_as_one(aurora: Aurora) -> None:
    ask(aurora, exports=[{"fail": "boom"}])
    aurora.start(aurora.snapshot(database="shop-prod", event=False))
    assert until(aurora.heard_ids) == ["0159"]
