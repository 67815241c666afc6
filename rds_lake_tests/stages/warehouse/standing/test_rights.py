"""The printed policy is enough for a warehouse's life, and each right of it that can be taken away is needed."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from rds_lake.aws.clients import AwsClients
from rds_lake.errors import RdsLakeError
from rds_lake.infra.policy.names import Names
from rds_lake.infra.policy.pipeline import pipeline_policy
from rds_lake.model.warehouse.target import Target
from rds_lake_tests.stages.warehouse.standing.yard import Yard, fault, named

_NAMES = Names(partition="aws", region="us-east-1", account="123456789012")
_TRUST = {"Effect": "Allow", "Principal": {"AWS": "123456789012"}, "Action": "sts:AssumeRole"}
MODES: list[dict[str, Any]] = [
    {"mode": "cluster", "subnets": ["subnet-0a1b2c3d"], "vpc": "vpc-0a1b2c3d"},
    {"mode": "serverless", "keep": False, "serverless": {"usage_limit": {"rpu_hours": 5}}},
]


def document(*statements: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def employ(yard: Yard, *, without: str = "") -> None:
    """Workers are sessions of a role with the printed policy; `without`: but for the statement of this Sid."""
    iam, sts = yard.inspector.client("iam"), yard.inspector.client("sts")
    policy = pipeline_policy(yard.config, _NAMES).as_dict()["Statement"]
    iam.create_role(RoleName="pipeline", AssumeRolePolicyDocument=document(_TRUST))
    kept = [each for each in policy if each["Sid"] != without]
    iam.put_role_policy(RoleName="pipeline", PolicyName="own", PolicyDocument=document(*kept))
    role = "arn:aws:iam::123456789012:role/pipeline"
    keys = sts.assume_role(RoleArn=role, RoleSessionName="dagster")["Credentials"]
    session = boto3.Session(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], region_name="us-east-1")
    yard.clients = AwsClients(session, endpoint_url=yard.cloud.url, attempts=1)


def life(yard: Yard) -> None:
    """Up, a statement and a staged result, down; then a run that dies, with a snapshot, and the reaper."""
    for run in ("run-1", "run-2"):
        target = yard.up(run)
        names = named(yard.warehouse)
        in_a_session(yard, f"{names.statements}step/long", target)
        # It runs until it is cancelled.
        fault(yard.cloud, redshift=[{"name": f"{names.statements}step/one", "delay_seconds": 600}])
        yard.start("select 1", f"{names.statements}step/one/1/0", target)
        yard.put(f"{names.staging}unload/part-000")
        if run == "run-1":
            yard.down(run)
    if target.cluster:
        yard.inspector.client("redshift").create_cluster_snapshot(
            ClusterIdentifier=target.cluster, SnapshotIdentifier="s"
        )
    yard.wait(31)
    yard.reaped()


def in_a_session(yard: Yard, name: str, target: Target) -> None:
    """As a step of more statements than a batch takes."""
    data = yard.warehouse.statements
    begun = data.begin(target, ["create temp table t (n int)"], name=f"{name}/1/0", keep_session=True)
    data.look(begun.id, wait_seconds=30)
    data.begin(target, ["select n from t"], name=f"{name}/1/1", session=begun.session)


@pytest.mark.parametrize("settings", MODES, ids=lambda each: each["mode"])
def test_the_printed_policy_is_enough_from_the_lease_to_the_reaper(yard: Yard, settings: dict[str, Any]) -> None:
    if "vpc" in settings:
        vpc = yard.inspector.client("ec2").create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        settings = settings | {"vpc": vpc}
    yard.settings |= settings
    employ(yard)
    try:
        life(yard)
    finally:
        yard.clients = None
    assert yard.census() == {"roles": ["pipeline"]}


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    "sid",
    [
        "HaveStacks",
        "HaveClusters",
        "HaveAdminSecrets",
        "PassRolesToRedshift",
        "HaveRolesOfRedshift",
        "LookAtClusters",
        "LogIn",
    ],
)
def test_without_one_of_its_statements_the_error_names_the_right(yard: Yard, sid: str) -> None:
    employ(yard, without=sid)
    try:
        with pytest.raises((RdsLakeError, ClientError), match=r"not authorized to perform: [a-z-]+:[A-Za-z]+"):
            life(yard)
    finally:
        yard.clients = None


@pytest.mark.exhaustive
def test_another_roles_statements_are_nobody_elses_to_see(yard: Yard) -> None:
    """Whoever may list statements sees those of his own role alone: a reaper runs as the pipeline."""
    target = yard.up()
    yard.start("select 1", f"{named(yard.warehouse).statements}x", target)
    employ(yard)
    try:
        assert list(yard.warehouse.statements.named("rds-lake/")) == []
    finally:
        yard.clients = None
