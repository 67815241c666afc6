"""A lake in a local cloud of its own, of which only the gateways are needed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rds_lake.config.lake_yaml import LakeSettings
from rds_lake.defs.resources import AwsResource
from rds_lake.localcloud.cloud import LocalCloud
from rds_lake.stages.lake.lake import Lake

BUCKET = "acme-lake"
_SETTINGS = {
    "bucket": BUCKET,
    "prefix": "lake",
    "export_role": "arn:aws:iam::123456789012:role/export",
    "kms_key": "alias/lake",
    "events_queue": "events",
    "start_date": "2026-01-01",
}


@contextmanager
def lake_alone() -> Iterator[Lake]:
    """The lake, as long as the block lasts."""
    with LocalCloud({}) as cloud:
        cloud.clients.client("s3").create_bucket(Bucket=BUCKET)
        aws = AwsResource(endpoint_url=cloud.url, region_name="us-east-1")
        yield aws.gateways(LakeSettings.model_validate(_SETTINGS)).lake
