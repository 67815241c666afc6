"""The stages of a source, by its kind: every caller above `stages/` gets them here."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from rds_lake.aws.dynamodb import DynamoGateway
from rds_lake.aws.rds import RdsGateway
from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.config.source import SourceSettings
from rds_lake.stages.databases.run import DatabaseRun
from rds_lake.stages.dynamodb.plan import DYNAMODB
from rds_lake.stages.dynamodb.run import DynamoRun
from rds_lake.stages.lake.lake import Lake
from rds_lake.stages.source.stages import SharedStages


def run_of(
    config: LakeConfig,
    source: SourceSettings,
    *,
    rds: RdsGateway,
    dynamodb: DynamoGateway,
    lake: Lake,
    log: Callable[[str], None],
    announce: Callable[[date], None] | None = None,
) -> DatabaseRun | DynamoRun:
    """The stages of a source of any kind."""
    shared = SharedStages(config=config, source=source, lake=lake, log=log, announce=announce)
    if source.kind == DYNAMODB:
        return DynamoRun(shared=shared, dynamodb=dynamodb)
    return DatabaseRun(shared=shared, rds=rds)
