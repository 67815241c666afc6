"""Objects of S3 as files: whole, in parts, broken off, given up."""

import gc
import io
from typing import Any

import pytest
from urllib3.exceptions import ProtocolError

from rds_lake.aws.s3 import MIB
from rds_lake.aws.s3_stream import S3Reader, S3Writer
from rds_lake.errors import AwsError, UnavailableError
from rds_lake.localcloud.cloud import LocalCloud

BODY = bytes(range(256)) * 100


@pytest.fixture
def client(cloud: LocalCloud) -> Any:
    client = cloud.clients.client("s3")
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
    with pytest.raises(UnavailableError, match="a broke off"):
        io.BufferedReader(S3Reader(breaking, "acme-lake", "a")).read()


def test_an_object_that_is_gone_is_named(client: Any) -> None:
    with pytest.raises(AwsError, match="s3://acme-lake/gone"):
        S3Reader(client, "acme-lake", "gone").readinto(bytearray(1))
