"""AWS::Backup: vaults, plans, selections. moto has no selections, so they exist in the stack only."""

from __future__ import annotations

from typing import Any

from rds_lake.localcloud.stacks.types.base import Call, ResourceType

Json = dict[str, Any]


def _create_vault(call: Call) -> str:
    name = call.properties["BackupVaultName"]
    given = call.pick("EncryptionKeyArn", "BackupVaultTags")
    call.client("backup").create_backup_vault(BackupVaultName=name, **given)
    return name


def _vault_values(call: Call) -> Json:
    return {
        "BackupVaultName": call.physical,
        "BackupVaultArn": call.arn("backup", f"backup-vault:{call.physical}"),
        **call.pick("EncryptionKeyArn"),
    }


def _create_plan(call: Call) -> str:
    given = call.properties["BackupPlan"]
    plan = {"BackupPlanName": given["BackupPlanName"], "Rules": [_rule(rule) for rule in given["BackupPlanRule"]]}
    answer = call.client("backup").create_backup_plan(BackupPlan=plan, **call.pick("BackupPlanTags"))
    return answer["BackupPlanId"]


def _rule(given: Json) -> Json:
    """Returns a rule with the API's names; only the vault's differs."""
    names = {"TargetBackupVault": "TargetBackupVaultName"}
    return {names.get(key, key): value for key, value in given.items()}


def _plan_values(call: Call) -> Json:
    plan = call.client("backup").get_backup_plan(BackupPlanId=call.physical)
    return {"BackupPlanId": call.physical, "BackupPlanArn": plan["BackupPlanArn"], "VersionId": plan["VersionId"]}


def _create_selection(call: Call) -> str:
    # As in AWS: an error if the plan does not exist, or if the deployer may not create a selection or pass its role.
    call.client("backup").get_backup_plan(BackupPlanId=call.properties["BackupPlanId"])
    call.deployer.require("backup", "CreateBackupSelection", **call.pick("BackupPlanId", "BackupSelection"))
    return call.suffix(32).lower()


def _forget(call: Call) -> None:
    """Check the right to delete; a selection exists in the stack only."""
    call.deployer.require("backup", "DeleteBackupSelection", **call.pick("BackupPlanId"))


TYPES = (
    ResourceType(
        name="AWS::Backup::BackupVault",
        named="BackupVaultName",
        takes=frozenset({"BackupVaultName", "BackupVaultTags", "EncryptionKeyArn"}),
        create=_create_vault,
        delete=lambda call: call.client("backup").delete_backup_vault(BackupVaultName=call.physical),
        attributes=_vault_values,
    ),
    ResourceType(
        name="AWS::Backup::BackupPlan",
        takes=frozenset({"BackupPlan", "BackupPlanTags"}),
        create=_create_plan,
        delete=lambda call: call.client("backup").delete_backup_plan(BackupPlanId=call.physical),
        attributes=_plan_values,
    ),
    ResourceType(
        name="AWS::Backup::BackupSelection",
        takes=frozenset({"BackupPlanId", "BackupSelection"}),
        create=_create_selection,
        delete=_forget,
        attributes=lambda call: {
            "Id": call.physical,
            "SelectionId": call.physical,
            "BackupPlanId": call.properties["BackupPlanId"],
        },
    ),
)
