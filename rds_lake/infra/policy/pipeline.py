"""The policy of the role that runs Dagster: exactly what the code calls for this lake.yaml."""

from __future__ import annotations

from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.infra.policy.databases import database_statements
from rds_lake.infra.policy.document import INLINE_LIMIT, PolicyDocument, Statement
from rds_lake.infra.policy.dynamodb import dynamodb_statements
from rds_lake.infra.policy.lake import lake_statements
from rds_lake.infra.policy.names import Names
from rds_lake.infra.policy.signals import signal_statements
from rds_lake.infra.policy.warehouse.making import warehouse_statements
from rds_lake.infra.policy.widen import fitted


def pipeline_policy(config: LakeConfig, names: Names, *, limit: int = INLINE_LIMIT) -> PolicyDocument:
    """Returns the policy, in at most `limit` characters (without white space) if patterns can shorten it that far.

    By default it is the only inline policy of a role; `limit=MANAGED_LIMIT` makes it short enough for a managed policy.
    """
    return fitted(pipeline_statements(config, names), limit)


def pipeline_statements(config: LakeConfig, names: Names) -> tuple[Statement, ...]:
    """Returns the statements of the pipeline's policy with every name in full, of any length."""
    return (
        *database_statements(config, names),
        *dynamodb_statements(config, names),
        *lake_statements(config, names),
        *signal_statements(config, names),
        *warehouse_statements(config, config.warehouses, names),
    )
