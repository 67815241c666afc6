"""Where the lake's live tests run: an account of AWS, where a database is made and removed, or the local cloud, which has one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import boto3
import pytest
from botocore.exceptions import ClientError

from rds_lake.aws.clients import AwsClients
from rds_lake.localcloud.cloud import LocalCloud
from rds_lake.localcloud.http.account import ACCOUNT, REGION
from rds_lake_tests.live.lake.content import ORDERS, Content
from rds_lake_tests.live.place import account_session
from rds_lake_tests.support.world import post, seed_tiny

# What a run that was killed may have left is removed by the next one, when this is over.
EXPIRES = "rds-lake-live-until"
LONGEST = timedelta(hours=3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Local:
    """The local cloud, whose cluster `shop-aurora` holds the database. `pause`: seconds between two looks."""

    cloud: LocalCloud
    url: str
    clients: AwsClients
    content: Content
    account: str = ACCOUNT
    region: str = REGION
    identifier: str = "shop-aurora"
    pause: float = 0.2

    @property
    def endpoint(self) -> str | None:
        return self.cloud.url

    def make_database(self) -> int:
        """The cluster `identifier` is there; how many rows its content's table has."""
        return self.content.fill(self.url)

    def snapshot(self) -> date:
        """The date of a manual snapshot of now."""
        now = datetime.now(UTC).replace(microsecond=0)
        body = {"cluster": self.identifier, "type": "manual", "at": now.isoformat()}
        status, answer = post(f"{self.cloud.url}/_local/snapshots", body)
        assert status == 200, answer
        return now.date()

    def remove_database(self) -> None:
        """It is the session's, and stays."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Aws:
    """An account, as `Local`. The database is Aurora Serverless at its smallest: its Data API needs no way into the network."""

    clients: AwsClients
    account: str
    region: str
    identifier: str
    content: Content = ORDERS
    endpoint: str | None = None
    pause: float = 20

    def make_database(self) -> int:
        rds: Any = self.clients.rds
        tags = [{"Key": EXPIRES, "Value": (datetime.now(UTC) + LONGEST).isoformat()}]
        rds.create_db_cluster(
            DBClusterIdentifier=self.identifier,
            Engine=self.content.engine,
            DatabaseName=self.content.name,
            MasterUsername="shop",
            ManageMasterUserPassword=True,
            ServerlessV2ScalingConfiguration={"MinCapacity": 0.5, "MaxCapacity": 1},
            EnableHttpEndpoint=True,
            StorageEncrypted=True,
            BackupRetentionPeriod=1,
            Tags=tags,
        )
        rds.create_db_instance(
            DBInstanceIdentifier=self.identifier,
            DBClusterIdentifier=self.identifier,
            DBInstanceClass="db.serverless",
            Engine=self.content.engine,
            Tags=tags,
        )
        rds.get_waiter("db_instance_available").wait(DBInstanceIdentifier=self.identifier)
        (cluster,) = rds.describe_db_clusters(DBClusterIdentifier=self.identifier)["DBClusters"]
        return self.content.fill_by_data_api(
            self.clients.client("rds-data"),
            resourceArn=cluster["DBClusterArn"],
            secretArn=cluster["MasterUserSecret"]["SecretArn"],
        )

    def snapshot(self) -> date:
        rds = self.clients.rds
        rds.create_db_cluster_snapshot(
            DBClusterSnapshotIdentifier=f"{self.identifier}-1", DBClusterIdentifier=self.identifier
        )
        rds.get_waiter("db_cluster_snapshot_available").wait(DBClusterSnapshotIdentifier=f"{self.identifier}-1")
        (snapshot,) = rds.describe_db_cluster_snapshots(DBClusterSnapshotIdentifier=f"{self.identifier}-1")[
            "DBClusterSnapshots"
        ]
        return snapshot["SnapshotCreateTime"].astimezone(UTC).date()

    def remove_database(self) -> None:
        """With its snapshots; also where it was made by half, or not at all."""
        _remove(self.clients.rds, self.identifier)


Place = Local | Aws


def local_place(cloud: LocalCloud, url: str, content: Content) -> Local:
    """A cluster of the local cloud with this database."""
    session = boto3.Session(aws_access_key_id="testing", aws_secret_access_key="testing", region_name=REGION)
    clients = AwsClients(session, region=REGION, endpoint_url=cloud.url)
    return Local(cloud=cloud, url=url, clients=clients, content=content)


def _remove(rds: Any, identifier: str) -> None:
    calls: list[Callable[[], Any]] = [
        lambda: rds.delete_db_instance(DBInstanceIdentifier=identifier, SkipFinalSnapshot=True),
        lambda: rds.delete_db_cluster(DBClusterIdentifier=identifier, SkipFinalSnapshot=True),
        lambda: rds.delete_db_cluster_snapshot(DBClusterSnapshotIdentifier=f"{identifier}-1"),
    ]
    for call in calls:
        _unless_gone(call)


def _unless_gone(call: Callable[[], Any]) -> None:
    """AWS's codes for what is not there, or goes already, end so."""
    try:
        call()
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if not code.endswith(("NotFoundFault", "NotFound", "InvalidDBInstanceState", "InvalidDBClusterStateFault")):
            raise


def remove_expired(rds: Any, *, now: datetime) -> list[str]:
    """Databases of earlier runs that were killed; their identifiers."""
    expired = []
    for cluster in rds.describe_db_clusters()["DBClusters"]:
        tags = {tag["Key"]: tag["Value"] for tag in cluster.get("TagList", [])}
        with suppress(KeyError):
            if datetime.fromisoformat(tags[EXPIRES]) < now:
                _remove(rds, cluster["DBClusterIdentifier"])
                expired.append(cluster["DBClusterIdentifier"])
    return expired


@contextmanager
def aws_place(name: str, content: Content = ORDERS) -> Iterator[Aws]:
    """An account by a profile of its owner. Skipped where the variables are missing."""
    with account_session() as session:
        region = session.region_name
        clients = AwsClients(session, region=region)
        account = clients.client("sts").get_caller_identity()["Account"]
        remove_expired(clients.rds, now=datetime.now(UTC))
        yield Aws(clients=clients, account=account, region=region, identifier=name, content=content)


def until(found: Callable[[], Any], place: Place, *, minutes: float, what: str) -> Any:
    """What `found` answers, once it is anything."""
    deadline = time.monotonic() + minutes * 60
    while not (answer := found()):
        assert time.monotonic() < deadline, f"{what} did not happen within {minutes} minutes"
        time.sleep(place.pause)
    return answer


PLACES = [
    pytest.param("local", id="local", marks=pytest.mark.exhaustive),
    pytest.param("aws", id="aws", marks=pytest.mark.aws),
]


@contextmanager
def chosen_place(request: pytest.FixtureRequest, content: Content) -> Iterator[Place]:
    """The account, or the cloud of the session with its tiny database, as `request.param` of `PLACES` says."""
    if request.param == "aws":
        with aws_place(f"rds-lake-live-{uuid4().hex[:8]}") as account:
            yield account
        return
    cloud: LocalCloud = request.getfixturevalue("session_cloud")
    url: str = request.getfixturevalue("tiny_url")
    cloud.reset()
    seed_tiny(url)
    yield local_place(cloud, url, content)
