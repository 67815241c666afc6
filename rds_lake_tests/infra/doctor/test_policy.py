"""Who runs the doctor needs exactly the policy that is printed for it, which changes nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from rds_lake.aws.clients import AwsClients
from rds_lake.infra.doctor.findings import Verdict
from rds_lake.infra.doctor.policy import doctor_policy
from rds_lake.infra.policy.names import Names
from rds_lake_tests.infra.doctor.accounts import Account
from rds_lake_tests.infra.doctor.conftest import clients_of
from rds_lake_tests.infra.policy.lakes import LAKES
from rds_lake_tests.localcloud.permissions.calling import ACCOUNT, TRUST_ACCOUNT, document

NAMES = Names(partition="aws", region="us-east-1", account=ACCOUNT)
READS = ("Describe", "Get", "List")


def doctors_clients(healthy: Account, statements: list[dict[str, Any]]) -> AwsClients:
    """Clients of a role that has these statements and nothing else."""
    iam = healthy.root("iam")
    role = iam.create_role(RoleName="doctor", AssumeRolePolicyDocument=document(TRUST_ACCOUNT))["Role"]["Arn"]
    iam.put_role_policy(RoleName="doctor", PolicyName="own", PolicyDocument=document(*statements))
    keys = healthy.root("sts").assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
    return clients_of(
        healthy.cloud,
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )


@pytest.mark.exhaustive
def test_under_exactly_its_policy_the_doctor_sees_everything_and_uses_all_of_it(healthy: Account) -> None:
    policy = doctor_policy(healthy.config, NAMES).as_dict()
    # A role with a managed policy and a boundary, so that these rights are used, too.
    iam = healthy.root("iam")
    every = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
    arn = iam.create_policy(PolicyName="all", PolicyDocument=every)["Policy"]["Arn"]
    iam.put_role_permissions_boundary(RoleName="acme-export", PermissionsBoundary=arn)
    clients = doctors_clients(healthy, policy["Statement"])
    healthy.cloud.permissions.decisions.reset()
    assert healthy.flagged(clients=clients) == {}
    used = {one.action for one in healthy.cloud.permissions.decisions.all()}
    allowed = {action for one in policy["Statement"] for action in one["Action"]}
    assert {action for action in used if not action.startswith("sts:")} == allowed


def test_a_right_that_is_taken_is_the_one_that_is_called_missing(healthy: Account) -> None:
    statements = doctor_policy(healthy.config, NAMES).as_dict()["Statement"]
    iam = healthy.root("iam")
    if "doctor" not in {role["RoleName"] for role in iam.list_roles()["Roles"]}:
        doctors_clients(healthy, statements)
    iam.delete_role_policy(RoleName="doctor", PolicyName="own")
    iam.delete_role(RoleName="doctor")
    left = [one for one in statements if one["Sid"] != "SeeQueues"]
    clients = doctors_clients(healthy, left)
    flagged = healthy.flagged(clients=clients, only=("queue.exists", "queue.redrive", "topic.exists"))
    assert {key[0]: (one.verdict, one.missing) for key, one in flagged.items()} == {
        "queue.exists": (Verdict.UNKNOWN, ("sqs:GetQueueUrl",)),
        "queue.redrive": (Verdict.UNKNOWN, ("sqs:GetQueueUrl",)),
    }


def test_no_action_of_the_policy_changes_anything_or_reads_data() -> None:
    for config in LAKES.values():
        actions = {action for one in doctor_policy(config, NAMES).statements for action in one.actions}
        assert {action for action in actions if not action.partition(":")[2].startswith(READS)} == set()
        assert actions.isdisjoint({"dynamodb:GetItem", "glue:GetPartitions", "secretsmanager:GetSecretValue"})
        read = [one for one in doctor_policy(config, NAMES).as_dict()["Statement"] if "s3:GetObject" in one["Action"]]
        assert all(arn.endswith("/lease.json") for one in read for arn in one["Resource"])
