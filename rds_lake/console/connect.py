"""The gateways of a lake for the command line, without Dagster.

What belongs here: building them from lake.yaml and boto3's own chain. No call to AWS.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import boto3

from rds_lake.aws.athena import AthenaGateway
from rds_lake.aws.clients import AwsClients
from rds_lake.aws.glue import GlueGateway
from rds_lake.aws.rds import RdsGateway
from rds_lake.aws.s3 import S3Gateway
from rds_lake.config import LakeConfig, SourceSettings
from rds_lake.model.layout import LakeLayout
from rds_lake.stages.lake import Lake


@dataclass(frozen=True, slots=True, kw_only=True)
class Connected:
    """A configured lake and access to it."""

    config: LakeConfig
    rds: RdsGateway
    lake: Lake

    def sources(self, names: tuple[str, ...]) -> list[SourceSettings]:
        """The named sources; all where none is named."""
        return [self.config.source(name) for name in names] or list(self.config.sources)


def connect(config: LakeConfig) -> Connected:
    """Access with the credentials, Region and endpoint boto3 finds."""
    clients = AwsClients(boto3.Session(), region=config.lake.region)
    layout = LakeLayout(bucket=config.lake.bucket, prefix=config.lake.prefix)
    athena = AthenaGateway(
        clients.athena,
        workgroup=config.lake.workgroup,
        output_location=layout.athena_results(),
        sleep=time.sleep,
        clock=time.monotonic,
    )
    lake = Lake(
        s3=S3Gateway(clients.s3),
        glue=GlueGateway(clients.glue),
        athena=athena,
        layout=layout,
        kms_key=config.lake.kms_key,
    )
    return Connected(config=config, rds=RdsGateway(clients.rds), lake=lake)
