"""The gateways of a lake for the command line, without Dagster.

What belongs here: building them from lake.yaml and boto3's own chain. No call to AWS.
"""

from __future__ import annotations

from dataclasses import dataclass

import boto3

from rds_lake.aws.clients import AwsClients
from rds_lake.aws.rds import RdsGateway
from rds_lake.config import LakeConfig, SourceSettings
from rds_lake.stages.lake import Lake, open_lake


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
    return Connected(config=config, rds=RdsGateway(clients.rds), lake=open_lake(clients, config.lake))
