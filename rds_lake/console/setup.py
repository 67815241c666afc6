"""`rds-lake setup`: create the AWS objects that lake.yaml names."""

from __future__ import annotations

import json
from collections.abc import Callable

from rds_lake.aws.session import open_clients
from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.infra.policy.signals import verify_statement
from rds_lake.infra.provision import Provisioner


def setup(config: LakeConfig, *, say: Callable[[str], None]) -> None:
    """Create what does not exist yet, and print the policy statement that `verify:` needs."""
    Provisioner(
        clients=open_clients(region=config.lake.region),
        settings=config.lake,
        say=say,
        dynamodb=config.has_dynamodb,
        glue_job=config.has_glue_job,
    ).apply()
    if statement := verify_statement(config):
        say(
            f"`verify:` needs this statement in the policy of the role that runs Dagster: {json.dumps(statement.as_dict())}"
        )
