"""A lake that is limited to what one source may delete, for upkeep and for people who publish by hand.

What belongs here: the choice by kind. The rules are `databases/own_exports.py` and `dynamodb/own_exports.py`.
"""

from __future__ import annotations

from functools import partial

from rds_lake.aws.rds import RdsGateway
from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.config.source import SourceSettings
from rds_lake.stages.databases.own_exports import OwnExports
from rds_lake.stages.dynamodb.own_exports import is_own_export
from rds_lake.stages.dynamodb.plan import DYNAMODB
from rds_lake.stages.lake.lake import Lake
from rds_lake.stages.lake.limited import limited_lake


def limited_to_source(lake: Lake, config: LakeConfig, source: SourceSettings, rds: RdsGateway) -> Lake:
    """The lake, for work of this source: what it deletes is what lake.yaml gives to the source."""
    if source.kind == DYNAMODB:
        return limited_lake(lake, config, source.name, owns=partial(is_own_export, source.name))
    return limited_lake(lake, config, source.name, owns=OwnExports(config=config, source=source, rds=rds))
