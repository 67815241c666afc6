"""The journey from its beginning: databases and tables with something in them, roles with their policies, two days."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rds_lake.localcloud.cloud import LocalCloud
from rds_lake_tests.defs.shell import quick_instance
from rds_lake_tests.fakes.glue import LocalSpark
from rds_lake_tests.localcloud.permissions.calling import Calling, as_role
from rds_lake_tests.permissions.journey import YESTERDAY, Journey
from rds_lake_tests.permissions.lake import JOB_ROLE, configured, give, policies
from rds_lake_tests.permissions.steps import travelled
from rds_lake_tests.support.pipeline_keys import aws_of
from rds_lake_tests.support.world import DynamoWorld, World


@contextmanager
def started(cloud: LocalCloud, url: str, folder: Path) -> Iterator[Journey]:
    """The journey, made in an empty local cloud whose databases are at `url`."""
    secret = cloud.clients.client("secretsmanager").create_secret(Name="shop-reader", SecretString=url)
    config = configured(folder, first=YESTERDAY, secret=secret["ARN"])
    made = World.of(cloud, url=url, config=config)
    root = replace(made, pipeline=made.root, aws=aws_of(cloud.url, "root"))
    keys = give(cloud, policies(config))
    # What Spark would do is done as the job's role.
    cloud.job_runs.stand_in = LocalSpark(Calling(cloud=cloud, made={}).client("s3", keys[JOB_ROLE]))
    dynamo = DynamoWorld(world=root)
    dynamo.clock(datetime.now(UTC) - timedelta(days=3))
    for table in ("Reviews", "Visits", "Carts"):
        dynamo.create(table, {"id": {"S": "1"}})
    dynamo.clock(None)
    permitted, reader = as_role(root, keys["pipeline"]), as_role(root, keys["reader"])
    with quick_instance() as instance:
        yield travelled(Journey(root=root, permitted=permitted, reader=reader, instance=instance))
