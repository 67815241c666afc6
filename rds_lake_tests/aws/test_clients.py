"""Clients: one per service, shared by threads, with our retries."""

import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore import endpoint

from rds_lake.aws.clients import AwsClients
from rds_lake.aws.s3.gateway import S3Gateway
from rds_lake.aws.s3.stream import S3Reader
from rds_lake.localcloud.cloud import LocalCloud
from rds_lake.threads import Cancelled, cancelling_threads
from rds_lake_tests.support.interrupts import falling_silent
from rds_lake_tests.support.world import until


def test_threads_get_one_client_per_service() -> None:
    clients = AwsClients(boto3.Session(), region="us-east-1")
    with ThreadPoolExecutor(8) as pool:
        built = list(pool.map(lambda _: clients.s3, range(32)))
    assert len({id(client) for client in built}) == 1
    assert clients.s3.meta.config.retries == {"mode": "standard", "total_max_attempts": 8}  # type: ignore[attr-defined]
    assert "rds-lake" in clients.s3.meta.config.user_agent  # type: ignore[attr-defined]


def test_every_service_of_the_pipeline_has_its_client() -> None:
    clients = AwsClients(boto3.Session(), region="us-east-1")
    for name in ("rds", "s3", "glue", "athena", "sqs", "sns"):
        assert getattr(clients, name).meta.service_model.service_name == name


def test_boto3s_own_endpoint_variable_is_honoured() -> None:
    clients = AwsClients(boto3.Session(), region="us-east-1")
    assert clients.glue.meta.endpoint_url == "http://127.0.0.1:9"


def test_what_may_be_started_once_only_is_asked_for_once() -> None:
    clients = AwsClients(boto3.Session(), region="us-east-1")
    once = clients.client("glue", once=True)
    assert once is clients.client("glue", once=True)
    assert once.meta.config.retries["total_max_attempts"] == 1
    assert once.meta.config.read_timeout == clients.client("glue").meta.config.read_timeout
    assert clients.client("glue").meta.config.retries["total_max_attempts"] == 8


def test_a_call_that_is_about_to_be_repeated_is_not_sent_again_once_another_thread_has_failed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """boto3 pauses for up to 20 s before a repetition, which would then be waited for as long as AWS takes."""
    client = AwsClients(boto3.Session(), region="us-east-1").glue
    tries: list[str] = []
    pausing, failed = threading.Event(), threading.Event()

    def pause(_: float) -> None:
        pausing.set()
        failed.wait(30)
        time.sleep(1)  # for the pool to see it

    client.meta.events.register("before-send.glue", lambda **_: tries.append("GetTable"))
    monkeypatch.setattr(endpoint, "time", SimpleNamespace(sleep=pause))

    def work(number: int) -> None:
        if number == 0:
            client.get_table(DatabaseName="lake", Name="orders")
        pausing.wait(30)
        failed.set()
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), cancelling_threads(2, "tables") as pool:
        list(pool.map(work, range(2)))
    assert tries == ["GetTable"]


def fail_beside(work: Callable[[], object], begun: Callable[[], bool]) -> BaseException | None:
    """Run the work in a thread, and fail in another one as soon as it has `begun`; how the work ended."""

    def fail() -> None:
        until(begun, seconds=60, what="the call")
        raise ZeroDivisionError

    working: list[Future[object]] = []
    with pytest.raises(ZeroDivisionError), cancelling_threads(2, "calls") as pool:
        working.append(pool.submit(work))
        pool.submit(fail).result()
    return working[0].exception()


def test_a_call_that_aws_does_not_answer_ends_with_the_first_error_of_another_thread(cloud: LocalCloud) -> None:
    with falling_silent(cloud.url, lambda sent: b"GetTable" in sent, most_seconds=40) as line:
        glue = AwsClients(boto3.Session(), region="us-east-1", endpoint_url=line.url).glue
        ended = fail_beside(lambda: glue.get_table(DatabaseName="lake", Name="orders"), line.silent.is_set)
        assert isinstance(ended, Cancelled)
        assert not line.cut.is_set(), "it waited until the connection was closed"


@pytest.mark.parametrize(
    "read",
    [
        lambda s3: S3Reader(s3, "lake", "orders.parquet").readall(),
        lambda s3: S3Gateway(s3).get_text("lake", "orders.json"),
    ],
)
def test_an_object_whose_rest_does_not_come_ends_with_the_first_error_of_another_thread(
    read: Callable[[Any], object],
) -> None:
    head = b'HTTP/1.1 200 OK\r\nContent-Length: 4000000\r\nETag: "1"\r\n\r\n'
    sent, closed = threading.Event(), threading.Event()

    def serve() -> None:
        line, _ = door.accept()
        with line, suppress(OSError):
            line.recv(65_536)
            line.sendall(head + b"x" * 1000)
            sent.set()
            line.settimeout(40)
            closed.set() if line.recv(65_536) == b"" else None

    with socket.create_server(("127.0.0.1", 0)) as door:
        server = threading.Thread(target=serve)
        server.start()
        url = f"http://127.0.0.1:{door.getsockname()[1]}"
        s3 = AwsClients(boto3.Session(), region="us-east-1", endpoint_url=url, attempts=1).s3
        ended = fail_beside(lambda: read(s3), sent.is_set)
        server.join()
    assert isinstance(ended, Cancelled)
    assert closed.is_set(), "it waited for the rest"
