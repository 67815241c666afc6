"""Firehose: limits, prefixes and buffers as AWS documents them, over HTTP with boto3."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from rds_lake.localcloud.firehose.prefixes import evaluate
from rds_lake_tests.localcloud.permissions.calling import Calling, allow, document
from rds_lake_tests.localcloud.streaming import BUCKET, STREAM, Streaming

_KIB = 1024
_ERRORS = "errors/!{firehose:error-output-type}/"


def refused(call: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call()
    details = caught.value.response["Error"]
    return details["Code"], details["Message"]


def test_records_wait_for_the_interval_by_the_local_clouds_clock(streaming: Streaming) -> None:
    streaming.clock("2026-11-20T10:59:00Z")
    streaming.stream(BufferingHints={"SizeInMBs": 1, "IntervalInSeconds": 60})
    streaming.put(b"a\n", b"b\n")
    assert streaming.keys() == []
    streaming.clock("2026-11-20T11:01:00Z")
    key = streaming.first_key()
    # The time is that of the oldest record, not of the writing.
    assert re.fullmatch(r"2026/11/20/10/changes-1-2026-11-20-10-59-0\d-[0-9a-f-]{36}", key), key
    assert streaming.read(key) == b"a\nb\n"


def test_a_full_buffer_is_written_at_once(streaming: Streaming) -> None:
    streaming.stream(BufferingHints={"SizeInMBs": 1, "IntervalInSeconds": 900})
    streaming.put(b"x" * 600 * _KIB, b"y" * 600 * _KIB)
    assert len(streaming.read(streaming.first_key())) == 1200 * _KIB


def test_an_interval_of_zero_writes_without_waiting(streaming: Streaming) -> None:
    streaming.stream(BufferingHints={"SizeInMBs": 1, "IntervalInSeconds": 0})
    streaming.put(b"a")
    assert streaming.read(streaming.first_key()) == b"a"


def test_objects_are_compressed_and_records_delimited_on_request(streaming: Streaming) -> None:
    processing = {"Enabled": True, "Processors": [{"Type": "AppendDelimiterToRecord"}]}
    streaming.stream(CompressionFormat="GZIP", ProcessingConfiguration=processing, FileExtension=".jsonl.gz")
    streaming.put(b"a", b"b")
    (key,) = streaming.flush()
    assert key.endswith(".jsonl.gz") and streaming.read(key) == b"a\nb\n"


def test_nothing_is_added_between_records_by_default(streaming: Streaming) -> None:
    streaming.stream(CompressionFormat="GZIP")
    streaming.put(b"a", b"b")
    (key,) = streaming.flush()
    assert key.endswith(".gz") and streaming.read(key) == b"ab"


@pytest.mark.parametrize(
    ("prefix", "expected"),
    [
        # The examples of https://docs.aws.amazon.com/firehose/latest/dev/s3-prefixes.html
        (None, "2018/08/27/10/"),
        ("!{timestamp:yyyy/MM/dd}", "2018/08/27"),
        ("myFirehose/DeliveredYear=!{timestamp:yyyy}/anyMonth/rand=!{firehose:random-string}",
         "myFirehose/DeliveredYear=2018/anyMonth/rand=5abf82daaa5"),
        ("myPrefix/year=!{timestamp:yyyy}/month=!{timestamp:MM}/day=!{timestamp:dd}/hour=!{timestamp:HH}/",
         "myPrefix/year=2018/month=08/day=27/hour=10/"),
        ("myFirehosePrefix/", "myFirehosePrefix/2018/08/27/10/"),
        ("x-!{firehose:random-string}/", "x-5abf82daaa5/2018/08/27/10/"),
        ("!{timestamp:'year'=yyyy'-'DDD}/", "year=2018-239/"),
        ("plain 100% { } ", "plain 100% { } 2018/08/27/10/"),
    ],
)  # fmt: skip
def test_prefixes_are_evaluated_as_in_awss_examples(prefix: str | None, expected: str) -> None:
    moment = datetime(2018, 8, 27, 10, 30, tzinfo=UTC)
    assert evaluate(prefix, moment, lambda: "5abf82daaa5") == expected


@pytest.mark.parametrize(
    ("destination", "words"),
    [
        ({"Prefix": "!{timestamp:yyyy}/"}, "ErrorOutputPrefix can't be null"),
        ({"Prefix": "!{timestamp:yyyy}/", "ErrorOutputPrefix": "e/"}, ""),
        ({"Prefix": "a/", "ErrorOutputPrefix": "e/!{timestamp:yyyy}/"}, "at least one instance of !{firehose:error-output"),
        ({"Prefix": "!{firehose:error-output-type}/", "ErrorOutputPrefix": _ERRORS}, "Prefix can't contain"),
        ({"Prefix": "a!{b/"}, "begins no expression"),
        ({"Prefix": "!{timestamp:QQQ}/", "ErrorOutputPrefix": _ERRORS}, "'QQQ'"),
        ({"Prefix": "!{partitionKeyFromQuery:t}/", "ErrorOutputPrefix": _ERRORS}, "does not know"),
        ({"BufferingHints": {"SizeInMBs": 129, "IntervalInSeconds": 60}}, "less than or equal to 128"),
        ({"BufferingHints": {"SizeInMBs": 1, "IntervalInSeconds": 901}}, "less than or equal to 900"),
        ({"CompressionFormat": "Snappy"}, "local cloud's limit"),
        ({"DataFormatConversionConfiguration": {"Enabled": True}}, "local cloud's limit"),
        ({"DynamicPartitioningConfiguration": {"Enabled": False}}, ""),
        ({"S3BackupMode": "Enabled"}, "local cloud's limit"),
    ],
)  # fmt: skip
def test_a_destination_that_aws_refuses_or_that_would_not_work_here_is_refused(
    streaming: Streaming, destination: dict[str, Any], words: str
) -> None:
    if not words:
        streaming.stream(**destination)
        return
    code, message = refused(lambda: streaming.stream(**destination))
    assert code in ("InvalidArgumentException", "ValidationException") and words in message


def test_limits_of_one_call_are_those_of_the_documentation(streaming: Streaming) -> None:
    """https://docs.aws.amazon.com/firehose/latest/APIReference/API_PutRecordBatch.html"""
    streaming.stream()
    assert streaming.put(*[b"x"] * 500)["FailedPutCount"] == 0
    assert "less than or equal to 500" in refused(lambda: streaming.put(*[b"x"] * 501))[1]
    assert streaming.put(b"x" * 1000 * _KIB)["FailedPutCount"] == 0
    assert refused(lambda: streaming.put(b"x" * (1000 * _KIB + 1)))[0] == "ValidationException"
    assert streaming.put(*[b"x" * 1000 * _KIB] * 4)["FailedPutCount"] == 0
    too_much = [b"x" * 1000 * _KIB] * 4 + [b"x" * (96 * _KIB + 1)]
    assert refused(lambda: streaming.put(*too_much)) == ("InvalidArgumentException", "Records size exceeds 4 MB limit")
    one = {"DeliveryStreamName": STREAM, "Record": {"Data": b"x" * (1000 * _KIB + 1)}}
    assert refused(lambda: streaming.client("firehose").put_record(**one))[0] == "ValidationException"


