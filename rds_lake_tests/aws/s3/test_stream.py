"""Objects of S3 as files: whole, in parts, broken off, given up."""

import gc
import io
import zlib
from base64 import b64encode
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from urllib3.exceptions import ProtocolError

from rds_lake.aws.s3.gateway import S3Gateway
from rds_lake.aws.s3.objects import MIB
from rds_lake.aws.s3.stream import S3Reader, S3Writer
from rds_lake.errors import AwsError, UnavailableError
from rds_lake.localcloud.cloud import LocalCloud
from rds_lake_tests.aws.conftest import SESSION

BODY = bytes(range(256)) * 100


@pytest.fixture
def client(cloud: LocalCloud) -> Any:
    client = SESSION.client("s3", region_name="us-east-1", endpoint_url=cloud.url)
    client.create_bucket(Bucket="acme-lake")
    return client


def keys(client: Any) -> list[str]:
    return [item["Key"] for item in client.list_objects_v2(Bucket="acme-lake").get("Contents", [])]


@pytest.mark.parametrize("size", [0, 1, 5 * MIB, 5 * MIB + 1, 12 * MIB])
def test_what_is_written_is_read_again(client: Any, size: int) -> None:
    content = (BODY * (size // len(BODY) + 1))[:size]
    with S3Writer(client, "acme-lake", "a/b", kms_key=None, part_bytes=5 * MIB) as file:
        for start in range(0, size, 700_001):
            file.write(content[start : start + 700_001])
    assert file.bytes == size
    with io.BufferedReader(S3Reader(client, "acme-lake", "a/b")) as found:
        assert found.read() == content


def test_an_object_is_not_there_before_its_file_is_closed(client: Any) -> None:
    file = S3Writer(client, "acme-lake", "a", kms_key=None, part_bytes=5 * MIB)
    file.write(bytes(6 * MIB))
    assert keys(client) == []
    file.close()
    assert keys(client) == ["a"]


def test_a_file_that_is_given_up_leaves_nothing(client: Any) -> None:
    file = S3Writer(client, "acme-lake", "a", kms_key=None, part_bytes=5 * MIB)
    file.write(bytes(6 * MIB))
    file.abort()
    assert keys(client) == []
    assert "Uploads" not in client.list_multipart_uploads(Bucket="acme-lake")


def test_an_error_on_the_way_or_a_forgotten_file_makes_no_object(client: Any) -> None:
    with pytest.raises(ZeroDivisionError), S3Writer(client, "acme-lake", "a", kms_key=None) as file:
        file.write(b"half")
        raise ZeroDivisionError
    S3Writer(client, "acme-lake", "b", kms_key=None).write(b"half")
    gc.collect()
    assert keys(client) == []


class Breaking:
    """A client whose bodies break off after so many bytes."""

    def __init__(self, client: Any, after: int, *, silently: bool) -> None:
        self.client, self.after, self.silently = client, after, silently
        self.calls = 0

    def get_object(self, **arguments: Any) -> Any:
        self.calls += 1
        answer = self.client.get_object(**arguments)
        return answer | {"Body": _Body(answer["Body"].read()[: self.after], silently=self.silently)}


class _Body(io.BytesIO):
    def __init__(self, content: bytes, *, silently: bool) -> None:
        super().__init__(content)
        self.silently = silently

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        if not data and not self.silently:
            raise ProtocolError("Connection broken")
        return data


@pytest.mark.parametrize("silently", [True, False])
def test_a_connection_that_breaks_is_taken_up_where_it_broke(client: Any, silently: bool) -> None:
    client.put_object(Bucket="acme-lake", Key="a", Body=BODY)
    breaking: Any = Breaking(client, len(BODY) // 3, silently=silently)
    assert io.BufferedReader(S3Reader(breaking, "acme-lake", "a")).read() == BODY
    assert breaking.calls > 2


def test_a_connection_that_always_breaks_is_given_up_as_something_to_repeat(client: Any) -> None:
    client.put_object(Bucket="acme-lake", Key="a", Body=BODY)
    breaking: Any = Breaking(client, 0, silently=True)
    with pytest.raises(UnavailableError, match="a was interrupted"):
        io.BufferedReader(S3Reader(breaking, "acme-lake", "a")).read()


def test_an_object_that_is_gone_is_named(client: Any) -> None:
    with pytest.raises(AwsError, match="s3://acme-lake/gone"):
        S3Reader(client, "acme-lake", "gone").readinto(bytearray(1))


class Damaging:
    """Between boto3 and S3: answers to GetObject whose bodies have one byte turned, or break off after so many bytes."""

    def __init__(self, client: Any, *, flip: int | None = None, cut: int | None = None) -> None:
        self.flip, self.cut, self.calls = flip, cut, 0
        client.meta.events.register("before-send.s3.GetObject", self._answer)

    def _answer(self, request: Any, **_: Any) -> AWSResponse:
        self.calls += 1
        asked = request.headers.get("Range", b"bytes=0-").decode()
        start = int(asked.removeprefix("bytes=").removesuffix("-"))
        body = bytearray(BODY)
        if self.flip is not None:
            body[self.flip] ^= 1
        checksum = b64encode(zlib.crc32(BODY).to_bytes(4)).decode()
        whole: dict[str, str] = (
            {} if start else {"x-amz-checksum-crc32": checksum, "x-amz-checksum-type": "FULL_OBJECT"}
        )
        headers: Any = {"Content-Length": str(len(BODY) - start), "ETag": '"1"'} | whole
        return AWSResponse(request.url, 206 if start else 200, headers, io.BytesIO(bytes(body[start:][: self.cut])))


def read_in(client: Any, size: int) -> bytes:
    reader, parts = S3Reader(client, "acme-lake", "a"), list[bytes]()
    while part := reader.read(size):
        parts.append(part)
    return b"".join(parts)


# Sizes that end exactly at the object's end, and that do not.
@pytest.mark.parametrize("size", [len(BODY), len(BODY) // 4, 1000, 10 * MIB])
@pytest.mark.parametrize("flip", [0, len(BODY) - 1])
def test_a_byte_that_changed_on_its_way_is_never_read_as_the_objects_content(client: Any, size: int, flip: int) -> None:
    damaging = Damaging(client, flip=flip)
    with pytest.raises(UnavailableError, match="a was damaged on the way"):
        read_in(client, size)
    assert damaging.calls == 1, "a wrong checksum is no broken connection"


def test_a_byte_that_changed_before_the_connection_broke_is_noticed_at_the_end(client: Any) -> None:
    Damaging(client, flip=3, cut=len(BODY) // 3)
    with pytest.raises(UnavailableError, match="its CRC32 is"):
        read_in(client, 1000)


def test_content_over_several_connections_is_whole_and_compared(client: Any) -> None:
    damaging = Damaging(client, cut=len(BODY) // 3 + 1)
    assert read_in(client, 1000) == BODY
    assert damaging.calls == 3


@pytest.mark.parametrize("read", ["get_text", "find_version"])
def test_a_small_object_that_arrives_damaged_is_read_again_and_then_something_to_repeat(client: Any, read: str) -> None:
    damaging = Damaging(client, flip=7)
    with pytest.raises(UnavailableError, match="s3://acme-lake/a"):
        getattr(S3Gateway(client), read)("acme-lake", "a")
    assert damaging.calls == 3
