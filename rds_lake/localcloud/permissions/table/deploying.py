"""Rights of services that only a stack's resources use: AWS Backup, and CloudWatch's alarms and metrics.

(https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsbackup.html)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from rds_lake.localcloud.permissions.needs import Call, Need, Rule, both, everything, on, pass_role

_PLAN = ("CreateBackupPlan", "GetBackupPlan", "UpdateBackupPlan", "DeleteBackupPlan", "CreateBackupSelection")
_VAULT = ("DescribeBackupVault", "DeleteBackupVault")


def _key_of_vault(call: Call) -> Iterator[Need]:
    """Creating a vault needs rights on its key: AWS Backup creates a grant on it with the caller's rights.

    (https://docs.aws.amazon.com/aws-backup/latest/devguide/access-control.html)
    """
    key = call.stored.key_arn(call.params.get("EncryptionKeyArn"), call.region)
    if key is not None:
        context = {"kms:ViaService": (f"backup.{call.region}.amazonaws.com",)}
        yield Need(action="kms:DescribeKey", resource=key, context=context)
        granted = context | {"kms:GrantIsForAWSResource": ("true",)}
        yield Need(action="kms:CreateGrant", resource=key, context=granted)


def _selecting_role(call: Call) -> Iterator[Need]:
    given = call.params.get("BackupSelection") or {}
    yield from pass_role("IamRoleArn", "backup.amazonaws.com")(replace(call, params=given))


def _alarms(call: Call) -> Iterator[Need]:
    for name in call.params.get("AlarmNames") or ["*"]:
        yield Need(action="cloudwatch:DeleteAlarms", resource=call.arn(f"alarm:{name}"))


BACKUP: dict[str, Rule] = {
    **{operation: on(f"backup:{operation}", "backup-plan:", "BackupPlanId") for operation in _PLAN},
    **{operation: on(f"backup:{operation}", "backup-vault:", "BackupVaultName") for operation in _VAULT},
    "CreateBackupVault": both(
        on("backup:CreateBackupVault", "backup-vault:", "BackupVaultName"),
        everything("backup-storage:MountCapsule"),
        _key_of_vault,
    ),
    "CreateBackupSelection": both(on("backup:CreateBackupSelection", "backup-plan:", "BackupPlanId"), _selecting_role),
    "DeleteBackupSelection": on("backup:DeleteBackupSelection", "backup-plan:", "BackupPlanId"),
    "ListBackupVaults": everything("backup:ListBackupVaults"),
    "ListBackupPlans": everything("backup:ListBackupPlans"),
}
CLOUDWATCH: dict[str, Rule] = {
    "PutMetricAlarm": on("cloudwatch:PutMetricAlarm", "alarm:", "AlarmName"),
    "DescribeAlarms": on("cloudwatch:DescribeAlarms", "alarm:"),
    "DeleteAlarms": _alarms,
    "GetMetricStatistics": everything("cloudwatch:GetMetricStatistics"),
}
