"""Clients against the local cloud, with few retries."""

import boto3
import pytest

from rds_lake.aws.clients import AwsClients
from rds_lake.localcloud.cloud import LocalCloud

SESSION = boto3.Session()  # kept: every session reads AWS's service models again


@pytest.fixture
def clients(cloud: LocalCloud) -> AwsClients:
    """Fresh clients for every test, since faults stay with a client."""
    return AwsClients(SESSION, region="us-east-1", endpoint_url=cloud.url, attempts=3)
