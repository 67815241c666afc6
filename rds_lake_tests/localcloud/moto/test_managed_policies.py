"""A policy of AWS's can be attached to a role, and counts; bare moto has none."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto.iam.models import IAMBackend

from rds_lake.localcloud.cloud import LocalCloud
from rds_lake_tests.localcloud.permissions.calling import TRUST_ACCOUNT, Calling, document

_BACKUP = "arn:aws:iam::aws:policy/service-role/AWSBackupServiceRolePolicyForBackup"


@pytest.fixture
def iam(cloud: LocalCloud) -> Any:
    client = cloud.clients.client("iam")
    client.create_role(RoleName="r", AssumeRolePolicyDocument=document(TRUST_ACCOUNT))
    return client


def test_a_policy_of_aws_is_attached_and_counts(cloud: LocalCloud, iam: Any) -> None:
    iam.attach_role_policy(RoleName="r", PolicyArn=_BACKUP)
    calling = Calling(cloud=cloud, made={})
    keys = calling.assume("arn:aws:iam::123456789012:role/r")
    calling.client("rds", keys).describe_db_snapshots()
    with pytest.raises(ClientError, match="s3:CreateBucket"):
        calling.client("s3", keys).create_bucket(Bucket="b")
    iam.detach_role_policy(RoleName="r", PolicyArn=_BACKUP)
    assert iam.list_policies(Scope="Local")["Policies"] == []


@pytest.mark.parametrize("arn", [_BACKUP.replace("Backup", "Bakup"), _BACKUP.replace("/service-role", "")])
def test_a_policy_that_aws_does_not_have_is_refused(iam: Any, arn: str) -> None:
    with pytest.raises(ClientError, match="does not exist or is not attachable"):
        iam.attach_role_policy(RoleName="r", PolicyArn=arn)


def test_bare_moto_still_has_none(iam: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    bare = IAMBackend.attach_role_policy.__wrapped__  # type: ignore[attr-defined]
    monkeypatch.setattr(IAMBackend, "attach_role_policy", bare)
    with pytest.raises(ClientError, match="does not exist or is not attachable"):
        iam.attach_role_policy(RoleName="r", PolicyArn=_BACKUP)
