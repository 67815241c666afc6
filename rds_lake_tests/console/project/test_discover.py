"""What `rds-lake init` finds of an account: all pages of it, and the rest where one service refuses."""

import json
from typing import Any

import boto3
import pytest

from rds_lake.aws.clients import AwsClients
from rds_lake.aws.dynamodb import DynamoGateway
from rds_lake.aws.rds import RdsGateway
from rds_lake.console.project.choose import by_name, by_number, ready
from rds_lake.console.project.discover import Discovered, FoundServer, discover
from rds_lake.errors import ConfigError
from rds_lake.localcloud.cloud import LocalCloud
from rds_lake.model.aws.server import DatabaseServer
from rds_lake_tests.console.project.test_init import make_table


def found_by(clients: Any, lines: list[str] | None = None) -> Discovered:
    rds, dynamodb = RdsGateway(clients.client("rds")), DynamoGateway(clients.client("dynamodb"))
    return discover(rds, dynamodb, say=(lines if lines is not None else []).append)


def test_every_page_is_read_and_long_lists_say_how_far_they_are(cloud: LocalCloud) -> None:
    rds = cloud.clients.client("rds")
    for number in range(101):
        rds.create_db_instance(
            DBInstanceIdentifier=f"db-{number:03}",
            DBInstanceClass="db.t3.micro",
            Engine="postgres",
            AllocatedStorage=20,
        )
        make_table(cloud, f"table-{number:03}", recovers=number % 2 == 0)
    rds.create_db_instance(
        DBInstanceIdentifier="member",
        DBInstanceClass="db.r6g.large",
        Engine="aurora-postgresql",
        DBClusterIdentifier="shop-aurora",
    )
    lines: list[str] = []
    found = found_by(cloud.clients, lines).items
    names = {item.identifier for item in found}
    assert {f"db-{number:03}" for number in range(101)} | {f"table-{number:03}" for number in range(101)} < names
    assert "member" not in names, "a cluster's instances are exported with the cluster"
    assert sum(item.kind == "dynamodb" and item.obstacle is None for item in found) == 51
    assert lines == ["looked at 50 of 101 DynamoDB tables", "looked at 100 of 101 DynamoDB tables"]


@pytest.mark.parametrize(
    ("allowed", "seen", "said"),
    [
        (["rds:*"], {"rds", "aurora"}, "DynamoDB tables could not be listed"),
        (["dynamodb:*", "rds:DescribeDBClusters"], {"aurora", "dynamodb"}, "DB instances could not be listed"),
        (
            ["rds:*", "dynamodb:ListTables", "dynamodb:DescribeTable"],
            {"rds", "aurora", "dynamodb"},
            "it is not known whether point-in-time recovery is on",
        ),
        (["dynamodb:ListTables", "dynamodb:DescribeContinuousBackups"], {"dynamodb"}, "whose size is not known"),
    ],
)
def test_a_service_that_refuses_is_said_and_the_others_are_shown(
    allowed: list[str], seen: set[str], said: str, cloud: LocalCloud
) -> None:
    make_table(cloud, "Reviews", recovers=True)
    make_table(cloud, "Users", recovers=True)
    discovered = found_by(_limited(cloud, allowed))
    assert {item.kind for item in discovered.items} == seen
    assert [sentence for sentence in discovered.refused if said in sentence]
    assert len(discovered.refused) == len(set(discovered.refused)) <= 3, "what is refused of every table is said once"


def _limited(cloud: LocalCloud, actions: list[str]) -> Any:
    """Clients of a user who may do these actions only."""

    iam = cloud.clients.client("iam")
    iam.create_user(UserName="newcomer")
    statement = {"Effect": "Allow", "Action": actions, "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName="newcomer", PolicyName="some", PolicyDocument=document)
    key = iam.create_access_key(UserName="newcomer")["AccessKey"]
    session = boto3.Session(
        aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"], region_name="us-east-1"
    )
    return AwsClients(session, endpoint_url=cloud.url)


def server(**changes: Any) -> FoundServer:
    settings: dict[str, Any] = {"kind": "rds", "identifier": "a", "engine": "postgres", "backup_days": 1} | changes
    return FoundServer(server=DatabaseServer(**settings))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"engine": "sqlserver-se"}, "AWS exports no snapshots of engine sqlserver-se"),
        ({"engine": "custom-oracle-ee"}, "RDS Custom"),
        ({"engine": "neptune", "kind": "aurora"}, "no snapshots of engine neptune"),
        ({"storage_type": "standard"}, "magnetic"),
        ({"backup_days": 0}, "automated backups are off"),
    ],
)
def test_what_keeps_a_database_from_being_exported_is_said(changes: dict[str, Any], said: str) -> None:
    assert said in str(server(**changes).obstacle)


def test_numbers_are_chosen_singly_and_in_ranges() -> None:
    found = [server(identifier=name) for name in "abcde"]
    assert [item.identifier for item in by_number(found, "1, 3-4 3")] == ["a", "c", "d"]
    assert by_number(found, " all ") == by_number(found, "") == ready(found)
    for wrong in ("0", "6", "2-1", "x", "1;2", "²"):
        with pytest.raises(ConfigError, match="is not a number in the list"):
            by_number(found, wrong)


def test_a_pattern_leaves_out_what_aws_never_exports_and_a_name_does_not() -> None:
    found = [server(identifier="prod-a"), server(identifier="prod-erp", engine="oracle-ee"), server(identifier="dev")]
    assert [item.identifier for item in by_name(found, ["prod-*"])] == ["prod-a"]
    with pytest.raises(ConfigError, match="prod-erp: AWS exports no snapshots of engine oracle-ee"):
        by_name(found, ["prod-*", "prod-erp"])


def test_a_name_that_is_not_there_gets_the_nearest_however_many_there_are() -> None:
    found = [server(identifier=f"db-{number:03}") for number in range(300)] + [server(identifier="shop-prod")]
    with pytest.raises(ConfigError, match=r"--source Shop-Prd: no such instance.*did you mean shop-prod\?"):
        by_name(found, ["Shop-Prd"])
    with pytest.raises(ConfigError, match="there is db-000, db-001"):
        by_name(found, ["nothing like it"])
