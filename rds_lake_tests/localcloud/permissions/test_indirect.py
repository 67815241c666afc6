"""Rights that no request shows: what services need in the name of their caller, or as the role that they were given."""

import json
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from rds_lake.localcloud.faults.fault_bodies import read_faults
from rds_lake_tests.localcloud.permissions.calling import Calling, allow, document, refused, trust
from rds_lake_tests.support.open_targets import let_events_in
from rds_lake_tests.support.world import until

_EXPORTS, _BUCKET = "arn:aws:s3:::lake-bucket/exports/*", "arn:aws:s3:::lake-bucket"
_TABLES = ["glue:GetDatabase", "glue:GetTable", "glue:GetPartitions"]


def lake(calling: Calling) -> str:
    """A bucket; the ARN of a key of its own."""
    calling.root("s3").create_bucket(Bucket="lake-bucket")
    return calling.root("kms").create_key()["KeyMetadata"]["Arn"]


def query(calling: Calling, keys: Any, sql: str, **context: Any) -> dict[str, Any]:
    """How a query ends: its Status."""
    athena = calling.client("athena", keys)
    where = {"OutputLocation": "s3://lake-bucket/results/"}
    query_id = athena.start_query_execution(QueryString=sql, ResultConfiguration=where, **context)["QueryExecutionId"]
    root = calling.root("athena")

    def ended() -> dict[str, Any] | None:
        status = root.get_query_execution(QueryExecutionId=query_id)["QueryExecution"]["Status"]
        return status if status["State"] in ("SUCCEEDED", "FAILED") else None

    return until(ended)


def test_a_query_needs_its_callers_rights_in_glue_and_s3(calling: Calling) -> None:
    lake(calling)
    started = allow("athena:StartQueryExecution")
    keys = calling.user(started)
    with pytest.raises(ClientError, match=r"Unable to verify/create output bucket lake-bucket.*s3:GetBucketLocation"):
        query(calling, keys, "SELECT 1")
    located = allow("s3:GetBucketLocation", _BUCKET)
    calling.set_policy(started, located)
    status = query(calling, keys, "SELECT 1")
    assert status["State"] == "FAILED"
    assert "Insufficient permissions to execute the query. User: " in status["StateChangeReason"]
    assert "glue:GetDatabase on resource: arn:aws:glue:us-east-1:123456789012:catalog" in status["StateChangeReason"]
    calling.set_policy(started, located, allow(_TABLES))
    status = query(calling, keys, "SELECT 1")
    assert "Access denied when writing output to url: s3://lake-bucket/results/" in status["StateChangeReason"]
    assert "s3:PutObject" in status["StateChangeReason"]
    calling.set_policy(started, located, allow(_TABLES), allow("s3:PutObject", f"{_BUCKET}/results/*"))
    assert query(calling, keys, "SELECT 1")["State"] == "SUCCEEDED"


def test_a_file_that_the_caller_may_not_read_fails_the_query_also_when_it_was_read_before(calling: Calling) -> None:
    import io

    import pyarrow as pa
    import pyarrow.parquet as pq

    lake(calling)
    body = io.BytesIO()
    pq.write_table(pa.table({"id": [1, 2]}), body)
    calling.root("s3").put_object(Bucket="lake-bucket", Key="lake/t/1.parquet", Body=body.getvalue())
    glue = calling.root("glue")
    glue.create_database(DatabaseInput={"Name": "shop"})
    columns = [{"Name": "id", "Type": "bigint"}]
    storage = {"Columns": columns, "Location": "s3://lake-bucket/lake/t/"}
    glue.create_table(DatabaseName="shop", TableInput={"Name": "t", "StorageDescriptor": storage})
    may = [allow("athena:*"), allow(_TABLES), allow("s3:PutObject", f"{_BUCKET}/results/*")]
    lists = allow(["s3:GetBucketLocation", "s3:ListBucket"], _BUCKET)
    keys = calling.user(*may, lists, allow("s3:GetObject", f"{_BUCKET}/lake/*"))
    assert query(calling, keys, "SELECT * FROM shop.t")["State"] == "SUCCEEDED"
    calling.set_policy(*may, lists)
    reason = query(calling, keys, "SELECT * FROM shop.t")["StateChangeReason"]
    assert "Permission denied on S3 path: s3://lake-bucket/lake/t/1.parquet" in reason
    assert "s3:GetObject" in reason


