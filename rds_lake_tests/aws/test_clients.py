"""Clients: one per service, shared by threads, with our retries."""

from concurrent.futures import ThreadPoolExecutor

import boto3

from rds_lake.aws.clients import AwsClients


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
