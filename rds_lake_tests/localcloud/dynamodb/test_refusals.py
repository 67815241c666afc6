"""What DynamoDB refuses about exports is refused, and an export ends as the fault that was asked for says."""

import gzip
import json
from datetime import datetime, timedelta
from typing import Any
from urllib.request import urlopen

import pytest
from botocore.exceptions import ClientError

from rds_lake.localcloud.dynamodb.job import Export
from rds_lake.localcloud.faults.fault_bodies import read_faults
from rds_lake.localcloud.http.app import ApiError
from rds_lake_tests.localcloud.dynamodb.exporting import Dynamo, ago, md5

MINUTE = timedelta(minutes=1)


def code_of(error: pytest.ExceptionInfo[ClientError]) -> str:
    return error.value.response["Error"]["Code"]


def test_a_table_without_recovery_is_not_exported(dynamo: Dynamo) -> None:
    arn = dynamo.table(recovery=False)
    with pytest.raises(ClientError) as caught:
        dynamo.start(arn)
    assert code_of(caught) == "PointInTimeRecoveryUnavailableException"
    described = dynamo.db.describe_continuous_backups(TableName="Orders")["ContinuousBackupsDescription"]
    assert described["ContinuousBackupsStatus"] == "ENABLED"
    assert described["PointInTimeRecoveryDescription"] == {"PointInTimeRecoveryStatus": "DISABLED"}


def test_recovery_reaches_back_to_when_it_was_switched_on_and_at_most_its_days(dynamo: Dynamo) -> None:
    since = ago(days=40)
    dynamo.clock(since)
    dynamo.table()
    dynamo.clock(since + timedelta(days=5))
    shown = dynamo.recovery()
    assert (shown["PointInTimeRecoveryStatus"], shown["RecoveryPeriodInDays"]) == ("ENABLED", 35)
    assert abs(shown["EarliestRestorableDateTime"] - since) < MINUTE, "to switch on what is on changes nothing"
    latest = shown["LatestRestorableDateTime"] - (since + timedelta(days=5))
    assert -6 * MINUTE < latest < -4 * MINUTE
    dynamo.clock(None)
    assert abs(dynamo.recovery()["EarliestRestorableDateTime"] - ago(days=35)) < MINUTE
    assert abs(dynamo.recovery(RecoveryPeriodInDays=7)["EarliestRestorableDateTime"] - ago(days=7)) < MINUTE
    with pytest.raises(ClientError, match="TableNotFoundException"):
        dynamo.recovery("None")


@pytest.mark.parametrize(
    ("moment", "taken"),
    [
        (ago(days=2), True),
        (ago(days=8), False),
        (ago(days=-1), False),
        (datetime.fromtimestamp(0).astimezone(), False),
    ],
    ids=["within", "too old", "in the future", "epoch"],
)
def test_only_times_within_the_window_are_exported(dynamo: Dynamo, moment: datetime, taken: bool) -> None:
    dynamo.clock(ago(days=7))
    arn = dynamo.table()
    dynamo.clock(None)
    if taken:
        assert dynamo.start(arn, ExportTime=moment)["ExportTime"] == moment
        return
    with pytest.raises(ClientError, match="Export Time is invalid") as caught:
        dynamo.start(arn, ExportTime=moment)
    assert code_of(caught) == "InvalidExportTimeException"


def test_recovery_switched_off_and_on_again_leaves_a_gap(dynamo: Dynamo) -> None:
    dynamo.clock(ago(days=7))
    arn = dynamo.table()
    dynamo.clock(ago(hours=3))
    dynamo.put(id="1")
    dynamo.recovery(on=False)
    dynamo.clock(ago(hours=2))
    dynamo.recovery()
    dynamo.clock(None)
    with pytest.raises(ClientError, match="outside PITR window") as caught:
        dynamo.start_window(arn, ago(hours=4), ago(hours=1))
    assert code_of(caught) == "InvalidExportTimeException"
    with pytest.raises(ClientError, match="InvalidExportTimeException"):
        dynamo.start(arn, ExportTime=ago(hours=3))
    assert dynamo.items(dynamo.start(arn, ExportTime=ago(hours=1))) == [{"id": {"S": "1"}}]


