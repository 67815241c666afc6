"""The router and the server: AWS's error shapes, keys as they were sent, and refusals in JSON."""

import json
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen
from xml.sax.saxutils import unescape

import boto3
import pytest
from botocore.exceptions import ClientError
from werkzeug.datastructures import Headers
from werkzeug.test import EnvironBuilder, run_wsgi_app

from rds_lake.localcloud.cloud import LocalCloud
from rds_lake.localcloud.http.app import ApiError, LocalCloudApp
from rds_lake.localcloud.http.loop import InProcessClients


def refuse(context: Any, params: Any) -> Any:
    raise ApiError("OddFault", 'a < b & "c"', 418)


def test_a_refusal_reaches_boto_with_code_text_and_status_in_both_protocols() -> None:
    app = LocalCloudApp()
    app.json_operations["AmazonAthena.StopQueryExecution"] = refuse
    app.json_requests["AWSGlue.GetDatabase"] = refuse
    app.query_operations["rds", "CancelExportTask"] = refuse
    clients = InProcessClients(app)
    calls = (
        lambda: clients.client("athena").stop_query_execution(QueryExecutionId="q"),
        lambda: clients.client("glue").get_database(Name="d"),
        lambda: clients.client("rds").cancel_export_task(ExportTaskIdentifier="t"),
    )
    for call in calls:
        with pytest.raises(ClientError) as caught:
            call()
        answer = caught.value.response
        assert (answer["Error"]["Code"], answer["Error"]["Message"]) == ("OddFault", 'a < b & "c"')
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 418


def answer_to(app: LocalCloudApp, service: str, body: bytes, **headers: str) -> tuple[int, str]:
    """Status and text of the answer to a request as no client of AWS would send it."""
    scope = f"AWS4-HMAC-SHA256 Credential=key/20261120/us-east-1/{service}/aws4_request"
    named = {"Authorization": scope} | {name.replace("_", "-"): value for name, value in headers.items()}
    environ = EnvironBuilder(path="/", method="POST", data=body, headers=Headers(named)).get_environ()
    parts, status, _ = run_wsgi_app(app, environ, buffered=True)
    return int(status.split()[0]), b"".join(parts).decode()


@pytest.mark.parametrize(
    ("form", "words"),
    [
        (b"Action=CancelExportTask", 'Missing required parameter in input: "ExportTaskIdentifier"'),
        (b"Action=DescribeExportTasks&MaxRecords=many", "DescribeExportTasks cannot be read"),
        (b"Action=DescribeExportTasks&Filters.Filter.1.Name=status", "Values"),
    ],
    ids=["missing", "no number", "half a filter"],
)
def test_a_form_that_does_not_fit_its_operation_is_refused_with_what_is_wrong(form: bytes, words: str) -> None:
    app = LocalCloudApp()
    for action in ("CancelExportTask", "DescribeExportTasks"):
        app.query_operations["rds", action] = refuse
    status, text = answer_to(app, "rds", form, Content_Type="application/x-www-form-urlencoded")
    assert (status, "<Code>ValidationError</Code>" in text) == (400, True)
    assert words in unescape(text)


@pytest.mark.parametrize("body", [b"{", b"[1]", b"\xff"])
def test_a_body_that_is_no_json_object_is_refused_as_awss_services_do(body: bytes) -> None:
    app = LocalCloudApp()
    app.json_operations["AmazonAthena.StopQueryExecution"] = refuse
    app.json_requests["AWSGlue.GetDatabase"] = refuse
    for service, target in (("athena", "AmazonAthena.StopQueryExecution"), ("glue", "AWSGlue.GetDatabase")):
        status, text = answer_to(app, service, body, X_Amz_Target=target)
        assert (status, json.loads(text)["__type"]) == (400, "SerializationException")


@pytest.mark.parametrize("key", ["a b", "100%", "q?x=1&y", "plus+plus", "größe/№", "%2F", "a//b", "dot/../dot"])
def test_awkward_keys_survive_the_server(cloud: LocalCloud, key: str) -> None:
    s3 = boto3.client("s3", endpoint_url=cloud.url, region_name="us-east-1")
    s3.create_bucket(Bucket="keys")
    s3.put_object(Bucket="keys", Key=key, Body=b"")
    assert [item["Key"] for item in s3.list_objects_v2(Bucket="keys")["Contents"]] == [key]


@pytest.mark.parametrize("body", [b"{", b"[1]", b"null", b"\xff"])
def test_a_control_request_that_is_no_json_object_is_refused(cloud: LocalCloud, body: bytes) -> None:
    with pytest.raises(HTTPError) as caught:
        urlopen(Request(f"{cloud.url}/_local/snapshots", body, {"Content-Type": "application/json"}))
    assert caught.value.code == 400
    assert "JSON" in json.load(caught.value)["error"]


def test_health_names_the_databases(cloud: LocalCloud) -> None:
    with urlopen(f"{cloud.url}/_local/health") as answer:
        health = json.load(answer)
    assert (health["status"], health["databases"], health["clusters"]) == ("ok", ["shop-prod"], ["shop-aurora"])
    assert (health["account"], health["region"]) == ("123456789012", "us-east-1")
