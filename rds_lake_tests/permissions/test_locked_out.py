"""A role with every right in its own policy, and something else that stands in its way: who, and what to change."""

from __future__ import annotations

import json
from typing import Any

import dagster as dg
import pytest

from rds_lake.errors import RdsLakeError
from rds_lake.infra.policy.document import PolicyDocument
from rds_lake.infra.policy.pipeline import pipeline_policy
from rds_lake_tests.defs.shell import QUIET, Shell
from rds_lake_tests.localcloud.permissions.calling import ACCOUNT, Calling, allow, as_role, document
from rds_lake_tests.permissions.lake import NAMES
from rds_lake_tests.support.world import World, until

ROLE = f"arn:aws:iam::{ACCOUNT}:role/pipeline"


def role_of(world: World, **more: Any) -> World:
    """The lake under a role with exactly the printed policy."""
    calling = Calling(cloud=world.cloud, made={})
    printed: PolicyDocument = pipeline_policy(world.config, NAMES)
    return as_role(world, calling.assume(calling.role(*printed.as_dict()["Statement"], name="pipeline", **more)))


@pytest.mark.exhaustive
def test_a_run_within_a_boundary_that_denies_names_the_boundary_and_goes_on_once_it_lets_it(world: World) -> None:
    """IAM's own words: `because no permissions boundary allows the glue:CreateTable action`."""
    iam = world.clients.client("iam")
    services = ["rds:*", "s3:*", "kms:*", "sqs:*", "sns:*", "athena:*", "iam:PassRole"]
    without = [allow([*services, "glue:Get*", "glue:Batch*", "glue:CreateDatabase"])]
    policy = iam.create_policy(PolicyName="bounds", PolicyDocument=document(*without))["Policy"]["Arn"]
    permitted = role_of(world, PermissionsBoundary=policy)
    with dg.instance_for_test(overrides=QUIET) as instance:
        shell, mails = Shell(permitted, instance), world.mailbox()
        world.snapshot("2026-11-20")
        (begin,) = until(shell.tick)
        assert shell.run(begin).success
        (whole,) = until(shell.tick)
        assert not shell.run(whole).success
        (mail,) = mails.read()
        assert "because no permissions boundary allows the glue:CreateTable action" in mail["Message"]
        assert f"to the permissions boundary of {ROLE}, then repeat" in mail["Message"]
        assert '"Action": "glue:CreateTable"' in mail["Message"]
        wider = document(*without, allow("glue:*"))
        iam.create_policy_version(PolicyArn=policy, PolicyDocument=wider, SetAsDefault=True)
        assert shell.run(whole).success
    assert world.query('SELECT count(*) FROM "orders"') == [("10",)]


@pytest.mark.exhaustive
def test_a_key_whose_policy_locks_the_account_out_is_reported_as_the_keys_policy_and_not_as_the_roles(
    world: World,
) -> None:
    """Until its policy lets the account in again, nothing that the role is given helps."""
    kms, iam = world.clients.client("kms"), world.clients.client("iam")
    key = kms.describe_key(KeyId=world.config.lake.kms_key)["KeyMetadata"]["KeyId"]
    before = kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"]
    admin = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:role/admin"}, "Action": "kms:*"}
    iam.create_role(RoleName="admin", AssumeRolePolicyDocument=document(admin))
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=document(admin | {"Resource": "*"}))
    permitted = role_of(world)
    world.snapshot("2026-11-20")
    with pytest.raises(RdsLakeError) as caught:
        permitted.publish("2026-11-20")
    said = str(caught.value)
    assert "because no resource-based policy allows the kms:DescribeKey action" in said
    statement = json.JSONDecoder().raw_decode(said[said.index('{"Effect"') :])[0]
    assert statement == {
        "Effect": "Allow",
        "Principal": {"AWS": ROLE},
        "Action": "kms:DescribeKey",
        "Resource": "*",
    }
    assert f"to the policy of arn:aws:kms:us-east-1:{ACCOUNT}:key/{key} itself" in said
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=before)
    permitted.publish("2026-11-20")


@pytest.mark.exhaustive
def test_an_export_role_that_trusts_nobody_is_reported_and_the_next_attempt_works_once_it_trusts(world: World) -> None:
    iam = world.clients.client("iam")
    trusted = iam.get_role(RoleName="rds-lake-export")["Role"]["AssumeRolePolicyDocument"]
    nobody = [one | {"Effect": "Deny"} for one in trusted["Statement"]]
    iam.update_assume_role_policy(RoleName="rds-lake-export", PolicyDocument=document(*nobody))
    permitted = role_of(world)
    world.snapshot("2026-11-20")
    with pytest.raises(RdsLakeError, match=r"it can't assume the IAM role \S+:role/rds-lake-export.*Remove the cause"):
        permitted.publish("2026-11-20")
    iam.update_assume_role_policy(RoleName="rds-lake-export", PolicyDocument=json.dumps(trusted))
    permitted.publish("2026-11-20")
    assert world.query('SELECT count(*) FROM "orders"') == [("10",)]