def test_streams_are_made_listed_described_and_deleted(streaming: Streaming) -> None:
    firehose = streaming.client("firehose")
    names = [f"s{number:02}" for number in range(12)]
    arns = [streaming.stream(name, Prefix="p/") for name in names]
    assert arns[0] == "arn:aws:firehose:us-east-1:123456789012:deliverystream/s00"
    assert refused(lambda: streaming.stream("s00"))[0] == "ResourceInUseException"
    first = firehose.list_delivery_streams()
    assert (first["DeliveryStreamNames"], first["HasMoreDeliveryStreams"]) == (names[:10], True)
    rest = firehose.list_delivery_streams(ExclusiveStartDeliveryStreamName="s09")
    assert (rest["DeliveryStreamNames"], rest["HasMoreDeliveryStreams"]) == (names[10:], False)
    shown = firehose.describe_delivery_stream(DeliveryStreamName="s00")["DeliveryStreamDescription"]
    assert (shown["DeliveryStreamStatus"], shown["VersionId"]) == ("ACTIVE", "1")
    destination = shown["Destinations"][0]["ExtendedS3DestinationDescription"]
    assert (destination["Prefix"], destination["BufferingHints"]) == ("p/", {"SizeInMBs": 5, "IntervalInSeconds": 300})
    firehose.delete_delivery_stream(DeliveryStreamName="s00")
    assert refused(lambda: streaming.put(b"x", name="s00"))[0] == "ResourceNotFoundException"


