"""Whoever can write a lease into the lake has nothing removed but what a warehouse of that name may have made."""

from __future__ import annotations

import json
from typing import Any

import pytest

from rds_lake.errors import ManifestError
from rds_lake.stages.warehouse.lease import keep_alive, lease_key, read_lease, take
from rds_lake.stages.warehouse.reap import reap
from rds_lake.stages.warehouse.remove import take_down
from rds_lake_tests.stages.warehouse.standing.yard import Yard

STACK = "rds-lake-daily-0123456789"  # another warehouse's
NAMES = [
    {"cluster": "production"},
    {"namespace": "production"},
    {"workgroup": "production", "namespace": "production"},
    {"stack": "production"},
    {"stack": STACK, "cluster": STACK},
    {"stack": "rds-lake-nightly-0123456789x"},
    {"role": "Admin"},
    {"groups": ""},
    {"groups": "rds-lake-"},
    {"secret": "redshift!production-admin"},
    {"statements": ""},
    {"statements": "rds-lake/"},
    {"staging": ""},
    {"staging": "lake/reviews/"},
    {"staging": "lake/_warehouses/nightly/staging/run-1/../../"},
]


def forge(yard: Yard, **changed: Any) -> None:
    """The lease as it is, but for these of its names or fields."""
    key = lease_key(yard.warehouse)
    body = json.loads(yard.warehouse.lake.s3.get_text("acme-lake", key))
    names = {name: value for name, value in changed.items() if name in body["names"]}
    body = body | {name: value for name, value in changed.items() if name not in names}
    body["names"] |= names
    yard.inspector.client("s3").put_object(Bucket="acme-lake", Key=key, Body=json.dumps(body).encode())


@pytest.mark.parametrize("names", NAMES, ids=lambda names: "-".join(names))
def test_what_a_lease_of_the_warehouse_cannot_name_is_not_believed(yard: Yard, names: dict[str, str]) -> None:
    take(yard.warehouse, yard.plan())
    forge(yard, **names)
    for use in (
        lambda: read_lease(yard.warehouse),
        lambda: keep_alive(yard.warehouse, "run-1"),
        lambda: take_down(yard.warehouse, "run-1"),
    ):
        with pytest.raises(ManifestError, match=r"lease\.json names .* which no run of warehouse nightly creates"):
            use()


@pytest.mark.exhaustive
@pytest.mark.parametrize("fields", [{"warehouse": "daily"}, {"run": "run-2"}], ids=lambda fields: "-".join(fields))
def test_a_lease_that_somebody_copied_is_not_believed(yard: Yard, fields: dict[str, str]) -> None:
    take(yard.warehouse, yard.plan())
    forge(yard, **fields)
    with pytest.raises(ManifestError, match="nothing was removed"):
        read_lease(yard.warehouse)


def test_a_forged_lease_costs_nobody_anything_and_the_reaper_says_so(yard: Yard) -> None:
    redshift = yard.inspector.client("redshift")
    redshift.create_cluster(
        ClusterIdentifier="production", NodeType="ra3.large", MasterUsername="me", ManageMasterPassword=True
    )
    redshift.create_cluster_snapshot(ClusterIdentifier="production", SnapshotIdentifier="monthly")
    yard.put("lake/reviews/part-0.parquet")
    take(yard.warehouse, yard.plan())
    forge(yard, stack=None, cluster="production", staging="lake/reviews/")
    before = yard.census()
    yard.wait(31)
    (found,) = reap([yard.warehouse], apply=True)
    assert "production" in str(found.error) and "lake/reviews/" in str(found.error)
    assert yard.census() == before
