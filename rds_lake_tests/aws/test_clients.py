"""Clients: one per service, shared by threads, with our retries."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import boto3
import pytest
from botocore import endpoint

from rds_lake.aws.clients import AwsClients
from rds_lake.threads import cancelling_threads


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
