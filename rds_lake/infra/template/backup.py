"""A vault, a plan and a selection of AWS Backup for accounts that have none: optional, for sources exported from its snapshots."""

from __future__ import annotations

from typing import Any

from rds_lake.config.database import Aurora
from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.infra.template.key import key_arn
from rds_lake.infra.template.parameters import boundary, equals, named
from rds_lake.infra.template.parts import Part, arn, document, ref, resource, sub, tag_map, tags
from rds_lake.infra.template.queues import takes_backups

_PLANNED = "BackupPlanned"


def backup(config: LakeConfig) -> Part:
    """Creates nothing unless `BackupPlan` says so: most accounts already have a plan."""
    if not takes_backups(config):
        return Part()
    return Part(
        parameters={
            "BackupPlan": {
                "Type": "String",
                "Default": "existing",
                "AllowedValues": ["new", "existing"],
                "Description": "new: a vault, a daily plan and a selection of the sources that use `backup` snapshots.",
            },
            "BackupSchedule": {
                "Type": "String",
                "Default": "cron(0 2 * * ? *)",
                "Description": "Only with a new plan: when snapshots are taken, in UTC.",
            },
            "BackupDays": {
                "Type": "Number",
                "Default": 35,
                "MinValue": 1,
                "Description": "Only with a new plan: how many days AWS Backup keeps a snapshot.",
            },
        },
        conditions={_PLANNED: equals("BackupPlan", "new")},
        resources={
            "BackupVault": resource("AWS::Backup::BackupVault", _vault(config), condition=_PLANNED, keep=True),
            "BackupPlanDaily": resource("AWS::Backup::BackupPlan", _plan(config), condition=_PLANNED),
            "BackupSelection": resource("AWS::Backup::BackupSelection", _selection(config), condition=_PLANNED),
            "BackupRole": resource("AWS::IAM::Role", _role(config), condition=_PLANNED),
        },
    )


def _vault(config: LakeConfig) -> dict[str, Any]:
    key = key_arn(config)
    encrypted = {"EncryptionKeyArn": key} if key else {}
    return {"BackupVaultName": named("backups"), **encrypted, "BackupVaultTags": tag_map(config.lake)}


def _plan(config: LakeConfig) -> dict[str, Any]:
    rule = {
        "RuleName": "daily",
        "TargetBackupVault": ref("BackupVault"),
        "ScheduleExpression": ref("BackupSchedule"),
        "Lifecycle": {"DeleteAfterDays": ref("BackupDays")},
    }
    plan = {"BackupPlanName": named("daily"), "BackupPlanRule": [rule]}
    return {"BackupPlan": plan, "BackupPlanTags": tag_map(config.lake)}


def _selection(config: LakeConfig) -> dict[str, Any]:
    chosen = [
        arn("rds", f"{'cluster' if isinstance(source, Aurora) else 'db'}:{source.identifier}")
        for source in config.databases
        if "backup" in source.snapshots
    ]
    selection = {
        "SelectionName": named("sources"),
        "IamRoleArn": {"Fn::GetAtt": ["BackupRole", "Arn"]},
        "Resources": chosen,
    }
    return {"BackupPlanId": ref("BackupPlanDaily"), "BackupSelection": selection}


def _role(config: LakeConfig) -> dict[str, Any]:
    """https://docs.aws.amazon.com/aws-backup/latest/devguide/iam-service-roles.html"""
    trusted = {"Effect": "Allow", "Principal": {"Service": "backup.amazonaws.com"}, "Action": "sts:AssumeRole"}
    managed = "arn:${AWS::Partition}:iam::aws:policy/service-role/AWSBackupServiceRolePolicyForBackup"
    return {
        "RoleName": named("backup"),
        "AssumeRolePolicyDocument": document(trusted),
        "ManagedPolicyArns": [sub(managed)],
        **boundary(),
        "Tags": tags(config.lake),
    }
