"""A local cloud in which a warehouse comes and goes, its clock, and a census of what is there."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any

from rds_lake.aws.clients import AwsClients
from rds_lake.aws.s3.gateway import S3Gateway
from rds_lake.aws.warehouse.redshift_data import RedshiftDataGateway
from rds_lake.config.lake_yaml import LakeConfig, parse_config
from rds_lake.infra.template.warehouse.template import warehouse_text
from rds_lake.localcloud.cloud import LocalCloud
from rds_lake.localcloud.http.loop import InProcessClients
from rds_lake.model.lake.deletable import Deletable, Place
from rds_lake.model.lake.layout import LakeLayout
from rds_lake.model.warehouse.names import Names
from rds_lake.model.warehouse.plan import Mode, Plan
from rds_lake.model.warehouse.target import Target
from rds_lake.stages.lake.lake import Lake
from rds_lake.stages.warehouse.lease import read_lease
from rds_lake.stages.warehouse.reap import Reaped, reap
from rds_lake.stages.warehouse.remove import Remaining, take_down
from rds_lake.stages.warehouse.stack import NotYet, bring_up
from rds_lake.stages.warehouse.warehouse import Warehouse, warehouse_of
from rds_lake_tests.support.in_process import in_process
from rds_lake_tests.support.world import post

LAKE = """
lake: {bucket: acme-lake, prefix: lake, events_queue: acme-events, workgroup: acme, start_date: 2026-01-01}
sources:
  - {name: reviews, kind: dynamodb, tables: [Reviews]}
warehouses:
  - name: nightly