def test_refused_records_are_named_in_order_and_the_others_are_taken(streaming: Streaming) -> None:
    streaming.stream()
    streaming.faults(firehose=[{"refuse_percent": 50, "times": 100}])
    records = [f"{number}\n".encode() for number in range(100)]
    answer = streaming.put(*records)
    bad = [n for n, each in enumerate(answer["RequestResponses"]) if each.get("ErrorCode")]
    assert answer["FailedPutCount"] == len(bad) and 20 < len(bad) < 80
    assert streaming.put(*[records[n] for n in bad])["FailedPutCount"] == 0
    assert sorted(map(int, streaming.lines())) == list(range(100))


def test_a_refused_single_record_is_an_error_to_repeat(streaming: Streaming) -> None:
    streaming.stream()
    streaming.faults(firehose=[{"refuse_percent": 100, "times": 1, "stream": STREAM}])
    one = {"DeliveryStreamName": STREAM, "Record": {"Data": b"1"}}
    assert refused(lambda: streaming.client("firehose").put_record(**one)) == (
        "ServiceUnavailableException",
        "Slow down.",
    )
    streaming.client("firehose").put_record(**one)
    assert streaming.lines() == [1]


def test_records_are_delivered_twice_on_request(streaming: Streaming) -> None:
    streaming.stream()
    streaming.faults(firehose=[{"repeat_percent": 100, "times": 2}])
    streaming.put(b"1\n", b"2\n", b"3\n")
    assert sorted(streaming.lines()) == [1, 1, 2, 2, 3]


def test_what_s3_refuses_stays_and_is_written_when_it_may(streaming: Streaming) -> None:
    role = streaming.make_role("bare")
    streaming.stream(RoleARN=role)
    streaming.put(b"1\n")
    assert streaming.flush() == []
    problem = streaming.cloud.firehose.waiting()[STREAM]
    assert problem["records"] == 1 and "is not authorized to perform: s3:PutObject" in problem["problem"]
    streaming.put(b"2\n")
    policy = document(allow("s3:PutObject", f"arn:aws:s3:::{BUCKET}/*"))
    streaming.client("iam").put_role_policy(RoleName="bare", PolicyName="own", PolicyDocument=policy)
    (key,) = streaming.flush()
    assert streaming.read(key) == b"1\n2\n"
    assert streaming.cloud.firehose.waiting()[STREAM] == {"records": 0, "bytes": 0, "problem": None, "lost": 0}


def test_a_callers_rights_are_asked_and_the_role_has_to_let_firehose_in(streaming: Streaming) -> None:
    calling = Calling(cloud=streaming.cloud, made={})
    where = "arn:aws:firehose:us-east-1:123456789012:deliverystream/changes"
    keys = calling.user(allow("firehose:PutRecordBatch", where))
    streaming.stream()
    put = {"DeliveryStreamName": STREAM, "Records": [{"Data": b"1"}]}
    assert calling.client("firehose", keys).put_record_batch(**put)["FailedPutCount"] == 0
    assert "firehose:PutRecord on resource" in refused(
        lambda: calling.client("firehose", keys).put_record(DeliveryStreamName=STREAM, Record={"Data": b"1"})
    )[1]  # fmt: skip
    maker = calling.user(allow("firehose:*"), allow("iam:PassRole"), name="maker")
    given = {"RoleARN": calling.role(name="closed"), "BucketARN": f"arn:aws:s3:::{BUCKET}"}
    code, message = refused(
        lambda: calling.client("firehose", maker).create_delivery_stream(
            DeliveryStreamName="other", ExtendedS3DestinationConfiguration=given
        )
    )
    assert code == "InvalidArgumentException" and "unable to assume role" in message


def test_a_reset_forgets_streams_and_what_waits_in_them(streaming: Streaming) -> None:
    streaming.stream()
    streaming.put(b"1")
    streaming.prepare()
    assert streaming.client("firehose").list_delivery_streams()["DeliveryStreamNames"] == []
    assert streaming.flush() == []
