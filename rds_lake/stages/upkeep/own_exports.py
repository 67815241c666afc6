"""Limits a lake to what one source may delete, for upkeep and for publishing by hand.

What belongs here: the choice by kind. The rules are `databases/own_exports.py` and `dynamodb/own_exports.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from rds_lake.aws.rds import RdsGateway
from rds_lake.config.database import Aurora, Rds
from rds_lake.config.dynamodb import DynamoDb
from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.config.source import SourceSettings
from rds_lake.stages.databases.own_exports import OwnExports
from rds_lake.stages.dynamodb.own_exports import is_own_export
from rds_lake.stages.lake.lake import Lake
from rds_lake.stages.lake.limited import limited_lake


def limited_to_source(lake: Lake, config: LakeConfig, source: SourceSettings, rds: RdsGateway) -> Lake:
    """Returns the lake for work of this source: it deletes only what lake.yaml gives to the source."""
    return limited_lake(lake, config, source.name, owns=_own_exports(config, source, rds))


def _own_exports(config: LakeConfig, source: SourceSettings, rds: RdsGateway) -> Callable[[str], bool]:
    """Returns whether a folder of AWS's exports, by its name, is the source's; a kind without exports owns none."""
    if isinstance(source, DynamoDb):
        return partial(is_own_export, source.name)
    if isinstance(source, Rds | Aurora):
        return OwnExports(config=config, source=source, rds=rds)
    return lambda _: False