"""
_PATIENCE = 60.0
_TURNS = 60


@dataclass(slots=True)
class Yard:
    """One local cloud. `workers` make the pipeline's calls, or `clients` where they have keys; `inspector` takes the census."""

    cloud: LocalCloud
    inspector: InProcessClients
    workers: InProcessClients
    settings: dict[str, Any] = field(default_factory=dict)
    clients: AwsClients | None = None

    def prepare(self, **settings: Any) -> None:
        """An empty cloud with the lake's bucket, and a warehouse of these settings."""
        self.cloud.reset()
        self.settings = {"mode": "cluster", "keep": False} | settings
        self.inspector.client("s3").create_bucket(Bucket="acme-lake")

    @property
    def config(self) -> LakeConfig:
        config = _lake()
        changed = type(config.warehouses[0]).model_validate({"name": "nightly"} | self.settings)
        return config.model_copy(update={"warehouses": (changed,)})

    @property
    def warehouse(self) -> Warehouse:
        """As a new process makes it."""
        clients, config = self.clients or in_process(self.workers), self.config
        layout = LakeLayout(bucket="acme-lake", prefix="lake")
        s3 = S3Gateway(
            clients.s3, None, Deletable(whose="the lake", places=(Place(bucket="acme-lake", prefix="lake/"),))
        )
        unused: Any = None
        lake = Lake(s3=s3, glue=unused, athena=unused, layout=layout, kms_key=None)
        settings = config.warehouses[0]
        return warehouse_of(
            clients,
            lake,
            settings,
            template=partial(warehouse_text, config, settings),
            clock=self.now,
        )

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.cloud.clock.now() / 1e6, UTC)

    def wait(self, minutes: float) -> None:
        """Let so many minutes pass."""
        self.cloud.clock.move(self.cloud.clock.now() + round(minutes * 60e6))

    def plan(self, run: str = "run-1") -> Plan:
        settings = self.config.warehouses[0]
        return Plan(
            warehouse="nightly", run=run, mode=Mode(settings.mode), loads=(), steps=(), unloads=(),
            keep_minutes=settings.keep_minutes,
        )  # fmt: skip

    def settle(self) -> None:
        """Wait until CloudFormation has nothing under way that needs no time of the clock."""
        until = time.monotonic() + _PATIENCE
        while any(stack.busy for stack in self.cloud.stacks._book.all("us-east-1")):
            assert time.monotonic() < until, "a stack is still under way"
            time.sleep(0.002)

    def up(self, run: str = "run-1", *, warehouse: Warehouse | None = None) -> Target:
        """Turns of a run until statements can be sent."""
        why = ""
        for _ in range(_TURNS):
            found = bring_up(warehouse or self.warehouse, self.plan(run))
            if not isinstance(found, NotYet):
                return found
            why = found.why
            self.settle()
        raise AssertionError(f"the warehouse never came up: {why}")

    def down(self, run: str = "run-1") -> None:
        """Turns of a run until nothing is left to be done."""
        self._until_nothing(lambda: take_down(self.warehouse, run))

    def reaped(self) -> list[Reaped]:
        """Passes of the reaper until nothing is left to be done; what each found."""
        passes: list[Reaped] = []

        def once() -> Remaining:
            (found,) = reap([self.warehouse], apply=True)
            assert found.error is None, found.error
            passes.append(found)
            return found.left

        self._until_nothing(once)
        return passes

    def _until_nothing(self, step: Callable[[], Remaining]) -> None:
        left: Remaining = ()
        for _ in range(_TURNS):
            left = step()
            if not left:
                return
            self.settle()
        raise AssertionError(f"still there: {left}")

    def put(self, key: str) -> None:
        self.inspector.client("s3").put_object(Bucket="acme-lake", Key=key, Body=b"x")

    def start(self, sql: str, name: str, target: Target, **more: Any) -> str:
        where = {"ClusterIdentifier": target.cluster} if target.cluster else {"WorkgroupName": target.workgroup}
        data = (self.clients or in_process(self.workers)).client("redshift-data")
        return data.execute_statement(
            **where, Database=target.database, SecretArn=target.secret, Sql=sql, StatementName=name, **more
        )["Id"]

    def census(self) -> dict[str, list[str]]:
        """Everything that is there and costs or confuses somebody, by kind; the lake's records are left out.

        A statement ends a moment after it was asked to, or after its cluster is gone; the reaper does not wait for that.
        """
        found, until = self._count(), time.monotonic() + _PATIENCE
        while found.keys() == {"statements"} and time.monotonic() < until:
            time.sleep(0.01)
            found = self._count()
        return found

    def _count(self) -> dict[str, list[str]]:
        client = self.inspector.client
        redshift, serverless = client("redshift"), client("redshift-serverless")
        keys = client("s3").list_objects_v2(Bucket="acme-lake").get("Contents", [])
        stacks = client("cloudformation").describe_stacks()["Stacks"]
        found = {
            "stacks": [f"{each['StackName']} {each['StackStatus']}" for each in stacks],
            "clusters": [each["ClusterIdentifier"] for each in redshift.describe_clusters()["Clusters"]],
            "snapshots": [each["SnapshotIdentifier"] for each in redshift.describe_cluster_snapshots()["Snapshots"]],
            "subnet groups": [
                each["ClusterSubnetGroupName"]
                for each in redshift.describe_cluster_subnet_groups()["ClusterSubnetGroups"]
            ],
            "parameter groups": [
                each["ParameterGroupName"] for each in redshift.describe_cluster_parameter_groups()["ParameterGroups"]
            ],
            "namespaces": [each["namespaceName"] for each in serverless.list_namespaces()["namespaces"]],
            "workgroups": [each["workgroupName"] for each in serverless.list_workgroups()["workgroups"]],
            "final snapshots": [each["snapshotName"] for each in serverless.list_snapshots()["snapshots"]],
            "secrets": [each["Name"] for each in client("secretsmanager").list_secrets()["SecretList"]],
            "roles": [each["RoleName"] for each in client("iam").list_roles()["Roles"]],
            "security groups": self._security_groups(),
            "statements": [
                each.name for each in RedshiftDataGateway(client("redshift-data")).named("rds-lake/") if each.is_active
            ],
            "objects": [each["Key"] for each in keys if not each["Key"].endswith(".json")],
        }
        return {kind: names for kind, names in found.items() if names}

    def _security_groups(self) -> list[str]:
        """Only asked for where the warehouse has one: moto's EC2 takes a second to begin."""
        if "vpc" not in self.settings:
            return []
        found = self.inspector.client("ec2").describe_security_groups()["SecurityGroups"]
        return [each["GroupName"] for each in found if each["GroupName"] != "default"]


@cache
def _lake() -> LakeConfig:
    return parse_config(LAKE, where="lake.yaml")


def named(warehouse: Warehouse) -> Names:
    """The names in the warehouse's lease."""
    lease = read_lease(warehouse)
    assert lease is not None
    return lease.names


def fault(cloud: LocalCloud, **faults: Any) -> None:
    """Ask the local cloud for faults: `fault(cloud, stacks=[{…}])`."""
    status, answer = post(f"{cloud.url}/_local/faults", faults)
    assert status == 200, answer
