"""S3: paging, ranged reads, copies whole and by parts, deletes whose errors are inspected."""

import os
from itertools import pairwise
from typing import Any

import pytest
from botocore.exceptions import ResponseStreamingError

from rds_lake.aws.clients import AwsClients
from rds_lake.aws.s3.copying import CopyLimits
from rds_lake.aws.s3.gateway import S3Gateway
from rds_lake.aws.s3.objects import MIB, ObjectHead
from rds_lake.errors import AwsError, ConflictError, MalformedExportError, RelocationError, ThrottledError
from rds_lake.model.lake.deletable import Deletable, Place
from rds_lake_tests.support.builders import fill
from rds_lake_tests.support.faults import Faults

BY_PARTS = CopyLimits(threshold_bytes=5 * MIB, part_bytes=5 * MIB, parallel=2)


@pytest.fixture
def client(clients: AwsClients) -> Any:
    clients.s3.create_bucket(Bucket="lake")
    return clients.s3


@pytest.fixture
def s3(client: Any) -> S3Gateway:
    return S3Gateway(client, deletable=Deletable(places=(Place(bucket="lake", prefix=""),)))


def test_a_listing_of_2500_objects_is_read_to_its_end(s3: S3Gateway, client: Any) -> None:
    fill("lake", [f"many/{number:05d}" for number in range(2500)])
    faults = Faults(client)
    assert [item.key for item in s3.list_objects("lake", "many/")] == [f"many/{number:05d}" for number in range(2500)]
    assert faults.count("ListObjectsV2") == 3


def test_a_prefix_with_a_slash_does_not_match_a_longer_name(s3: S3Gateway) -> None:
    s3.put_text("lake", "a-1/x", "", kms_key=None)
    s3.put_text("lake", "a-10/x", "", kms_key=None)
    assert [item.key for item in s3.list_objects("lake", "a-1/")] == ["a-1/x"]


def test_a_text_comes_back_as_written_and_an_absent_one_is_none(s3: S3Gateway) -> None:
    s3.put_text("lake", "täxt", "größe", kms_key=None)
    assert s3.find_text("lake", "täxt") == "größe"
    assert s3.find_text("lake", "absent") is None
    with pytest.raises(AwsError, match="s3://lake/absent"):
        s3.get_text("lake", "absent")


def test_an_absent_bucket_is_no_absent_object(s3: S3Gateway) -> None:
    with pytest.raises(AwsError, match="NoSuchBucket"):
        s3.find_text("no-such-bucket", "key")


def test_bytes_that_are_no_text_are_named(s3: S3Gateway) -> None:
    s3.put_bytes("lake", "noise", b"\xff\xfe", kms_key=None)
    with pytest.raises(MalformedExportError, match="s3://lake/noise is not UTF-8"):
        s3.get_text("lake", "noise")


def test_writes_are_encrypted_with_the_given_key(s3: S3Gateway, client: Any) -> None:
    s3.put_text("lake", "secret", "x", kms_key="alias/lake")
    head = client.head_object(Bucket="lake", Key="secret")
    assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", "alias/lake")


@pytest.mark.parametrize("size", [0, 1, 10])
def test_the_tail_of_a_short_object_is_all_of_it(s3: S3Gateway, size: int) -> None:
    s3.put_bytes("lake", "short", b"x" * size, kms_key=None)
    assert s3.read_tail("lake", "short", bytes=100) == b"x" * size


def test_the_tail_is_the_end(s3: S3Gateway) -> None:
    s3.put_bytes("lake", "key", b"0123456789", kms_key=None)
    assert s3.read_tail("lake", "key", bytes=3) == b"789"


def test_s3s_refusal_of_a_range_in_an_empty_object_is_an_empty_tail(s3: S3Gateway, client: Any) -> None:
    """AWS answers 416; moto answers with the empty object."""
    Faults(client).answer("GetObject", "InvalidRange", status=416)
    assert s3.read_tail("lake", "empty", bytes=8) == b""


