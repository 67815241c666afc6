"""Stacks of Redshift: what takes minutes is waited for, can hang, be given up, and leaves a snapshot where AWS would."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rds_lake_tests.localcloud.stacks.deploying import Formation, soon
from rds_lake_tests.support.world import post

_PROPERTIES = {
    "ClusterIdentifier": "nightly", "ClusterType": "single-node", "NodeType": "ra3.large", "DBName": "dev",
    "MasterUsername": "me", "ManageMasterPassword": True,
}  # fmt: skip


def cluster(**more: Any) -> dict[str, Any]:
    return {"Resources": {"Cluster": {"Type": "AWS::Redshift::Cluster", "Properties": _PROPERTIES} | more}}


def clusters(formation: Formation) -> list[str]:
    return [each["ClusterStatus"] for each in formation.client("redshift").describe_clusters()["Clusters"]]


def snapshots(formation: Formation) -> list[str]:
    found = formation.client("redshift").describe_cluster_snapshots()["Snapshots"]
    return [each["SnapshotIdentifier"] for each in found]


def minutes(formation: Formation, **settings: float) -> None:
    assert post(f"{formation.cloud.url}/_local/redshift", settings)[0] == 200


def wait(formation: Formation, passed: float) -> None:
    now = datetime.fromtimestamp(formation.cloud.clock.now() / 1e6, UTC)
    body = {"now": (now + timedelta(minutes=passed)).isoformat()}
    assert post(f"{formation.cloud.url}/_local/clock", body)[0] == 200


def begin(formation: Formation, template: dict[str, Any], **more: Any) -> None:
    formation.api.create_stack(
        StackName="lake", TemplateBody=str(template).replace("'", '"').replace("True", "true"), **more
    )


def test_a_stack_is_complete_when_its_cluster_is_available(formation: Formation) -> None:
    minutes(formation, creating_minutes=7, deleting_minutes=3)
    begin(formation, cluster(DeletionPolicy="Delete"))
    soon(lambda: clusters(formation) == ["creating"])
    wait(formation, 6)
    assert formation.stack()["StackStatus"] == "CREATE_IN_PROGRESS"
    wait(formation, 2)
    assert formation.ended()["StackStatus"] == "CREATE_COMPLETE"
    id_ = formation.stack()["StackId"]
    formation.api.delete_stack(StackName="lake")
    soon(lambda: clusters(formation) == ["deleting"])
    assert formation.stack()["StackStatus"] == "DELETE_IN_PROGRESS"
    wait(formation, 4)
    assert formation.ended(id_)["StackStatus"] == "DELETE_COMPLETE"
    assert (clusters(formation), snapshots(formation)) == ([], [])


@pytest.mark.exhaustive
def test_a_cluster_without_a_deletion_policy_leaves_a_paid_snapshot(formation: Formation) -> None:
    formation.deploy(cluster())
    formation.delete()
    (name,) = snapshots(formation)
    assert name.startswith("lake-cluster-snapshot-")


@pytest.mark.exhaustive
def test_a_creation_that_fails_leaves_no_snapshot(formation: Formation) -> None:
    template = cluster()
    template["Resources"]["Second"] = {"Type": "AWS::SQS::Queue", "DependsOn": "Cluster"}
    formation.fault(resource="Second", action="create", fail="no")
    assert formation.deploy(template)["StackStatus"] == "ROLLBACK_COMPLETE"
    assert (clusters(formation), snapshots(formation)) == ([], [])


@pytest.mark.exhaustive
def test_a_creation_that_hangs_ends_with_its_time(formation: Formation) -> None:
    minutes(formation, creating_minutes=45)
    begin(formation, cluster(DeletionPolicy="Delete"), TimeoutInMinutes=30)
    soon(lambda: clusters(formation) == ["creating"])
    wait(formation, 31)
    assert formation.ended()["StackStatus"] == "ROLLBACK_FAILED", "what is still created cannot be deleted"
    wait(formation, 15)
    assert formation.delete()["StackStatus"] == "DELETE_COMPLETE"
    assert clusters(formation) == []


@pytest.mark.exhaustive
def test_a_creation_can_be_given_up(formation: Formation) -> None:
    template = cluster(DeletionPolicy="Delete")
    template["Resources"]["Never"] = {"Type": "AWS::SQS::Queue", "DependsOn": "Cluster"}
    formation.fault(resource="Never", action="create", delay_seconds=90_000.0)
    begin(formation, template)
    soon(lambda: clusters(formation) == ["available"])
    assert formation.delete()["StackStatus"] == "DELETE_COMPLETE"
    assert clusters(formation) == []


@pytest.mark.exhaustive
def test_a_cluster_that_somebody_deleted_does_not_keep_its_stack(formation: Formation) -> None:
    formation.deploy(cluster())
    formation.client("redshift").delete_cluster(ClusterIdentifier="nightly", SkipFinalClusterSnapshot=True)
    assert formation.delete()["StackStatus"] == "DELETE_COMPLETE"


@pytest.mark.exhaustive
def test_a_namespace_goes_after_its_workgroup(formation: Formation) -> None:
    minutes(formation, creating_minutes=0, deleting_minutes=1)
    formation.deploy(
        {
            "Resources": {
                "Space": {"Type": "AWS::RedshiftServerless::Namespace", "Properties": {"NamespaceName": "nights"}},
                "Group": {
                    "Type": "AWS::RedshiftServerless::Workgroup",
                    "Properties": {"WorkgroupName": "nights", "NamespaceName": {"Ref": "Space"}, "BaseCapacity": 8},
                },
            }
        }
    )
    serverless, id_ = formation.client("redshift-serverless"), formation.stack()["StackId"]
    with pytest.raises(serverless.exceptions.ConflictException):
        serverless.delete_namespace(namespaceName="nights")
    formation.api.delete_stack(StackName="lake")
    for _ in range(2):
        soon(lambda: any(event[1] == "DELETE_IN_PROGRESS" for event in formation.events(id_)[-1:]))
        wait(formation, 2)
    assert formation.ended(id_)["StackStatus"] == "DELETE_COMPLETE"
    assert serverless.list_namespaces()["namespaces"] == []