def export(calling: Calling, keys: Any) -> dict[str, Any]:
    """How an export of a DynamoDB table ends: its description."""
    dynamodb = calling.root("dynamodb")
    dynamodb.create_table(
        TableName="T", BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
    )  # fmt: skip
    enabled = {"PointInTimeRecoveryEnabled": True}
    dynamodb.update_continuous_backups(TableName="T", PointInTimeRecoverySpecification=enabled)
    time.sleep(0.01)
    arn = dynamodb.describe_table(TableName="T")["Table"]["TableArn"]
    started = calling.client("dynamodb", keys).export_table_to_point_in_time(TableArn=arn, S3Bucket="lake-bucket")

    def ended() -> dict[str, Any] | None:
        shown = dynamodb.describe_export(ExportArn=started["ExportDescription"]["ExportArn"])["ExportDescription"]
        return shown if shown["ExportStatus"] != "IN_PROGRESS" else None

    return until(ended)


@pytest.mark.parametrize("missing", ["s3:PutObject", "s3:AbortMultipartUpload", "s3:PutObjectAcl"])
def test_an_export_of_a_table_needs_its_callers_rights_in_s3(calling: Calling, missing: str) -> None:
    lake(calling)
    wanted = ["s3:PutObject", "s3:AbortMultipartUpload", "s3:PutObjectAcl"]
    keys = calling.user(allow("dynamodb:*"), allow([action for action in wanted if action != missing]))
    shown = export(calling, keys)
    assert (shown["ExportStatus"], shown["FailureCode"]) == ("FAILED", "S3AccessDenied")
    assert f"perform: {missing} on" in shown["FailureMessage"]


def test_an_export_of_a_table_with_all_rights_is_written(calling: Calling) -> None:
    lake(calling)
    keys = calling.user(allow("dynamodb:*"), allow(["s3:PutObject", "s3:AbortMultipartUpload", "s3:PutObjectAcl"]))
    assert export(calling, keys)["ExportStatus"] == "COMPLETED"


def test_messages_of_an_encrypted_queue_and_topic_need_rights_on_the_key(calling: Calling) -> None:
    key = lake(calling)
    sqs, sns = calling.root("sqs"), calling.root("sns")
    url = sqs.create_queue(QueueName="q", Attributes={"KmsMasterKeyId": key})["QueueUrl"]
    topic = sns.create_topic(Name="t", Attributes={"KmsMasterKeyId": key})["TopicArn"]
    keys = calling.user(allow(["sqs:*", "sns:*"]))
    for call in (
        lambda: calling.client("sqs", keys).send_message(QueueUrl=url, MessageBody="m"),
        lambda: calling.client("sns", keys).publish(TopicArn=topic, Message="m"),
    ):
        with pytest.raises(ClientError, match=f"kms:GenerateDataKey on resource: {key}"):
            call()
    with pytest.raises(ClientError, match="kms:Decrypt"):
        calling.client("sqs", keys).receive_message(QueueUrl=url)
    calling.set_policy(allow(["sqs:*", "sns:*"]), allow("kms:*", key))
    calling.client("sqs", keys).send_message(QueueUrl=url, MessageBody="m")
    calling.client("sns", keys).publish(TopicArn=topic, Message="m")


