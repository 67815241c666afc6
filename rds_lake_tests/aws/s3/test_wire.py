"""The wire: signatures S3 accepts, answers distinguished, throttling absorbed, nothing sent after an interruption."""

import asyncio
import random
import resource
import socket
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import ReadOnlyCredentials

from rds_lake.aws.clients import AwsClients
from rds_lake.aws.s3.batch import Batch, most_sockets
from rds_lake.aws.s3.connection import Answer
from rds_lake.aws.s3.pace import Pace, pause
from rds_lake.aws.s3.sign import Place, S3Request, S3Signer, encoded
from rds_lake.aws.s3.wire import Wire
from rds_lake.threads import Cancelled, cancelling_threads
from rds_lake_tests.aws.conftest import SESSION
from rds_lake_tests.support.interrupts import falling_silent, interrupted

KEYS = ReadOnlyCredentials("AKIAEXAMPLE", "secret", "token/with+signs=", None)
AWS = Place(True, "lake.s3.eu-west-1.amazonaws.com", 443, "lake.s3.eu-west-1.amazonaws.com", "/")


@pytest.mark.parametrize("key", ["plain", "größe/a b+c~d=e/part-1.parquet", "100%/x?y#z&q", "'\"<>"])
@pytest.mark.parametrize("token", [None, "token/with+signs="])
@pytest.mark.parametrize("body", [b"", "<Delete>ü</Delete>".encode()])
def test_a_signature_is_the_one_botocore_makes(key: str, token: str | None, body: bytes) -> None:
    keys = ReadOnlyCredentials("AKIAEXAMPLE", "secret", token, None)
    now = datetime.now(UTC)
    signer = S3Signer(keys=lambda: keys, region="eu-west-1", place_of=lambda bucket: AWS, now=lambda: now)
    extra = {"x-amz-copy-source": encoded(f"exports/{key}"), "x-amz-server-side-encryption": "aws:kms"}
    target, headers = signer.sign(S3Request("PUT", "lake", key, extra, "list-type=2&prefix=a%2Fb", body))
    theirs = AWSRequest("PUT", f"https://{AWS.host}{target}", headers=dict(extra), data=body)
    theirs.context["payload_signing_enabled"] = True
    auth = S3SigV4Auth(keys, "s3", "eu-west-1")
    auth.add_auth(theirs)
    if theirs.headers["X-Amz-Date"] != headers["x-amz-date"]:  # the second turned in between: sign that one
        stamp = datetime.strptime(theirs.headers["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        again = S3Signer(keys=lambda: keys, region="eu-west-1", place_of=lambda bucket: AWS, now=lambda: stamp)
        target, headers = again.sign(S3Request("PUT", "lake", key, extra, "list-type=2&prefix=a%2Fb", body))
    assert headers["authorization"] == theirs.headers["Authorization"]


def test_a_bucket_is_reached_where_the_client_reaches_it() -> None:
    config = Config(ignore_configured_endpoint_urls=True)  # type: ignore[call-arg]
    client = SESSION.client("s3", region_name="eu-west-1", config=config)
    signer = S3Signer.of(client, lambda: KEYS)
    assert signer.place("lake") == AWS
    assert signer.place("with.dots").path == "/with.dots/", "no certificate covers two levels"


@pytest.fixture
def wire(clients: AwsClients) -> Wire:
    for bucket in ("lake", "exports"):
        clients.s3.create_bucket(Bucket=bucket)
    wire = Wire.of(clients.s3, lambda: KEYS, most=4)
    assert wire is not None
    return wire


def sent(wire: Wire, *requests: S3Request) -> dict[str, Answer | None]:
    answers: dict[str, Answer | None] = {}
    wire.send_all(requests, lambda request, answer: answers.update({request.key: answer}))
    return answers


def test_a_copy_by_wire_keeps_content_and_metadata_and_has_the_lakes_key(wire: Wire, clients: AwsClients) -> None:
    clients.s3.put_object(Bucket="exports", Key="a b/ü", Body=b"content", Metadata={"origin": "rds"})
    headers = {
        "x-amz-copy-source": encoded("exports/a b/ü"),
        "x-amz-server-side-encryption": "aws:kms",
        "x-amz-server-side-encryption-aws-kms-key-id": "alias/lake",
    }
    answer = sent(wire, S3Request("PUT", "lake", "größe/c d", headers))["größe/c d"]
    assert answer is not None
    assert answer.status == 200
    copied = clients.s3.get_object(Bucket="lake", Key="größe/c d")
    assert (copied["Body"].read(), copied["Metadata"], copied.get("SSEKMSKeyId")) == (
        b"content",
        {"origin": "rds"},
        "alias/lake",
    )


def test_what_boto3_has_to_word_comes_back_as_none(wire: Wire) -> None:
    assert sent(wire, S3Request("GET", "lake", "absent")) == {"absent": None}


def test_a_server_that_is_not_there_comes_back_as_none(clients: AwsClients) -> None:
    client = SESSION.client("s3", endpoint_url="http://127.0.0.1:9", region_name="us-east-1")
    wire = Wire.of(client, lambda: KEYS, most=2)
    assert wire is not None
    quick = Wire(wire.signer, most=2, jitter=lambda: -1.0)  # no pauses
    assert sent(quick, S3Request("GET", "lake", "x")) == {"x": None}


def test_a_proxy_is_left_to_boto3(clients: AwsClients, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://proxy:3128")
    monkeypatch.setenv("NO_PROXY", "")
    assert Wire.of(clients.s3, lambda: KEYS) is None


def test_an_answer_may_lead_to_another_request(wire: Wire, clients: AwsClients) -> None:
    clients.s3.put_object(Bucket="lake", Key="second", Body=b"2")
    seen: list[tuple[str, Any]] = []

    def follow(request: S3Request, answer: Answer | None) -> S3Request | None:
        seen.append((request.key, answer and answer.body))
        return S3Request("GET", "lake", "second") if request.key == "first" else None

    wire.send_all([S3Request("GET", "lake", "first")], follow)
    assert seen == [("first", None), ("second", b"2")]


def test_a_few_requests_begin_a_few_senders(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[Any] = []
    begin = asyncio.create_task

    def counted(work: Any) -> asyncio.Task[Any]:
        begun.append(work)
        return begin(work)

    monkeypatch.setattr(asyncio, "create_task", counted)
    requests = [S3Request("HEAD", "lake", f"absent-{number}") for number in range(3)]
    wire.limited(512).send_all(requests, lambda request, answer: None)
    assert len(begun) <= 5, "one for each request, one that found none, and what watches them"


def test_what_the_caller_raises_ends_everything(wire: Wire) -> None:
    asked: list[str] = []

    def explode(request: S3Request, answer: Answer | None) -> None:
        asked.append(request.key)
        raise KeyError("stop")

    with pytest.raises(KeyError):
        wire.send_all((S3Request("GET", "lake", f"k{number}") for number in range(1000)), explode)
    assert len(asked) < 10
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("s3-wire")]


def test_one_slow_down_in_a_hundred_does_not_slow_down_and_a_storm_does_until_it_is_over() -> None:
    pace = Pace(most=128)
    for number in range(10_000):
        pace.answered(slow=number % 100 == 0)
    assert pace.limit == 128
    crowd(pace, answers=3_000, capacity=12)
    assert pace.lowest < 16
    assert pace.limit < 32
    for _ in range(5_000):
        pace.answered(slow=False)
    assert pace.limit == 128


def crowd(pace: Pace, *, answers: int, capacity: int) -> None:
    """An S3 that serves so many requests at once, and says SlowDown to the others."""
    dice = random.Random(5)
    for _ in range(answers):
        pace.answered(slow=dice.random() > capacity / pace.limit)


@pytest.mark.parametrize("capacity", [1, 12, 40, 64, 100])
def test_however_few_requests_s3_takes_the_pace_comes_down_to_them(capacity: int) -> None:
    pace = Pace(most=256)
    crowd(pace, answers=20_000, capacity=capacity)
    limits = list[int]()
    for _ in range(200):
        crowd(pace, answers=50, capacity=capacity)
        limits.append(pace.limit)
    assert sum(limits) / len(limits) <= max(16, 1.5 * capacity)


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5])
def test_a_storm_that_going_slower_does_not_mend_is_borne(share: float) -> None:
    """At eight requests at once a million objects would take an hour instead of minutes."""
    pace, dice, limits = Pace(most=256), random.Random(7), list[int]()
    for _ in range(50_000):
        pace.answered(slow=dice.random() < share)
        limits.append(pace.limit)
    assert sum(limits) / len(limits) > 128


def test_more_requests_are_under_way_where_s3_takes_long_and_no_more_than_the_thread_has_time_for() -> None:
    idle, busy = Pace(most=512, load=lambda: 0.1), Pace(most=512, load=lambda: 0.95)
    half = Pace(most=512, load=lambda: 0.5 * half.limit / 256)
    for pace in (idle, busy, half):
        for _ in range(2_000):
            pace.answered(slow=False)
    assert (idle.limit, busy.limit) == (512, 256)
    assert 400 < half.limit < 512, "the thread is nearly busy with so many"


def test_connections_leave_file_descriptors_to_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (256, 4096))
    assert (most_sockets(512), most_sockets(16)) == (128, 16)
    monkeypatch.setattr(resource, "getrlimit", lambda _: (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert most_sockets(512) == 512


def test_pauses_grow_to_an_end() -> None:
    assert [pause(attempt, 0.5) for attempt in (0, 1, 20)] == pytest.approx([0.0375, 0.075, 3.75])


def test_requests_that_a_silent_s3_does_not_answer_end_with_the_first_error_of_another_thread(
    clients: AwsClients,
) -> None:
    clients.s3.create_bucket(Bucket="lake")
    with falling_silent(clients.s3.meta.endpoint_url, lambda sent: b"PUT /lake/k" in sent) as line:
        client = SESSION.client("s3", endpoint_url=line.url, region_name="us-east-1")
        wire = Wire.of(client, lambda: KEYS, most=4)
        assert wire is not None

        def work(number: int) -> None:
            if number == 0:
                sent(wire, *(S3Request("PUT", "lake", f"k{key}") for key in range(100)))
            line.silent.wait(60)
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError), cancelling_threads(2, "copies") as pool:
            list(pool.map(work, range(2)))
        assert not line.cut.is_set(), "it waited until the connection was closed"
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("s3-wire")]


