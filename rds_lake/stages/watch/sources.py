"""Chooses the stages of a source by its kind; every caller outside of `stages/` uses it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import TypeVar, assert_never

from rds_lake.aws.dynamodb import DynamoGateway
from rds_lake.aws.rds import RdsGateway
from rds_lake.config.database import Aurora, Rds
from rds_lake.config.dynamodb import DynamoDb
from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.config.source import SourceSettings
from rds_lake.stages.databases.run import DatabaseRun
from rds_lake.stages.diff.keys import keys_of_dynamodb
from rds_lake.stages.diff.views import DiffViews
from rds_lake.stages.dynamodb.run import DynamoRun
from rds_lake.stages.lake.lake import Lake
from rds_lake.stages.source.run import SourceRun
from rds_lake.stages.source.stages import SharedStages
from rds_lake.stages.streams.live.follow import beside
from rds_lake.stages.upkeep.own_exports import limited_to_source

_S = TypeVar("_S", bound=SourceSettings)


def run_of(
    config: LakeConfig,
    source: SourceSettings,
    *,
    rds: RdsGateway,
    dynamodb: DynamoGateway,
    lake: Lake,
    log: Callable[[str], None],
    announce: Callable[[date], None] | None = None,
) -> SourceRun:
    """Returns the stages of a source of any kind."""

    def shared(source: _S) -> SharedStages[_S]:
        own = limited_to_source(lake, config, source, rds)
        differences = DiffViews(lake=own, source=source, known_key=keys_of_dynamodb(dynamodb), log=log)
        return SharedStages(
            config=config,
            source=source,
            lake=lake,
            log=log,
            announce=announce,
            beside=beside(own, source, log),
            follow=differences,
        )

    match source:
        case Rds() | Aurora():
            return DatabaseRun(shared=shared(source), rds=rds)
        case DynamoDb():
            return DynamoRun(shared=shared(source), dynamodb=dynamodb)
        case _:
            assert_never(source)
