"""Buckets on the local cloud for stages that need S3 alone."""

import boto3
import pytest
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.s3.models import s3_backends

from rds_lake.aws.clients import AwsClients
from rds_lake.aws.s3.gateway import S3Gateway
from rds_lake.localcloud.cloud import LocalCloud
from rds_lake.model.lake.deletable import deletable_of_lake
from rds_lake.model.lake.layout import LakeLayout

DELETABLE = deletable_of_lake(LakeLayout(bucket="acme-lake", prefix="lake"), ("acme-exports", "exports"))
SESSION = boto3.Session()  # kept: every session reads AWS's service models again


@pytest.fixture
def clients(session_cloud: LocalCloud) -> AwsClients:
    """Fresh clients for every test, since faults stay with a client; with the two buckets, empty.

    Only S3 is emptied: forgetting the whole cloud takes longer than most of these tests.
    """
    s3_backends[DEFAULT_ACCOUNT_ID]["aws"].reset()
    clients = AwsClients(SESSION, region="us-east-1", endpoint_url=session_cloud.url, attempts=3)
    for bucket in ("acme-exports", "acme-lake"):
        clients.s3.create_bucket(Bucket=bucket)
    return clients


@pytest.fixture
def s3(clients: AwsClients) -> S3Gateway:
    return S3Gateway(clients.s3, deletable=DELETABLE)


@pytest.fixture
def layout() -> LakeLayout:
    return LakeLayout(bucket="acme-lake", prefix="lake")