@pytest.mark.parametrize(
    ("start", "end", "words"),
    [
        (ago(minutes=14), ago(), "Difference between export period"),
        (ago(hours=25), ago(minutes=30), "Difference between export period"),
        (ago(minutes=30), ago(hours=1), "Difference between export period"),
        (ago(hours=1), ago(hours=-1), "Export Time is invalid"),
        (ago(days=8), ago(days=7, hours=12), "outside PITR window"),
    ],
    ids=["short", "long", "reversed", "future", "old"],
)
def test_windows_are_of_15_minutes_to_24_hours_and_of_the_past(
    dynamo: Dynamo, start: datetime, end: datetime, words: str
) -> None:
    dynamo.clock(ago(days=7))
    arn = dynamo.table()
    dynamo.clock(None)
    with pytest.raises(ClientError, match=words) as caught:
        dynamo.start_window(arn, start, end)
    assert code_of(caught) == "InvalidExportTimeException"
    for minutes in (15, 24 * 60):
        assert dynamo.start_window(arn, ago(minutes=minutes + 1), ago(minutes=1))["ExportStatus"] == "IN_PROGRESS"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"ExportFormat": "QWERTY"}, "'QWERTY' at 'exportFormat' failed to satisfy constraint"),
        ({"ExportFormat": "ION"}, "DYNAMODB_JSON only"),
        ({"ExportType": ""}, "'exportType' failed to satisfy"),
        ({"S3Bucket": ""}, "'s3Bucket' failed to satisfy"),
        ({"S3Prefix": ""}, "'s3Prefix' failed to satisfy"),
        ({"ClientToken": ""}, "'clientToken' failed to satisfy"),
        ({"S3SseAlgorithm": "aws:kms"}, "'s3SseAlgorithm' failed to satisfy"),
        ({"S3BucketOwner": "me"}, "'s3BucketOwner' failed to satisfy"),
        ({"ExportType": "INCREMENTAL_EXPORT"}, "needs IncrementalExportSpecification"),
        ({"IncrementalExportSpecification": {"ExportFromTime": ago(hours=1)}}, "only for ExportType INCREMENTAL"),
        ({"FilterSpecification": {"FilterExpression": "n = 1"}}, "whole tables only"),
        ({"TableArn": "Orders"}, "Invalid TableArn"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_request_that_no_table_could_make_right_is_refused_and_takes_no_token(
    dynamo: Dynamo, change: dict[str, Any], words: str
) -> None:
    arn = dynamo.table()
    with pytest.raises(ClientError, match=words) as caught:
        dynamo.start(
            **({"arn": arn, "ClientToken": "t"} | {"arn" if k == "TableArn" else k: v for k, v in change.items()})
        )
    assert code_of(caught) == "ValidationException"
    assert dynamo.start(arn, ClientToken="t")["ExportStatus"] == "IN_PROGRESS"


def test_a_token_starts_one_export_for_eight_hours(dynamo: Dynamo) -> None:
    dynamo.clock(ago(days=2))
    arn = dynamo.table()
    moment = ago(days=1, hours=1)
    dynamo.clock(ago(days=1))
    first = dynamo.start(arn, ClientToken="t", ExportTime=moment)
    dynamo.clock(ago(hours=17))
    again = dynamo.start(arn, ClientToken="t", ExportTime=moment)
    assert again["ExportArn"] == first["ExportArn"]
    for change in ({"ExportTime": moment + MINUTE}, {"S3Prefix": "other"}, {"S3SseAlgorithm": "AES256"}):
        with pytest.raises(ClientError, match="Duplicate request detected") as caught:
            dynamo.start(arn, **({"ClientToken": "t", "ExportTime": moment} | change))
        assert code_of(caught) == "ExportConflictException"
    dynamo.db.delete_table(TableName="Orders")
    assert dynamo.start(arn, ClientToken="t", ExportTime=moment)["ExportArn"] == first["ExportArn"]
    dynamo.table()
    dynamo.clock(ago(hours=15))
    later = dynamo.start(arn, ClientToken="t", ExportTime=ago(hours=16))
    assert later["ExportArn"] != first["ExportArn"]


def test_a_token_of_two_tables_is_refused_and_without_tokens_every_start_is_another(dynamo: Dynamo) -> None:
    one, other = dynamo.table("A"), dynamo.table("B")
    dynamo.start(one, ClientToken="t")
    with pytest.raises(ClientError, match="ExportConflictException"):
        dynamo.start(other, ClientToken="t")
    assert dynamo.start(one)["ExportArn"] != dynamo.start(one)["ExportArn"]


def test_three_hundred_exports_may_run_at_once(dynamo: Dynamo, monkeypatch: pytest.MonkeyPatch) -> None:
    arn = dynamo.table()
    export = dynamo.start(arn)
    dynamo.ended(export)
    state = dynamo.cloud.table_exports._state
    (known,) = state.exports.values()

    def running(number: int) -> Export:
        shown = known.shown | {"ExportStatus": "IN_PROGRESS", "ExportArn": f"{arn}/export/{number}"}
        return Export(
            shown=shown, table=known.table, window=known.window, fingerprint="", started=known.started, content=[]
        )

    state.exports |= {f"{arn}/export/{number}": running(number) for number in range(299)}
    assert dynamo.start(arn, ClientToken="last")["ExportStatus"] == "IN_PROGRESS"
    state.exports[f"{arn}/export/299"] = running(299)
    with pytest.raises(ClientError) as caught:
        dynamo.start(arn)
    assert code_of(caught) == "LimitExceededException"


@pytest.mark.parametrize(
    ("arn", "code", "words"),
    [
        ("arn:aws:dynamodb:us-east-1:123456789012:table/None", "ValidationException", "Invalid Export ARN"),
        ("qwerty and something that is no ARN at all", "ValidationException", "Invalid Export ARN"),
        ("arn:aws:dynamodb:us-east-1:000000000000:table/T/export/0", "AccessDeniedException", "Access is denied"),
        ("arn:aws:s3:us-east-1:123456789012:table/T/export/0", "AccessDeniedException", "Access is denied"),
        ("arn:aws:dynamodb:us-east-1:123456789012:table/T/export/0", "ExportNotFoundException", "not found"),
    ],
)
def test_an_export_that_was_never_started_is_not_described(dynamo: Dynamo, arn: str, code: str, words: str) -> None:
    with pytest.raises(ClientError, match=words) as caught:
        dynamo.db.describe_export(ExportArn=arn)
    assert code_of(caught) == code


def test_exports_end_one_by_one_as_it_was_asked_for(dynamo: Dynamo) -> None:
    arn = dynamo.table()
    for number in range(9):
        dynamo.put(id=str(number))
    wanted = [
        {"fail": "boom", "code": "S3AccessDenied"},
        {"missing_file": True},
        {"damaged_file": True},
        {"stuck": True},
    ]
    dynamo.faults(dynamodb_exports=wanted)
    with urlopen(f"{dynamo.cloud.url}/_local/faults") as pending:
        assert json.load(pending)["dynamodb_exports"] == wanted
    failed, missing, damaged = (dynamo.start(arn, S3Prefix=str(number)) for number in range(3))
    ended = dynamo.ended(failed)
    assert (ended["ExportStatus"], ended["FailureCode"], ended["FailureMessage"]) == (
        "FAILED",
        "S3AccessDenied",
        "boom",
    )
    stuck = dynamo.start(arn)
    assert dynamo.ended(missing)["ExportStatus"] == dynamo.ended(damaged)["ExportStatus"] == "COMPLETED"
    absent = [file for file in files(dynamo, missing) if file["dataFileS3Key"] not in dynamo.keys("1/")]
    assert [file["itemCount"] > 0 for file in absent] == [True]
    broken = [file for file in files(dynamo, damaged) if md5(dynamo.read(file["dataFileS3Key"])) != file["md5Checksum"]]
    assert [file["itemCount"] > 0 for file in broken] == [True]
    with pytest.raises((gzip.BadGzipFile, EOFError)):
        gzip.decompress(dynamo.read(broken[0]["dataFileS3Key"]))
    described = dynamo.db.describe_export(ExportArn=stuck["ExportArn"])["ExportDescription"]
    assert described["ExportStatus"] == "IN_PROGRESS"
    assert len(dynamo.items(dynamo.start(arn, S3Prefix="fine"))) == 9, "a stuck export keeps no other from running"
    dynamo.cloud.reset()


def files(dynamo: Dynamo, export: dict[str, Any]) -> list[dict[str, Any]]:
    summary = json.loads(dynamo.read(dynamo.ended(export)["ExportManifest"]))
    return [json.loads(line) for line in dynamo.read(summary["manifestFilesS3Key"]).splitlines()]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"dynamodb_exports": [{}]}, "exactly one of fail, stuck, missing_file, damaged_file"),
        ({"dynamodb_exports": [{"fail": ""}]}, "fail '' is not a text"),
        ({"dynamodb_exports": [{"stuck": 1}]}, "stuck 1 is not true"),
        ({"dynamodb_exports": [{"stuck": True, "code": "X"}]}, "code belongs to fail"),
        ({"dynamodb_exports": [{"skip_tables": ["a"]}]}, "'skip_tables' is unknown; known are fail,"),
        ({"dynamodb_exports": [{"stuck": True, "missing_file": True}]}, "exactly one of"),
    ],
    ids=lambda value: json.dumps(value)[22:60] if isinstance(value, dict) else "",
)
def test_a_bad_fault_is_refused_in_words(body: dict[str, Any], words: str) -> None:
    with pytest.raises(ApiError) as caught:
        read_faults(body)
    assert words in caught.value.message


@pytest.mark.parametrize(
    ("operation", "code"),
    [
        ("ExportTableToPointInTime", "ThrottlingException"),
        ("Scan", "ProvisionedThroughputExceededException"),
        ("DescribeExport", "ThrottlingException"),
    ],
)
def test_calls_are_throttled_by_the_name_dynamodb_has_for_it(dynamo: Dynamo, operation: str, code: str) -> None:
    arn = dynamo.table()
    export = dynamo.start(arn)
    dynamo.faults(throttle=[{"service": "dynamodb", "operation": operation, "calls": 1}])
    calls = {
        "ExportTableToPointInTime": lambda: dynamo.start(arn),
        "Scan": lambda: dynamo.db.scan(TableName="Orders"),
        "DescribeExport": lambda: dynamo.db.describe_export(ExportArn=export["ExportArn"]),
    }
    with pytest.raises(ClientError) as caught:
        calls[operation]()
    assert code_of(caught) == code
    calls[operation]()
