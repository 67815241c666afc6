"""What a live run that was killed left behind is removed by the next one; nobody else's database ever is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from rds_lake.localcloud.cloud import LocalCloud
from rds_lake_tests.live.lake.place import EXPIRES, remove_expired


def test_databases_of_killed_runs_are_removed_when_their_time_is_over(cloud: LocalCloud) -> None:
    rds, now = cloud.clients.client("rds"), datetime.now(UTC)
    tags = {
        "killed": [{"Key": EXPIRES, "Value": (now - timedelta(minutes=1)).isoformat()}],
        "running": [{"Key": EXPIRES, "Value": (now + timedelta(hours=1)).isoformat()}],
        "somebodys": [],
    }
    for name, given in tags.items():
        rds.create_db_cluster(
            DBClusterIdentifier=name,
            Engine="aurora-postgresql",
            MasterUsername="shop",
            MasterUserPassword="long-enough",
            Tags=given,
        )
    assert remove_expired(rds, now=now) == ["killed"]
    left = {cluster["DBClusterIdentifier"] for cluster in rds.describe_db_clusters()["DBClusters"]}
    assert {"running", "somebodys"} <= left
    assert "killed" not in left
