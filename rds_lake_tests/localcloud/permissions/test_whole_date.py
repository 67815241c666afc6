"""A whole date under a role with policies: every right is decided and recorded, and a missing one is named in the error."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from rds_lake.errors import RdsLakeError
from rds_lake.localcloud.faults.fault_bodies import read_faults
from rds_lake_tests.localcloud.permissions.calling import Calling, allow, as_role, document, trust
from rds_lake_tests.support.world import World

_SERVICES = ("rds", "s3", "glue", "athena", "kms", "sns", "sqs")
_EVERYTHING = [allow([f"{service}:*" for service in _SERVICES]), allow("iam:PassRole")]


def under(world: World, *statements: Mapping[str, Any]) -> World:
    """The same lake, whose gateways call as a role with these statements; everything else still as root."""
    calling = Calling(cloud=world.cloud, made={})
    return as_role(world, calling.assume(calling.role(*statements, name="pipeline")))


def test_a_date_is_published_by_a_role_and_every_decision_is_recorded(world: World) -> None:
    world.snapshot("2026-11-20")
    permitted = under(world, *_EVERYTHING)
    permitted.publish("2026-11-20")
    assert permitted.query('SELECT count(*) FROM "orders"') == [("10",)]
    decisions = world.cloud.permissions.decisions.all()
    assert {decision.effect for decision in decisions} == {"allow"}
    principals = {decision.principal.rpartition("/")[0].rpartition("/")[2] for decision in decisions}
    assert principals >= {"pipeline", "rds-lake-export"}
    asked = {decision.action for decision in decisions}
    assert asked >= {
        *(
            "rds:StartExportTask",
            "iam:PassRole",
            "kms:CreateGrant",
            "kms:DescribeKey",
            "kms:GenerateDataKey",
            "kms:Decrypt",
        ),
        *(
            "s3:PutObject",
            "s3:GetObject",
            "s3:ListBucket",
            "glue:CreateTable",
            "glue:GetPartitions",
            "glue:GetDatabase",
        ),
        *("athena:StartQueryExecution", "athena:GetQueryResults"),
    }
    through_athena = {decision.action for decision in decisions if decision.via == "athena.amazonaws.com"}
    assert through_athena >= {"glue:GetTable", "s3:GetObject", "s3:PutObject", "s3:GetBucketLocation"}


@pytest.mark.exhaustive
def test_a_second_date_replaces_the_views_of_the_first_in_the_roles_name(world: World) -> None:
    """Athena replaces a view by Glue's UpdateTable, whose own calls of moto are nobody's."""
    permitted = under(world, *_EVERYTHING)
    for day in ("2026-11-19", "2026-11-20"):
        world.snapshot(day)
        permitted.publish(day)
    assert permitted.query("SELECT DISTINCT snapshot_date FROM orders") == [("2026-11-20",)]


@pytest.mark.parametrize(
    "missing", ["rds:StartExportTask", "kms:CreateGrant", "glue:CreateTable", "athena:StartQueryExecution"]
)
def test_a_missing_action_is_named_in_the_error_of_the_stage(world: World, missing: str) -> None:
    world.snapshot("2026-11-20")
    denied = {"Effect": "Deny", "Action": missing, "Resource": "*"}
    with pytest.raises(RdsLakeError) as caught:
        under(world, *_EVERYTHING, denied).publish("2026-11-20")
    said = str(caught.value)
    assert "assumed-role/pipeline/test is not authorized to perform: " in said
    assert f"{missing} on resource: " in said
    assert "with an explicit deny in an identity-based policy" in said


def cause_of_the_export(world: World, policy: list[Mapping[str, Any]]) -> str:
    """Why an export fails whose role has only these statements."""
    calling = Calling(cloud=world.cloud, made={})
    calling.root("iam").delete_role_policy(RoleName="rds-lake-export", PolicyName="rds-lake")
    if policy:
        calling.root("iam").put_role_policy(
            RoleName="rds-lake-export", PolicyName="rds-lake", PolicyDocument=document(*policy)
        )
    world.snapshot("2026-11-20")
    with pytest.raises(RdsLakeError):
        under(world, *_EVERYTHING).publish("2026-11-20")
    (task,) = calling.root("rds").describe_export_tasks()["ExportTasks"]
    return task["FailureCause"]


@pytest.mark.exhaustive
def test_an_export_whose_role_lacks_a_right_in_s3_fails_in_aws_words(world: World) -> None:
    bucket = allow(["s3:ListBucket", "s3:GetBucketLocation"], "arn:aws:s3:::acme-lake")
    cause = cause_of_the_export(world, [bucket, allow("s3:GetObject*", "arn:aws:s3:::acme-lake/exports/*")])
    role = world.config.lake.export_role
    assert cause == (
        f"The IAM role {role} isn't authorized to call s3:PutObject, s3:DeleteObject on the S3 bucket acme-lake. "
        "Review your permissions and retry the export."
    )


@pytest.mark.exhaustive
def test_an_export_whose_role_does_not_trust_the_export_service_fails_in_aws_words(world: World) -> None:
    iam = world.clients.client("iam")
    iam.update_assume_role_policy(RoleName="rds-lake-export", PolicyDocument=trust("ec2.amazonaws.com"))
    world.snapshot("2026-11-20")
    with pytest.raises(RdsLakeError, match="because it can't assume the IAM role"):
        under(world, *_EVERYTHING).publish("2026-11-20")


@pytest.mark.exhaustive
def test_a_denied_action_reaches_the_pipeline_without_any_policy(world: World) -> None:
    world = replace(world, pipeline=world.root)
    world.snapshot("2026-11-20")
    world.cloud.faults.add(read_faults({"deny": [{"action": "glue:BatchCreatePartition", "times": 1}]}))
    with pytest.raises(RdsLakeError, match="glue:BatchCreatePartition on resource: "):
        world.publish("2026-11-20")
    world.publish("2026-11-20")
    asked = {decision.principal for decision in world.cloud.permissions.decisions.all()}
    # EventBridge's are recorded by the local cloud that was made last in this process: moto is one for all.
    assert asked <= {"events.amazonaws.com"}, "callers like root are not recorded"