def test_ctrl_c_ends_requests_that_a_silent_s3_does_not_answer(clients: AwsClients) -> None:
    clients.s3.create_bucket(Bucket="lake")
    with falling_silent(clients.s3.meta.endpoint_url, lambda sent: b"PUT /lake/k" in sent) as line:
        client = SESSION.client("s3", endpoint_url=line.url, region_name="us-east-1")
        wire = Wire.of(client, lambda: KEYS, most=4)
        assert wire is not None
        with pytest.raises(KeyboardInterrupt), interrupted(line.silent.is_set):
            sent(wire, *(S3Request("PUT", "lake", f"k{key}") for key in range(100)))
        assert not line.cut.is_set(), "it waited until the connection was closed"
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("s3-wire")]


def test_requests_end_in_whatever_moment_they_are_stopped_while_connections_are_made() -> None:
    """Nothing cuts the connection of a sender that has not noticed the end, and its server never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as nobody:
        client = SESSION.client(
            "s3", endpoint_url=f"http://127.0.0.1:{nobody.getsockname()[1]}", region_name="us-east-1"
        )
        for milliseconds in range(40):
            batch = Batch(
                signer=S3Signer.of(client, lambda: KEYS),
                requests=(S3Request("GET", "lake", f"k{key}") for key in range(100)),
                on_answer=lambda request, answer: None,
                most=16,
                jitter=random.random,
                clock=time.monotonic,
                trusted=None,
            )
            thread = threading.Thread(target=ended, args=(batch,), daemon=True)
            thread.start()
            time.sleep(milliseconds / 2000)
            batch.stop()
            thread.join(60)
            assert not thread.is_alive()


def ended(batch: Batch) -> None:
    with suppress(Cancelled):
        batch.run()
