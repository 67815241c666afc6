"""An AWS account on this machine, with the lake set up in it, and a session of the pipeline's role."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import boto3
import dagster as dg

from rds_lake.aws.clients import AwsClients
from rds_lake.aws.session import open_clients
from rds_lake.config.lake_yaml import LakeConfig, load_config
from rds_lake.console.account.stack import StackAsked, setup
from rds_lake.defs.resources import AwsResource
from rds_lake.defs.warehouse.waiting import progress
from rds_lake.infra.policy.deployed import name_prefix
from rds_lake.infra.stack.watch import Pace
from rds_lake.localcloud.cloud import LocalCloud
from rds_lake.localcloud.databases.embedded import EmbeddedPostgres
from rds_lake.localcloud.environment import environment
from rds_lake.localcloud.http.account import ACCOUNT, REGION
from rds_lake.localcloud.rds.export import ExportSettings
from rds_lake.stages.lake.lake import open_lake
from rds_lake.stages.warehouse.records import find_run, open_runs

BUCKETS = ("acme-drop", "acme-results")


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """`root` may everything, and is who looks at what is there; `aws` is the pipeline's, under exactly the printed policy."""

    config: LakeConfig
    endpoint: str
    root: AwsClients
    aws: AwsResource
    role: str

    def errors(self, key: str) -> list[str]:
        """The problems that rds-lake wrote beside a JSON."""
        body = self.root.s3.get_object(Bucket="acme-drop", Key=key)["Body"].read()
        return json.loads(body)["problems"]

    def progress(self) -> list[str]:
        """How far the open runs of the warehouse are, in sentences."""
        lake = open_lake(self.root, self.config.lake)
        name = self.config.warehouses[0].name
        stored = [find_run(lake, name, run) for run in open_runs(lake, name)]
        return [line for each in stored if each is not None for line in progress(each.record)]

    def result(self) -> list[str]:
        """The lines of the one file in the folder of results."""
        (item,) = self.root.s3.list_objects_v2(Bucket="acme-results")["Contents"]
        return self.root.s3.get_object(Bucket="acme-results", Key=item["Key"])["Body"].read().decode().splitlines()

    def left(self) -> dict[str, list[str]]:
        """What there still is of anything that a warehouse makes."""
        redshift, serverless = self.root.client("redshift"), self.root.client("redshift-serverless")
        stacks = self.root.client("cloudformation").describe_stacks()["Stacks"]
        secrets = self.root.client("secretsmanager").list_secrets()["SecretList"]
        roles = self.root.client("iam").list_roles()["Roles"]
        prefix = f"{self.config.lake.prefix}/_warehouses/"
        objects = self.root.s3.list_objects_v2(Bucket=self.config.lake.bucket, Prefix=prefix).get("Contents", [])
        return {
            "stacks of warehouses": [each["StackName"] for each in stacks if "recommendations" in each["StackName"]],
            "clusters": [each["ClusterIdentifier"] for each in redshift.describe_clusters()["Clusters"]],
            "snapshots": [each["SnapshotIdentifier"] for each in redshift.describe_cluster_snapshots()["Snapshots"]],
            "workgroups": [each["workgroupName"] for each in serverless.list_workgroups()["workgroups"]],
            "namespaces": [each["namespaceName"] for each in serverless.list_namespaces()["namespaces"]],
            "admin's secrets": [each["Name"] for each in secrets if each["Name"].startswith("redshift!")],
            "roles": [each["RoleName"] for each in roles if "recommendations" in each["RoleName"]],
            "staged files": [each["Key"] for each in objects if "/staging/" in each["Key"]],
        }


@contextmanager
def in_an_account(config_path: Path, fill: Callable[[str], None]) -> Iterator[tuple[Account, dg.DagsterInstance]]:
    """The account, and Dagster's instance; nothing of both is left afterwards."""
    config = load_config(config_path)
    quick = ExportSettings(starting_seconds=0.0, progress_seconds=0.0)
    with EmbeddedPostgres() as server:
        url = server.create_database("billing")
        fill(url)
        with (
            LocalCloud({"billing-prod": url}, exports=quick) as cloud,
            _pointed_at(cloud.url, config_path),
            dg.instance_for_test() as instance,
        ):
            pace = Pace(clock=time.monotonic, sleep=time.sleep, pause=0.1, longest=0.5)
            asked = StackAsked(parameters=("PipelineRunsOn=account",))
            setup(config, asked, pace=pace, token=lambda: str(uuid4()), say=lambda _: None)
            root = open_clients(region=config.lake.region)
            for bucket in BUCKETS:
                root.s3.create_bucket(Bucket=bucket)
            yield _account(config, cloud.url, root), instance


def _account(config: LakeConfig, endpoint: str, root: AwsClients) -> Account:
    role = f"arn:aws:iam::{ACCOUNT}:role/{name_prefix(config.lake)}-pipeline"
    keys = boto3.client("sts").assume_role(RoleArn=role, RoleSessionName="dagster")["Credentials"]
    aws = AwsResource(
        endpoint_url=endpoint,
        region_name=REGION,
        poll_seconds=0.1,
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )
    return Account(config=config, endpoint=endpoint, root=root, aws=aws, role=role)


@contextmanager
def _pointed_at(endpoint: str, config_path: Path) -> Iterator[None]:
    """The local cloud for every boto3 client that is made meanwhile."""
    before = dict(os.environ)
    os.environ.update(environment(endpoint), RDS_LAKE_CONFIG=str(config_path))
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
