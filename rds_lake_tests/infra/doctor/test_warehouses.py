"""What the doctor sees of warehouses: expired leases, stacks without one, and buckets that tell nobody of JSON files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.config.warehouse import WarehouseSettings
from rds_lake.infra.doctor.findings import Finding, Verdict
from rds_lake.infra.doctor.policy import doctor_policy
from rds_lake.model.lake.layout import LakeLayout
from rds_lake.model.warehouse.lease import Lease, LeaseState, render_lease
from rds_lake.model.warehouse.names import names_of
from rds_lake.model.warehouse.plan import Mode
from rds_lake_tests.infra.doctor.accounts import Account
from rds_lake_tests.infra.doctor.test_policy import NAMES, doctors_clients

NOW = datetime(2026, 11, 20, 5, tzinfo=UTC)
LAYOUT = LakeLayout(bucket="acme-lake", prefix="lake")
OF_WAREHOUSES = ("warehouse.lease", "warehouse.stacks", "warehouse.events")
TEMPLATE = {"Resources": {"G": {"Type": "AWS::Redshift::ClusterParameterGroup", "Properties": {
    "Description": "x", "ParameterGroupFamily": "redshift-1.0"}}}}  # fmt: skip


def lease(state: LeaseState, minutes: float | None) -> Lease:
    """One that expires in so many minutes from now."""
    names = names_of(LAYOUT, "mart", "run-1", Mode.CLUSTER, 1)
    expires = None if minutes is None else NOW + timedelta(minutes=minutes)
    return Lease(
        warehouse="mart", state=state, number=1, run="run-1", made_by="run-1", mode=Mode.CLUSTER, names=names, taken_at=NOW,
        ends_at=NOW, expires_at=expires,
    )  # fmt: skip


@pytest.fixture
def config(healthy: Account) -> LakeConfig:
    body: dict[str, Any] = {"name": "mart", "mode": "cluster", "input": "s3://acme-drop/jobs/"}
    return healthy.config.model_copy(update={"warehouses": (WarehouseSettings.model_validate(body),)})


@pytest.fixture(autouse=True)
def dropped(healthy: Account, config: LakeConfig) -> Iterator[None]:
    """The bucket of `input:`, which tells EventBridge; no lease and no stack at the end."""
    s3 = healthy.root("s3")
    s3.create_bucket(Bucket="acme-drop")
    s3.put_bucket_notification_configuration(
        Bucket="acme-drop", NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    yield
    s3.delete_bucket(Bucket="acme-drop")
    s3.delete_object(Bucket=config.lake.bucket, Key=key(config))


def key(config: LakeConfig) -> str:
    return LakeLayout(bucket=config.lake.bucket, prefix=config.lake.prefix).warehouse_lease_key("mart")


def seen(healthy: Account, config: LakeConfig, **asked: Any) -> dict[str, Finding]:
    found = healthy.findings(config=config, now=NOW, only=OF_WAREHOUSES, **asked)
    return {one.row.id: one for one in found.values()}


@pytest.mark.parametrize(
    ("held", "verdict"),
    [
        (None, Verdict.PASS),
        (lease(LeaseState.FREE, None), Verdict.PASS),
        (lease(LeaseState.HELD, 25), Verdict.PASS),
        (lease(LeaseState.KEPT, None), Verdict.PASS),
        (lease(LeaseState.HELD, -5), Verdict.PASS),
        (lease(LeaseState.HELD, -60), Verdict.WARN),
        (lease(LeaseState.REMOVING, -600), Verdict.WARN),
    ],
    ids=["none", "free", "held", "kept", "just expired", "expired", "not removed"],
)
def test_a_lease_that_expired_and_whose_things_nobody_removes_is_reported(
    healthy: Account, config: LakeConfig, held: Lease | None, verdict: Verdict
) -> None:
    if held is not None:
        healthy.root("s3").put_object(Bucket=config.lake.bucket, Key=key(config), Body=render_lease(held).encode())
    found = seen(healthy, config)
    assert {row: one.verdict for row, one in found.items()} == {
        "warehouse.lease": verdict, "warehouse.stacks": Verdict.PASS, "warehouse.events": Verdict.PASS,
    }  # fmt: skip
    if verdict is Verdict.WARN:
        assert (
            "run run-1" in found["warehouse.lease"].seen and "warehouse reap --apply" in found["warehouse.lease"].remedy
        )


@pytest.mark.exhaustive
def test_a_damaged_lease_is_reported_and_stacks_are_not_looked_at(healthy: Account, config: LakeConfig) -> None:
    healthy.root("s3").put_object(Bucket=config.lake.bucket, Key=key(config), Body=b"{")
    found = seen(healthy, config)
    assert found["warehouse.lease"].verdict is Verdict.FAIL and "damaged" in found["warehouse.lease"].seen
    assert found["warehouse.stacks"].verdict is Verdict.SKIPPED


@pytest.mark.exhaustive
def test_a_stack_that_no_lease_names_is_reported_and_another_lakes_is_not(healthy: Account, config: LakeConfig) -> None:
    formation = healthy.root("cloudformation")
    layout = LakeLayout(bucket=config.lake.bucket, prefix=config.lake.prefix)
    own = names_of(layout, "mart", "run-1", Mode.CLUSTER, 1)
    tags = {own.stack: own.statements, "rds-lake-mart-0123456789": "rds-lake/ffffffffff/mart/run-1/"}
    for name, statements in tags.items():
        given = [{"Key": "rds-lake:statements", "Value": statements}]
        formation.create_stack(StackName=name, TemplateBody=json.dumps(TEMPLATE), Tags=given)
    try:
        clients = doctors_clients(healthy, doctor_policy(config, NAMES).as_dict()["Statement"])
        found = seen(healthy, config, clients=clients)["warehouse.stacks"]
        assert (found.verdict, found.seen) == (Verdict.WARN, f"no lease names {own.stack}")
    finally:
        for name in tags:
            formation.delete_stack(StackName=name)
        healthy.root("iam").delete_role_policy(RoleName="doctor", PolicyName="own")
        healthy.root("iam").delete_role(RoleName="doctor")


@pytest.mark.exhaustive
def test_a_bucket_without_notifications_of_new_files_is_reported(healthy: Account, config: LakeConfig) -> None:
    healthy.root("s3").put_bucket_notification_configuration(Bucket="acme-drop", NotificationConfiguration={})
    found = seen(healthy, config)["warehouse.events"]
    assert found.verdict is Verdict.WARN and "EventBridge is off for bucket acme-drop" in found.seen