def test_a_body_that_breaks_off_is_read_again(s3: S3Gateway, client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    s3.put_text("lake", "key", "whole", kms_key=None)
    breaks = iter([True, True, False])
    answer = client.get_object

    class Body:
        def read(self, *_: int) -> bytes:
            raise ResponseStreamingError(error="connection reset")

    monkeypatch.setattr(
        client, "get_object", lambda **arguments: {"Body": Body()} if next(breaks) else answer(**arguments)
    )
    assert s3.get_text("lake", "key") == "whole"


def test_a_head_knows_size_and_checksum(s3: S3Gateway, client: Any) -> None:
    client.put_object(Bucket="lake", Key="key", Body=b"123456789", ChecksumAlgorithm="CRC32")
    assert s3.find_head("lake", "key") == ObjectHead(bytes=9, checksum="CRC32:y/Q5Jg==")
    assert s3.find_head("lake", "absent") is None


def test_a_checksum_of_parts_is_no_checksum_of_the_content(s3: S3Gateway, client: Any) -> None:
    upload = client.create_multipart_upload(
        Bucket="lake", Key="key", ChecksumAlgorithm="CRC32", ChecksumType="COMPOSITE"
    )["UploadId"]
    part = client.upload_part(
        Bucket="lake", Key="key", UploadId=upload, PartNumber=1, Body=b"x", ChecksumAlgorithm="CRC32"
    )
    client.complete_multipart_upload(
        Bucket="lake",
        Key="key",
        UploadId=upload,
        MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"], "ChecksumCRC32": part["ChecksumCRC32"]}]},
    )
    assert s3.find_head("lake", "key") == ObjectHead(bytes=1, checksum=None)


def test_a_small_copy_is_one_call_and_keeps_content_and_metadata(s3: S3Gateway, client: Any) -> None:
    client.put_object(
        Bucket="lake", Key="a b/ü", Body=b"content", Metadata={"origin": "rds"}, ChecksumAlgorithm="CRC32"
    )
    faults = Faults(client)
    s3.copy(("lake", "a b/ü"), ("lake", "copy"), size=7, kms_key="alias/lake", limits=CopyLimits())
    assert (faults.count("CopyObject"), faults.count("UploadPartCopy")) == (1, 0)
    copied = client.get_object(Bucket="lake", Key="copy")
    assert copied["Body"].read() == b"content"
    assert copied["Metadata"] == {"origin": "rds"}
    assert copied["SSEKMSKeyId"] == "alias/lake"
    assert s3.find_head("lake", "copy") == s3.find_head("lake", "a b/ü")


@pytest.mark.parametrize("gone", ["copy", "source"])
def test_a_copy_in_place_of_an_object_that_is_gone_is_a_conflict_and_of_a_source_that_is_gone_is_none(
    s3: S3Gateway, client: Any, gone: str
) -> None:
    for key in ("source", "copy"):
        client.put_object(Bucket="lake", Key=key, Body=b"x")
    etag = s3.find_etag("lake", "copy")
    client.delete_object(Bucket="lake", Key=gone)
    with pytest.raises(AwsError) as caught:
        s3.copy_over(("lake", "source"), ("lake", "copy"), etag=etag, metadata={}, kms_key=None)
    assert isinstance(caught.value, ConflictError) == (gone == "copy")


def test_a_copy_above_the_limit_goes_by_parts_with_metadata_and_a_comparable_checksum(
    s3: S3Gateway, client: Any
) -> None:
    """CopyObject refuses more than 5 GB, so that larger objects go in parts; here those above 5 MiB."""
    body = os.urandom(11 * MIB)
    client.put_object(
        Bucket="lake",
        Key="big",
        Body=body,
        Metadata={"origin": "rds"},
        ContentType="application/x-parquet",
        ChecksumAlgorithm="CRC32",
    )
    faults = Faults(client)
    s3.copy(("lake", "big"), ("lake", "copy"), size=len(body), kms_key="alias/lake", limits=BY_PARTS)
    assert (faults.count("CopyObject"), faults.count("UploadPartCopy")) == (0, 3)
    copied = client.get_object(Bucket="lake", Key="copy")
    assert copied["Body"].read() == body
    assert (copied["Metadata"], copied["ContentType"]) == ({"origin": "rds"}, "application/x-parquet")
    source = s3.find_head("lake", "big")
    assert source is not None
    assert source.checksum is not None
    assert s3.find_head("lake", "copy") == source
    assert client.list_multipart_uploads(Bucket="lake").get("Uploads", []) == []


def test_a_copy_whose_part_fails_leaves_no_upload_and_no_object(s3: S3Gateway, client: Any) -> None:
    client.put_object(Bucket="lake", Key="big", Body=bytes(11 * MIB))
    Faults(client).answer("UploadPartCopy", "AccessDenied", status=403, matching="partNumber=2")
    with pytest.raises(AwsError, match=r"AccessDenied.*s3://lake/big, bytes 5242880-10485759"):
        s3.copy(("lake", "big"), ("lake", "copy"), size=11 * MIB, kms_key=None, limits=BY_PARTS)
    assert client.list_multipart_uploads(Bucket="lake").get("Uploads", []) == []
    assert s3.find_head("lake", "copy") is None


def test_an_abort_that_fails_does_not_hide_why_the_copy_failed(s3: S3Gateway, client: Any) -> None:
    client.put_object(Bucket="lake", Key="big", Body=bytes(6 * MIB))
    faults = Faults(client)
    faults.answer("UploadPartCopy", "AccessDenied", status=403)
    faults.answer("AbortMultipartUpload", "InternalError", status=500)
    with pytest.raises(AwsError, match="AccessDenied") as caught:
        s3.copy(("lake", "big"), ("lake", "copy"), size=6 * MIB, kms_key=None, limits=BY_PARTS)
    assert "of s3://lake/copy was not aborted" in caught.value.__notes__[0]


def test_parts_cover_every_byte_once_and_never_exceed_ten_thousand() -> None:
    limits = CopyLimits(part_bytes=5 * MIB)
    for size in (1, 5 * MIB, 5 * MIB + 1, 200 * 1024**3):
        parts = limits.parts(size)
        assert len(parts) <= 10_000
        assert (parts[0][0], parts[-1][1]) == (0, size - 1)
        assert all(last + 1 == first for (_, last), (first, _) in pairwise(parts))


def test_throttling_is_absorbed_by_retries(s3: S3Gateway, client: Any) -> None:
    s3.put_text("lake", "key", "x", kms_key=None)
    faults = Faults(client)
    faults.answer("CopyObject", "SlowDown", status=503, times=2)
    s3.copy(("lake", "key"), ("lake", "copy"), size=1, kms_key=None, limits=CopyLimits())
    assert faults.count("CopyObject") == 3
    assert s3.find_text("lake", "copy") == "x"


def test_throttling_without_end_is_a_transient_error(s3: S3Gateway, client: Any) -> None:
    Faults(client).answer("HeadObject", "SlowDown", status=503)
    with pytest.raises(ThrottledError):
        s3.find_head("lake", "key")


def test_an_error_inside_a_200_answer_to_a_copy_is_an_error(s3: S3Gateway, client: Any) -> None:
    s3.put_text("lake", "key", "x", kms_key=None)
    Faults(client).answer("CopyObject", "InternalError", status=200)
    with pytest.raises(Exception, match="InternalError"):
        s3.copy(("lake", "key"), ("lake", "copy"), size=1, kms_key=None, limits=CopyLimits())


def test_deleting_2500_objects_takes_three_calls(s3: S3Gateway, client: Any) -> None:
    keys = [f"many/{number}" for number in range(2500)]
    fill("lake", keys)
    faults = Faults(client)
    s3.delete("lake", keys)
    assert faults.count("DeleteObjects") == 3
    assert list(s3.list_objects("lake", "many/")) == []


def test_objects_s3_did_not_delete_are_all_named(s3: S3Gateway, client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """DeleteObjects answers 200 and lists what failed."""
    refused = [{"Key": key, "Code": "AccessDenied", "Message": "no"} for key in ("a", "b")]
    monkeypatch.setattr(client, "delete_objects", lambda **arguments: {"Errors": refused})
    with pytest.raises(RelocationError) as caught:
        s3.delete("lake", ["a", "b", "c"])
    assert caught.value.problems == ("s3://lake/a: AccessDenied no", "s3://lake/b: AccessDenied no")


def test_nothing_to_delete_is_no_call(s3: S3Gateway, client: Any) -> None:
    faults = Faults(client)
    s3.delete("lake", [])
    assert faults.calls == []
