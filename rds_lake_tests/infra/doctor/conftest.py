"""One healthy account per file, made from the template by `rds-lake setup`."""

from __future__ import annotations

from collections.abc import Iterator

import boto3
import pytest

from rds_lake.aws.clients import AwsClients
from rds_lake.localcloud.cloud import LocalCloud
from rds_lake_tests.infra.doctor.accounts import Account, databases, tables
from rds_lake_tests.infra.existing.conftest import Site
from rds_lake_tests.support.in_process import short_cut


def clients_of(cloud: LocalCloud, **keys: str) -> AwsClients:
    """Somebody's clients; root's by default."""
    named = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"} | keys
    session = boto3.Session(region_name="us-east-1", **named)  # type: ignore[arg-type]
    return AwsClients(session, region="us-east-1", endpoint_url=cloud.url)


@pytest.fixture(scope="module")
def doctor_cloud() -> Iterator[LocalCloud]:
    with LocalCloud({}) as cloud:
        yield cloud


def deployed(cloud: LocalCloud, name: str) -> Account:
    """A lake of `template/lakes.py` in an emptied cloud, with its databases and tables."""
    cloud.reset()
    clients = clients_of(cloud)
    site = Site(cloud=cloud, clients=clients)
    config = site.config(name)
    with short_cut():
        databases(cloud, config)
        tables(cloud, config)
        mail = ("NotificationEmail=ops@acme.example",) if config.lake.notifications else ()
        site.setup(config, "PipelineRunsOn=account", *mail)
    return Account(cloud=cloud, clients=clients, config=config)


@pytest.fixture(scope="module")
def healthy(doctor_cloud: LocalCloud) -> Account:
    """With databases, clusters, backups, tables, a Glue job, a topic, and exports in a bucket of their own."""
    return deployed(doctor_cloud, "all")
