"""In whose name a stack's resources are made, where the caller's key is like root's and passes a role."""

from typing import Any

import pytest

from rds_lake_tests.localcloud.permissions.calling import Calling, allow, trust
from rds_lake_tests.localcloud.stacks.deploying import Formation, queue

_ONE, _TWO = ({"Resources": {"Q": queue(DelaySeconds=seconds)}} for seconds in (1, 2))
_RIGHTS = ("backup:*", "backup-storage:*", "kms:*", "iam:PassRole")
_UNKNOWN = "arn:aws:iam::123456789012:role/elsewhere"


def _role(formation: Formation, *actions: str, without: str = "sts:GetFederationToken") -> str:
    calling = Calling(cloud=formation.cloud, made={})
    denied = {"Effect": "Deny", "Action": without, "Resource": "*"}
    return calling.role(allow(list(actions)), denied, name="deploys", trusts=trust("cloudformation.amazonaws.com"))


def _selection(plan: Any) -> dict[str, Any]:
    chosen = {"SelectionName": "all", "IamRoleArn": _UNKNOWN, "Resources": ["*"]}
    return {
        "Type": "AWS::Backup::BackupSelection",
        "Properties": {"BackupPlanId": plan, "BackupSelection": chosen},
    }


_BACKUP = {
    "Vault": {"Type": "AWS::Backup::BackupVault", "Properties": {"BackupVaultName": "kept"}},
    "Plan": {
        "Type": "AWS::Backup::BackupPlan",
        "Properties": {
            "BackupPlan": {
                "BackupPlanName": "daily",
                "BackupPlanRule": [{"RuleName": "daily", "TargetBackupVault": {"Ref": "Vault"}}],
            }
        },
    },
    "Selection": _selection({"Ref": "Plan"}),
}


def test_a_role_that_is_there_is_held_to_its_policies_whoever_passes_it(formation: Formation) -> None:
    role = _role(formation, "sqs:GetQueueUrl")
    assert formation.deploy(_ONE, RoleARN=role)["StackStatus"] == "ROLLBACK_COMPLETE"
    assert "assumed-role/deploys/AWSCloudFormation is not authorized to perform: sqs:createqueue" in formation.reason(
        "CREATE_FAILED"
    )


def test_a_role_that_is_not_there_may_do_everything_for_a_key_like_roots(formation: Formation) -> None:
    assert formation.deploy(_ONE, RoleARN=_UNKNOWN)["StackStatus"] == "CREATE_COMPLETE"


def test_the_role_of_the_creation_makes_the_update_too(formation: Formation) -> None:
    role = _role(formation, "sqs:CreateQueue", "sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:DeleteQueue")
    assert formation.deploy(_ONE, RoleARN=role)["StackStatus"] == "CREATE_COMPLETE"
    formation.update(_TWO)
    assert "is not authorized to perform: sqs:setqueueattributes" in formation.reason("UPDATE_FAILED")


def test_a_selection_of_a_plan_that_is_not_there_fails(formation: Formation) -> None:
    stack = formation.deploy({"Resources": {"Selection": _selection("00000000-0000-4000-8000-000000000000")}})
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    assert "Failed reading Backup plan" in formation.reason("CREATE_FAILED")


@pytest.mark.parametrize("missing", ["backup:CreateBackupSelection", "iam:PassRole"])
def test_a_selection_needs_the_right_to_make_it_and_to_pass_its_role(formation: Formation, missing: str) -> None:
    role = _role(formation, *_RIGHTS, without=missing)
    assert formation.deploy({"Resources": _BACKUP}, RoleARN=role)["StackStatus"] == "ROLLBACK_COMPLETE"
    assert f"is not authorized to perform: {missing}" in formation.reason("CREATE_FAILED")


def test_a_selection_stays_until_it_may_be_deleted(formation: Formation) -> None:
    role = _role(formation, *_RIGHTS, without="backup:DeleteBackupSelection")
    assert formation.deploy({"Resources": _BACKUP}, RoleARN=role)["StackStatus"] == "CREATE_COMPLETE"
    assert formation.delete()["StackStatus"] == "DELETE_FAILED"
    told = formation.api.describe_stack_resource(StackName="lake", LogicalResourceId="Selection")["StackResourceDetail"]
    assert "perform: backup:DeleteBackupSelection" in told["ResourceStatusReason"]
