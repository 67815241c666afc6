"""A lake that is made for the live tests by `rds-lake setup`, and removed whole."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from uuid import uuid4

import dagster as dg
import pytest
from botocore.exceptions import ClientError

from rds_lake.config.lake_yaml import LakeConfig, parse_config
from rds_lake.console.account.stack import Setup, StackAsked
from rds_lake.defs.build import build_definitions
from rds_lake.defs.resources import AwsResource, Gateways
from rds_lake.infra.stack.watch import Pace
from rds_lake_tests.defs.shell import quick_instance
from rds_lake_tests.live.lake.place import Place

_LAKE = """
lake:
  bucket: {name}-{account}
  prefix: lake
  export_prefix: exports
  export_role: arn:{partition}:iam::{account}:role/{name}-export
  kms_key: alias/{name}
  events_queue: {name}-events
  workgroup: {name}
  region: {region}
  start_date: {start}
sources:
  - name: {source}
    kind: aurora
    identifier: {identifier}
    snapshots: [manual]
    default_schema: {schema}
    freshness_hours: 0
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveLake:
    """The lake, and how the pipeline's role reaches it."""

    place: Place
    config: LakeConfig
    name: str

    @property
    def pipeline_role(self) -> str:
        return f"arn:{partition(self.place)}:iam::{self.place.account}:role/{self.name}-pipeline"

    def as_pipeline(self) -> AwsResource:
        """An hour as the pipeline's role."""
        sts = self.place.clients.client("sts")
        keys = sts.assume_role(RoleArn=self.pipeline_role, RoleSessionName="live")["Credentials"]
        return AwsResource(
            endpoint_url=self.place.endpoint,
            region_name=self.place.region,
            poll_seconds=self.place.pause,
            aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"],
            aws_session_token=keys["SessionToken"],
        )

    def gateways(self) -> Gateways:
        """An hour's."""
        return self.as_pipeline().gateways(self.config.lake)

    def materialize(self, day: date) -> None:
        """The whole job of a date: run again where the hour of the pipeline's credentials is over, and then adopts the export.

        In a thread: in the main one Dagster takes Ctrl-C for an error of the step, which its policy repeats.
        """
        failed: list[str | None] = []
        for _ in range(4):
            ended: list[list[str | None]] = []
            run = threading.Thread(target=lambda ended=ended: ended.append(self._failures(day)), daemon=True)
            run.start()
            while run.is_alive():
                run.join(1)
            if ended == [[]]:
                return
            failed += [message for messages in ended for message in messages]
        pytest.fail(f"the job did not succeed: {failed}")

    def _failures(self, day: date) -> list[str | None]:
        """What one run says of its failed steps; nothing after a success."""
        definitions = build_definitions(self.config, resources={"aws": self.as_pipeline()})
        with quick_instance() as instance:
            result = definitions.resolve_implicit_global_asset_job_def().execute_in_process(
                instance=instance,
                partition_key=day.isoformat(),
                asset_selection=list(definitions.resolve_all_asset_keys()),
                raise_on_error=False,
            )
        failures = [event for event in result.all_events if event.event_type is dg.DagsterEventType.STEP_FAILURE]
        return [] if result.success else [event.message for event in failures] or ["without a failed step"]


def partition(place: Place) -> str:
    return place.clients.s3.meta.partition


@contextmanager
def live_lake(place: Place, name: str, *, more: str = "") -> Iterator[LiveLake]:
    """Made by `rds-lake setup`; everything of it goes when the block ends, however it ends.

    `more`: further keys of lake.yaml, with names in braces as in `_LAKE`.
    """
    text = (_LAKE + more).format(
        name=name,
        account=place.account,
        partition=partition(place),
        region=place.region,
        start=f"{datetime.now(UTC):%Y-01-01}",
        source=name.replace("-", "_"),
        identifier=place.identifier,
        schema=place.content.default_schema,
    )
    config = parse_config(text, where="the live lake")
    setup = Setup(
        config=config,
        clients=place.clients,
        pace=Pace(clock=time.monotonic, sleep=time.sleep, pause=place.pause, longest=place.pause * 3),
        token=lambda: str(uuid4()),
        say=print,
    )
    bucket = f"{name}-templates-{place.account}"
    where = {} if place.region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": place.region}}
    try:
        place.clients.s3.create_bucket(Bucket=bucket, **where)  # type: ignore[arg-type]
        setup.apply(StackAsked(parameters=("PipelineRunsOn=account",), template_bucket=bucket))
        yield LiveLake(place=place, config=config, name=name)
    finally:
        try:
            setup.apply(StackAsked(remove=True))
        finally:
            _remove_what_stays(place, config, bucket)


def _remove_what_stays(place: Place, config: LakeConfig, templates: str) -> None:
    """What the stack leaves on purpose, since it holds data: all of it is of this run alone."""
    clients, settings = place.clients, config.lake
    for bucket in (settings.bucket, templates):
        with suppress(clients.s3.exceptions.NoSuchBucket):
            for page in clients.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
                keys: Any = [{"Key": found["Key"]} for found in page.get("Contents", [])]
                if keys:
                    clients.s3.delete_objects(Bucket=bucket, Delete={"Objects": keys})
            clients.s3.delete_bucket(Bucket=bucket)
    with suppress(clients.glue.exceptions.EntityNotFoundException):
        clients.glue.delete_database(Name=config.sources[0].name)
    with suppress(ClientError):  # the workgroup goes with the stack, but not one that has had queries
        clients.athena.delete_work_group(WorkGroup=settings.workgroup, RecursiveDeleteOption=True)
    kms = clients.client("kms")
    with suppress(kms.exceptions.NotFoundException):
        key = kms.describe_key(KeyId=settings.kms_key)["KeyMetadata"]
        kms.delete_alias(AliasName=settings.kms_key)
        kms.schedule_key_deletion(KeyId=key["KeyId"], PendingWindowInDays=7)


def is_anything_left(lake: LiveLake) -> list[str]:
    """What of the lake can still be found, but for the key that waits for its end."""
    clients, left = lake.place.clients, []
    if any(bucket["Name"].startswith(lake.name) for bucket in clients.s3.list_buckets()["Buckets"]):
        left.append("a bucket")
    if any(role["RoleName"].startswith(lake.name) for role in clients.client("iam").list_roles()["Roles"]):
        left.append("a role")
    if clients.sqs.list_queues(QueueNamePrefix=lake.name).get("QueueUrls"):
        left.append("a queue")
    if any(db["Name"] == lake.config.sources[0].name for db in clients.glue.get_databases()["DatabaseList"]):
        left.append("a Glue database")
    return left
