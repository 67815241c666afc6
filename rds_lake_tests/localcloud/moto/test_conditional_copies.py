"""A copy over an object that is not the one that was seen is refused, as S3 does it."""

from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto.s3.responses import S3Response

from rds_lake.localcloud.cloud import LocalCloud


@pytest.fixture
def s3(session_cloud: LocalCloud) -> Any:
    s3 = boto3.client("s3", endpoint_url=session_cloud.url, region_name="us-east-1")
    if "copies" not in {each["Name"] for each in s3.list_buckets()["Buckets"]}:
        s3.create_bucket(Bucket="copies")
    s3.put_object(Bucket="copies", Key="from", Body=b"new")
    s3.delete_object(Bucket="copies", Key="to")
    return s3


def copy(s3: Any, **condition: str) -> str:
    """The refusal's code, empty when there was none."""
    try:
        s3.copy_object(Bucket="copies", Key="to", CopySource={"Bucket": "copies", "Key": "from"}, **condition)
    except ClientError as error:
        return error.response["Error"]["Code"]
    return ""


def test_a_copy_takes_the_place_of_nothing_or_of_the_version_that_was_seen(s3: Any) -> None:
    assert copy(s3, IfMatch='"0123"') == "NoSuchKey"
    assert copy(s3, IfNoneMatch="*") == ""
    assert copy(s3, IfNoneMatch="*") == "PreconditionFailed"
    etag = s3.put_object(Bucket="copies", Key="to", Body=b"theirs")["ETag"]
    assert copy(s3, IfMatch='"0123"') == "PreconditionFailed"
    assert copy(s3, IfMatch=etag) == ""
    assert s3.get_object(Bucket="copies", Key="to")["Body"].read() == b"new"


def test_bare_moto_still_copies_over_whatever_is_there(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    repaired: Any = S3Response.copy_object
    monkeypatch.setattr(S3Response, "copy_object", repaired.__wrapped__)
    assert [copy(s3, IfNoneMatch="*") for _ in range(2)] == ["", ""]
    assert copy(s3, IfMatch='"0123"') == ""
