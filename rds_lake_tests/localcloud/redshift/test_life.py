"""Clusters, namespaces and workgroups come and go by the local cloud's clock, and leave what AWS says they leave."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from rds_lake_tests.localcloud.permissions.calling import Calling, allow
from rds_lake_tests.localcloud.redshift.test_data_api import refused
from rds_lake_tests.localcloud.redshift.warehouse import CLUSTER, Warehouse

MINUTES = {
    "creating_minutes": 5,
    "deleting_minutes": 3,
    "pausing_minutes": 10,
    "resuming_minutes": 4,
    "snapshot_minutes": 2,
}


def secrets(warehouse: Warehouse) -> list[str]:
    return [each["Name"] for each in warehouse.client("secretsmanager").list_secrets()["SecretList"]]


def clusters(warehouse: Warehouse) -> list[str]:
    return [each["ClusterIdentifier"] for each in warehouse.client("redshift").describe_clusters()["Clusters"]]


def delete(warehouse: Warehouse, **params: Any) -> dict[str, Any]:
    return warehouse.client("redshift").delete_cluster(ClusterIdentifier=CLUSTER, **params)["Cluster"]


def test_a_cluster_is_created_paused_resumed_and_deleted_by_the_clock(warehouse: Warehouse) -> None:
    warehouse.clock("2099-11-20T10:00:00Z")
    warehouse.minutes(**MINUTES)
    made = warehouse.create("big")
    assert made["ClusterStatus"] == "creating" and "Endpoint" not in made
    assert warehouse.status("big") == "creating"
    warehouse.clock("2099-11-20T10:05:30Z")
    assert warehouse.status("big") == "available"
    redshift = warehouse.client("redshift")
    redshift.pause_cluster(ClusterIdentifier="big")
    assert refused(redshift.resume_cluster, ClusterIdentifier="big")[0] == "InvalidClusterState"
    warehouse.clock("2099-11-20T10:16:00Z")
    assert warehouse.status("big") == "paused"
    redshift.resume_cluster(ClusterIdentifier="big")
    warehouse.clock("2099-11-20T10:20:30Z")
    assert warehouse.status("big") == "available"
    redshift.delete_cluster(ClusterIdentifier="big", SkipFinalClusterSnapshot=True)
    assert warehouse.status("big") == "deleting"
    warehouse.clock("2099-11-20T10:24:00Z")
    assert refused(redshift.describe_clusters, ClusterIdentifier="big")[0] == "ClusterNotFound"
    assert secrets(warehouse) == [f"redshift!{CLUSTER}-admin"]


def test_a_paused_cluster_keeps_its_tables_and_a_deleted_one_loses_them(warehouse: Warehouse) -> None:
    warehouse.run("create table t (a int)")
    redshift = warehouse.client("redshift")
    redshift.pause_cluster(ClusterIdentifier=CLUSTER)
    redshift.resume_cluster(ClusterIdentifier=CLUSTER)
    assert warehouse.rows("select count(*) from t") == [(0,)]
    delete(warehouse, SkipFinalClusterSnapshot=True)
    warehouse.create()
    assert warehouse.error("select count(*) from t") == 'ERROR: relation "t" does not exist'


@pytest.mark.parametrize("params", [{}, {"SkipFinalClusterSnapshot": False}])
def test_a_deletion_says_what_becomes_of_the_data(warehouse: Warehouse, params: dict[str, Any]) -> None:
    with pytest.raises(ClientError) as caught:
        delete(warehouse, **params)
    assert caught.value.response["Error"]["Code"] == "InvalidParameterCombination"
    assert warehouse.status() == "available"


def test_a_final_snapshot_stays(warehouse: Warehouse) -> None:
    assert delete(warehouse, FinalClusterSnapshotIdentifier="last")["ClusterStatus"] == "final-snapshot"
    assert clusters(warehouse) == [] and secrets(warehouse) == []
    redshift = warehouse.client("redshift")
    (kept,) = redshift.describe_cluster_snapshots()["Snapshots"]
    assert (kept["SnapshotIdentifier"], kept["ClusterIdentifier"], kept["Status"]) == ("last", CLUSTER, "available")
    redshift.delete_cluster_snapshot(SnapshotIdentifier="last")
    assert redshift.describe_cluster_snapshots()["Snapshots"] == []


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"NodeType": "ds2.xlarge"}, "InvalidParameterValue"),
        ({"Encrypted": False}, "InvalidParameterValue"),
        ({"MasterUserPassword": "Secret12"}, "InvalidParameterCombination"),
        ({"ManageMasterPassword": False}, "InvalidParameterCombination"),
        ({"ClusterType": "multi-node"}, "InvalidParameterCombination"),
    ],
)
def test_a_cluster_that_aws_would_not_make_is_refused(warehouse: Warehouse, params: dict[str, Any], code: str) -> None:
    with pytest.raises(ClientError) as caught:
        warehouse.create("other", **params)
    assert caught.value.response["Error"]["Code"] == code


def test_a_second_cluster_of_a_name_is_refused(warehouse: Warehouse) -> None:
    with pytest.raises(ClientError, match="ClusterAlreadyExists"):
        warehouse.create()


def test_an_operation_that_is_not_built_is_refused(warehouse: Warehouse) -> None:
    code, message = refused(
        warehouse.client("redshift").restore_from_cluster_snapshot, ClusterIdentifier="c", SnapshotIdentifier="s"
    )
    assert "local cloud's limit" in message, code
    code, message = refused(
        warehouse.client("redshift-serverless").restore_from_snapshot, namespaceName="abc", workgroupName="abc"
    )
    assert "local cloud's limit" in message, code


def test_a_workgroup_answers_once_it_is_available(warehouse: Warehouse) -> None:
    warehouse.clock("2099-11-20T10:00:00Z")
    warehouse.minutes(**MINUTES)
    serverless = warehouse.client("redshift-serverless")
    namespace = serverless.create_namespace(namespaceName="lake", dbName="shop", manageAdminPassword=True)["namespace"]
    assert namespace["status"] == "AVAILABLE" and namespace["adminPasswordSecretArn"]
    made = serverless.create_workgroup(workgroupName="lake", namespaceName="lake", baseCapacity=8, maxCapacity=16)
    assert made["workgroup"]["status"] == "CREATING"
    where = {"WorkgroupName": "lake", "Database": "shop"}
    assert refused(warehouse.data.execute_statement, **where, Sql="select 1")[0] == "ValidationException"
    warehouse.clock("2099-11-20T10:05:30Z")
    assert serverless.get_workgroup(workgroupName="lake")["workgroup"]["status"] == "AVAILABLE"
    warehouse.where = where
    assert warehouse.rows("select 7/2 as n") == [(3,)]


def test_a_namespace_goes_after_its_workgroup_and_leaves_its_final_snapshot(warehouse: Warehouse) -> None:
    serverless = warehouse.client("redshift-serverless")
    serverless.create_namespace(namespaceName="lake", manageAdminPassword=True)
    arn = serverless.create_workgroup(workgroupName="lake", namespaceName="lake", baseCapacity=8)["workgroup"][
        "workgroupArn"
    ]
    limit = {"resourceArn": arn, "usageType": "serverless-compute", "amount": 60, "breachAction": "deactivate"}
    serverless.create_usage_limit(**limit)
    assert refused(serverless.create_usage_limit, **limit)[0] == "ConflictException"
    assert refused(serverless.delete_namespace, namespaceName="lake")[0] == "ConflictException"
    serverless.delete_workgroup(workgroupName="lake")
    serverless.delete_namespace(namespaceName="lake", finalSnapshotName="last")
    assert serverless.list_namespaces()["namespaces"] == [] and serverless.list_workgroups()["workgroups"] == []
    assert [each["snapshotName"] for each in serverless.list_snapshots()["snapshots"]] == ["last"]
    assert secrets(warehouse) == [f"redshift!{CLUSTER}-admin"]


def test_a_policy_can_narrow_statements_to_their_owner(warehouse: Warehouse) -> None:
    calling = Calling(cloud=warehouse.cloud, made={})
    own = {"StringEquals": {"redshift-data:statement-owner-iam-userid": "${aws:userid}"}}
    actions = ["redshift-data:DescribeStatement", "redshift-data:CancelStatement", "redshift-data:ListStatements"]
    mine = {"Effect": "Allow", "Action": actions, "Resource": "*", "Condition": own}
    run = allow(["redshift-data:ExecuteStatement", "redshift:GetClusterCredentialsWithIAM"])
    data = calling.client("redshift-data", calling.user(run, mine, name="bob"))
    statement = data.execute_statement(**warehouse.where, Sql="select 1")["Id"]
    assert data.describe_statement(Id=statement, WaitTimeSeconds=30)["Status"] == "FINISHED"
    assert [each["Id"] for each in data.list_statements()["Statements"]] == [statement]
    other = calling.client("redshift-data", calling.user(run, mine, name="eve"))
    assert other.list_statements()["Statements"] == []
    for act in (other.describe_statement, other.cancel_statement):
        assert refused(act, Id=statement)[0] == "AccessDeniedException"


def test_only_the_admin_sees_what_all_have_run(warehouse: Warehouse) -> None:
    calling = Calling(cloud=warehouse.cloud, made={})
    rights = allow(["redshift-data:*", "redshift:*"])
    data = calling.client("redshift-data", calling.user(rights, name="bob"))
    warehouse.run("select 'of the admin'")
    statement = data.execute_statement(
        **warehouse.where, Sql="select count(*) from sys_query_history where query_text like '%of the admin%'"
    )
    data.describe_statement(Id=statement["Id"], WaitTimeSeconds=30)
    assert data.get_statement_result(Id=statement["Id"])["Records"] == [[{"longValue": 1}]]  # its own
    denied = data.execute_statement(**warehouse.where, Sql="select * from sys_serverless_usage")["Id"]
    assert "permission denied" in data.describe_statement(Id=denied, WaitTimeSeconds=30)["Error"]


def test_a_caller_needs_the_right_to_log_in(warehouse: Warehouse) -> None:
    calling = Calling(cloud=warehouse.cloud, made={})
    cluster = f"arn:aws:redshift:us-east-1:*:cluster:{CLUSTER}"
    run = allow("redshift-data:ExecuteStatement", cluster)
    login = allow("redshift:GetClusterCredentialsWithIAM", f"arn:aws:redshift:us-east-1:*:dbname:{CLUSTER}/dev")
    look = allow("redshift-data:DescribeStatement")
    with pytest.raises(ClientError, match="GetClusterCredentialsWithIAM"):
        calling.client("redshift-data", calling.user(run)).execute_statement(**warehouse.where, Sql="select 1")
    data = calling.client("redshift-data", calling.user(run, login, look, name="bob"))
    statement = data.execute_statement(**warehouse.where, Sql="select 1")["Id"]
    assert data.describe_statement(Id=statement, WaitTimeSeconds=30)["Status"] == "FINISHED"
    other = calling.client("redshift-data", calling.user(look, name="eve"))
    assert refused(other.describe_statement, Id=statement)[0] == "ResourceNotFoundException"
