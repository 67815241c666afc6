"""Names and passwords for a while: whose they are, how long they hold, and which rights they need."""

from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError

from rds_lake_tests.localcloud.permissions.calling import Calling, allow
from rds_lake_tests.localcloud.redshift.test_life import refused
from rds_lake_tests.localcloud.redshift.warehouse import CLUSTER, Warehouse

_ARN = "arn:aws:redshift:us-east-1:*:"


def test_a_cluster_gives_a_user_and_a_password_that_differ_each_time_and_expire(warehouse: Warehouse) -> None:
    redshift = warehouse.client("redshift")
    given = redshift.get_cluster_credentials(
        ClusterIdentifier=CLUSTER, DbUser="ada", AutoCreate=True, DurationSeconds=3600
    )
    again = redshift.get_cluster_credentials(ClusterIdentifier=CLUSTER, DbUser="ada")
    assert (given["DbUser"], again["DbUser"]) == ("IAMA:ada", "IAM:ada")
    assert given["DbPassword"] != again["DbPassword"]
    assert timedelta(minutes=59) < given["Expiration"] - datetime.now(UTC) <= timedelta(hours=1)
    assert again["Expiration"] - datetime.now(UTC) <= timedelta(minutes=15)
    assert refused(redshift.get_cluster_credentials, ClusterIdentifier="other", DbUser="ada")[0] == "ClusterNotFound"
    late = {"ClusterIdentifier": CLUSTER, "DbUser": "ada", "DurationSeconds": 3601}
    assert refused(redshift.get_cluster_credentials, **late)[0] == "InvalidParameterValue"


def test_an_identity_of_iam_is_a_database_user_of_its_own_name(warehouse: Warehouse) -> None:
    calling = Calling(cloud=warehouse.cloud, made={})
    login = allow(["redshift:GetClusterCredentialsWithIAM"], f"{_ARN}dbname:{CLUSTER}/dev")
    redshift = calling.client("redshift", calling.user(login, name="bob"))
    found = redshift.get_cluster_credentials_with_iam(ClusterIdentifier=CLUSTER, DbName="dev")
    assert found["DbUser"] == "IAM:bob" and found["NextRefreshTime"] <= found["Expiration"]
    with pytest.raises(ClientError, match="redshift:GetClusterCredentialsWithIAM"):
        redshift.get_cluster_credentials_with_iam(ClusterIdentifier=CLUSTER, DbName="secret")


@pytest.mark.parametrize(
    ("more", "right"),
    [
        ({}, f"redshift:GetClusterCredentials on resource: .*dbuser:{CLUSTER}/eve"),
        ({"DbUser": "ada", "AutoCreate": True}, "redshift:CreateClusterUser"),
        ({"DbUser": "ada", "DbGroups": ["etl"]}, f"redshift:JoinGroup on resource: .*dbgroup:{CLUSTER}/etl"),
    ],
)
def test_another_user_a_new_one_and_a_group_need_rights_of_their_own(
    warehouse: Warehouse, more: dict[str, object], right: str
) -> None:
    calling = Calling(cloud=warehouse.cloud, made={})
    places = [f"{_ARN}dbuser:{CLUSTER}/ada", f"{_ARN}dbname:{CLUSTER}/*"]
    login = [allow("redshift:GetClusterCredentials", place) for place in places]
    redshift = calling.client("redshift", calling.user(*login))
    assert redshift.get_cluster_credentials(ClusterIdentifier=CLUSTER, DbUser="ada")["DbUser"] == "IAM:ada"
    with pytest.raises(ClientError, match=right):
        redshift.get_cluster_credentials(**{"ClusterIdentifier": CLUSTER, "DbUser": "eve"} | more)


def test_a_workgroup_gives_them_too_to_whom_may_have_them(warehouse: Warehouse) -> None:
    serverless = warehouse.client("redshift-serverless")
    serverless.create_namespace(namespaceName="lake", manageAdminPassword=True)
    arn = serverless.create_workgroup(workgroupName="lake", namespaceName="lake", baseCapacity=8)["workgroup"][
        "workgroupArn"
    ]
    assert refused(serverless.get_credentials, workgroupName="other")[0] == "ResourceNotFoundException"
    calling = Calling(cloud=warehouse.cloud, made={})
    bob = calling.client(
        "redshift-serverless", calling.user(allow("redshift-serverless:GetCredentials", arn), name="bob")
    )
    assert bob.get_credentials(workgroupName="lake", dbName="dev")["dbUser"] == "IAM:bob"
    eve = calling.client("redshift-serverless", calling.user(name="eve"))
    with pytest.raises(ClientError, match="redshift-serverless:GetCredentials"):
        eve.get_credentials(workgroupName="lake")
