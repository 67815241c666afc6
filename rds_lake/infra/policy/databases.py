"""The pipeline's permissions for RDS and Aurora: it looks for snapshots, starts exports, and passes them a role and a key."""

from __future__ import annotations

from collections.abc import Iterator

from rds_lake.config.database import Aurora, Database, Rds
from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.infra.policy.document import Resource, Statement, fixed
from rds_lake.infra.policy.names import Names, find_key
from rds_lake.model.aws.arn import Exportable

EXPORT_SERVICE = "export.rds.amazonaws.com"
# RDS names an automated snapshot itself, `rds:shop-prod-2026-11-20-05-06`: `shop` does not match what is `shop-prod`'s.
_TIME = "????-??-??-??-??"
_BACKUPS = "awsbackup:"


def database_statements(config: LakeConfig, names: Names) -> Iterator[Statement]:
    """Returns the statements of all databases; empty if lake.yaml has no database."""
    if not config.databases:
        return
    yield from _snapshots(config, names)
    yield Statement(
        sid="StartExports",
        reason="Start the export of a snapshot, or of a live cluster, of the configured databases.",
        actions=("rds:StartExportTask",),
        resources=tuple(dict.fromkeys(item for source in config.databases for item in _exported(source, names))),
    )
    yield Statement(
        sid="WatchExports",
        reason="See the state of exports, and how many exports of the account are in progress.",
        actions=("rds:DescribeExportTasks",),
        resources=fixed(*(names.arn("rds", f"{kind}:*") for kind in Exportable)),
    )
    role = names.export_role_arn or config.lake.export_role
    assert role is not None, "config/lake_yaml.py refuses a database without a role"
    yield Statement(
        sid="PassTheExportRole",
        reason="Pass to RDS's export service the role that it writes the export with.",
        actions=("iam:PassRole",),
        resources=fixed(role),
        conditions={"StringEquals": {"iam:PassedToService": EXPORT_SERVICE}},
    )
    yield from _key(config, names)


def _snapshots(config: LakeConfig, names: Names) -> Iterator[Statement]:
    instances = [source.identifier.lower() for source in config.databases if isinstance(source, Rds)]
    clusters = [source.identifier.lower() for source in config.databases if isinstance(source, Aurora)]
    if instances:
        yield Statement(
            sid="FindInstanceSnapshots",
            reason="List snapshots of instances: all of the account at once, if this takes fewer calls than listing each source.",
            actions=("rds:DescribeDBSnapshots",),
            resources=fixed(names.arn("rds", "db:*"), names.arn("rds", "snapshot:*")),
        )
        yield Statement(
            sid="SeeInstances",
            reason="See when an instance was created, to report since when it has had no snapshot.",
            actions=("rds:DescribeDBInstances",),
            resources=names.named("rds", "db:", instances),
        )
    if clusters:
        yield Statement(
            sid="FindClusterSnapshots",
            reason="List snapshots of clusters: all of the account at once, if this takes fewer calls than listing each source.",
            actions=("rds:DescribeDBClusterSnapshots",),
            resources=fixed(names.arn("rds", "cluster:*"), names.arn("rds", "cluster-snapshot:*")),
        )
        yield Statement(
            sid="SeeClusters",
            reason="See when a cluster was created, to report since when it has had no snapshot; and find its ARN, to export it live.",
            actions=("rds:DescribeDBClusters",),
            resources=names.named("rds", "cluster:", clusters),
        )


def _exported(source: Database, names: Names) -> Iterator[Resource]:
    """Returns the ARNs that may be exported. The name of a manual snapshot does not contain its database."""
    snapshot = source.snapshot_about
    for kind in source.snapshots:
        if kind == "automated":
            yield from names.named("rds", f"{snapshot}:rds:", [f"{source.identifier.lower()}-{_TIME}"])
        elif kind == "manual":
            yield from fixed(names.arn("rds", f"{snapshot}:*"))
        elif kind == "backup":
            yield from fixed(names.arn("rds", f"{snapshot}:{_BACKUPS}*"))
        else:
            yield from names.named("rds", "cluster:", [source.identifier.lower()])


def _key(config: LakeConfig, names: Names) -> Iterator[Statement]:
    key = find_key(config.lake, names)
    assert key is not None, "config/lake_yaml.py refuses a database without a key"
    yield Statement(
        sid="LetExportsUseTheKey",
        reason="Create the grant with which RDS encrypts the export; the condition allows grants only to AWS services.",
        actions=("kms:CreateGrant",),
        resources=key.resources,
        conditions={**key.condition, "Bool": {"kms:GrantIsForAWSResource": "true"}},
    )
    yield Statement(
        sid="DescribeTheKey",
        reason="RDS checks the key before it begins an export.",
        actions=("kms:DescribeKey",),
        resources=key.resources,
        conditions=key.condition,
    )
