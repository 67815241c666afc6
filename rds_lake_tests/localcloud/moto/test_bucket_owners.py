"""Whoever names a bucket's owner gets nothing of a bucket that is another account's; bare moto does not look."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto.s3.responses import S3Response

from rds_lake.localcloud.cloud import LocalCloud

_US, _THEM = "123456789012", "999988887777"


@pytest.fixture
def s3(cloud: LocalCloud) -> Any:
    client = cloud.clients.client("s3")
    client.create_bucket(Bucket="bucket")
    client.put_object(Bucket="bucket", Key="k", Body=b"1")
    return client


@pytest.mark.parametrize("operation", ["head_bucket", "list_objects_v2", "get_object", "head_object", "put_object"])
def test_another_owner_than_the_expected_is_a_refusal(s3: Any, operation: str) -> None:
    place = {"Bucket": "bucket"} | ({"Key": "k"} if "_object" in operation and "list" not in operation else {})
    with pytest.raises(ClientError) as caught:
        getattr(s3, operation)(**place, ExpectedBucketOwner=_THEM)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    assert getattr(s3, operation)(**place, ExpectedBucketOwner=_US)


def test_a_bucket_that_is_not_there_has_no_owner(s3: Any) -> None:
    with pytest.raises(ClientError, match="NoSuchBucket"):
        s3.list_objects_v2(Bucket="none", ExpectedBucketOwner=_THEM)


def test_bare_moto_still_does_not_look(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(S3Response, "_key_response", S3Response._key_response.__wrapped__)  # type: ignore[attr-defined]
    assert s3.get_object(Bucket="bucket", Key="k", ExpectedBucketOwner=_THEM)["Body"].read() == b"1"