def test_an_event_reaches_a_queue_only_where_its_policy_lets_eventbridge_in(calling: Calling) -> None:
    sqs, events = calling.root("sqs"), calling.root("events")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    arn = "arn:aws:sqs:us-east-1:123456789012:q"
    events.put_rule(Name="r", EventPattern=json.dumps({"source": ["aws.rds"]}))
    events.put_targets(Rule="r", Targets=[{"Id": "1", "Arn": arn}])
    event = {"Source": "aws.rds", "DetailType": "x", "Detail": "{}"}
    assert events.put_events(Entries=[event])["FailedEntryCount"] == 0
    assert "Messages" not in sqs.receive_message(QueueUrl=url)
    let_events_in(calling.root, arn)
    events.put_events(Entries=[event])
    assert len(sqs.receive_message(QueueUrl=url)["Messages"]) == 1


def job(calling: Calling, keys: Any, role: str) -> dict[str, Any]:
    """How a run of a Glue job ends that reads one object."""
    glue = calling.client("glue", keys)
    calling.root("s3").put_object(Bucket="lake-bucket", Key="job.py", Body=b"")
    command = {"Name": "glueetl", "ScriptLocation": "s3://lake-bucket/job.py"}
    glue.create_job(Name="job", Role=role, Command=command)
    calling.cloud.job_runs.stand_in = lambda arguments: None
    run = glue.start_job_run(JobName="job")["JobRunId"]

    def ended() -> dict[str, Any] | None:
        shown = calling.root("glue").get_job_run(JobName="job", RunId=run)["JobRun"]
        return shown if shown["JobRunState"] in ("SUCCEEDED", "FAILED") else None

    return until(ended)


def test_a_glue_job_needs_a_role_that_may_be_passed_lets_glue_in_and_may_read(calling: Calling) -> None:
    lake(calling)
    glue = trust("glue.amazonaws.com")
    keys = calling.user(allow("glue:*"))
    closed, blind = calling.role(name="closed"), calling.role(name="blind", trusts=glue)
    with pytest.raises(ClientError, match=f"iam:PassRole on resource: {closed}"):
        job(calling, keys, closed)
    to_glue = {"StringEquals": {"iam:PassedToService": "glue.amazonaws.com"}}
    calling.set_policy(allow("glue:*"), allow("iam:PassRole", Condition=to_glue))
    with pytest.raises(ClientError, match="should be given assume role permissions for Glue Service"):
        job(calling, keys, closed)
    failed = job(calling, keys, blind)
    assert failed["JobRunState"] == "FAILED"
    assert "s3:GetObject" in failed["ErrorMessage"]


def test_a_glue_job_whose_role_may_read_runs(calling: Calling) -> None:
    lake(calling)
    role = calling.role(allow("s3:GetObject", f"{_BUCKET}/*"), trusts=trust("glue.amazonaws.com"))
    assert job(calling, calling.user(allow(["glue:*", "iam:PassRole"])), role)["JobRunState"] == "SUCCEEDED"


def test_a_denied_action_is_denied_to_root_too_and_in_what_services_do(calling: Calling) -> None:
    lake(calling)
    calling.cloud.faults.add(read_faults({"deny": [{"action": "s3:putobject", "resource": "*/results/*"}]}))
    keys = {"AccessKeyId": "local", "SecretAccessKey": "local"}
    assert "s3:PutObject" in query(calling, keys, "SELECT 1")["StateChangeReason"]
    with pytest.raises(ClientError) as caught:
        calling.root("s3").put_object(Bucket="lake-bucket", Key="results/x", Body=b"")
    code, said, status = refused(caught.value)
    assert (code, status) == ("AccessDenied", 403)
    assert said.startswith("User: arn:aws:iam::123456789012:root is not authorized to perform: s3:PutObject on")
    calling.cloud.faults.lift_denials()
    calling.root("s3").put_object(Bucket="lake-bucket", Key="results/x", Body=b"")


def test_a_denial_strikes_as_often_as_it_says(calling: Calling) -> None:
    calling.cloud.faults.add(read_faults({"deny": [{"action": "sns:List*", "times": 1}]}))
    with pytest.raises(ClientError, match="AuthorizationError"):
        calling.root("sns").list_topics()
    calling.root("sns").list_topics()
    assert document() and calling.cloud.faults.shown()["throttle"] == []
