"""The databases of `kind: rds` and `kind: aurora`: whether AWS has them, and can export them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rds_lake.config.database import Aurora, Database
from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.infra.doctor.findings import Examination, Row, Seen, bad, doubtful, good
from rds_lake.infra.doctor.patient import Patient
from rds_lake.infra.doctor.subjects.credentials import ACCOUNT
from rds_lake.model.words import counted

EXISTS = Row(
    id="source.exists",
    looks_at="The instance or cluster of `identifier` is in this account and Region.",
    remedy="correct `identifier` or `kind` of the source in lake.yaml, or the Region",
)
EXPORTABLE = Row(
    id="source.exportable",
    looks_at="AWS can export it: its engine is PostgreSQL, MySQL or MariaDB (or Aurora's), it is not Aurora Serverless v1, "
    "and its storage is not magnetic.",
    remedy="move the database to an engine, class and storage whose snapshots AWS exports",
)
BACKUPS = Row(
    id="source.backups",
    looks_at="Automated backups, and so point-in-time recovery, are on if `snapshots:` names automated.",
    remedy="set the backup retention period of the database to one day or more, or list other kinds under `snapshots:`",
)
AVAILABLE = Row(
    id="source.available",
    looks_at="The database is running: a stopped database gets no new automated snapshots.",
    remedy="start the database, or expect no new dates until it runs",
)
ROWS = (EXISTS, EXPORTABLE, BACKUPS, AVAILABLE)
# https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ExportSnapshot.html, and for clusters
# https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora-export-snapshot.html
_ENGINES = {"postgres", "mysql", "mariadb", "aurora-postgresql", "aurora-mysql", "aurora"}
_MISSING = ("DBInstanceNotFound", "DBInstanceNotFoundFault", "DBClusterNotFoundFault")
_MODES = ("provisioned", "")
_NOT_RUNNING = ("stopped", "stopping", "failed", "storage-full", "inaccessible-encryption-credentials", "restore-error")


def examinations(config: LakeConfig) -> Iterator[Examination]:
    """Returns four rows for each database."""
    for source in config.databases:
        exists = ((EXISTS.id, source.name),)
        yield Examination(row=EXISTS, about=source.name, look=_looking(source, _exists), after=((ACCOUNT.id, ""),))
        yield Examination(row=EXPORTABLE, about=source.name, look=_looking(source, _exportable), after=exists)
        yield Examination(row=BACKUPS, about=source.name, look=_looking(source, _backups), after=exists)
        yield Examination(row=AVAILABLE, about=source.name, look=_looking(source, _available), after=exists)


def _looking(source: Database, look: Any) -> Any:
    return lambda patient: look(source, _found(patient, source))


def _found(patient: Patient, source: Database) -> dict[str, Any] | None:
    """Returns RDS's description of the instance or cluster; None if it does not exist."""
    is_cluster = isinstance(source, Aurora)
    operation, key, items = (
        ("describe_db_clusters", "DBClusterIdentifier", "DBClusters")
        if is_cluster
        else ("describe_db_instances", "DBInstanceIdentifier", "DBInstances")
    )
    answer = patient.ask("rds", operation, about=source.identifier, missing=_MISSING, **{key: source.identifier})
    return answer[items][0] if answer and answer[items] else None


def _exists(source: Database, database: dict[str, Any] | None) -> Seen:
    what = "cluster" if isinstance(source, Aurora) else "DB instance"
    if database is None:
        return bad(f"the {what} {source.identifier} does not exist in this account and Region")
    if not isinstance(source, Aurora) and database.get("DBClusterIdentifier"):
        return bad(
            f"{source.identifier} is a member of the cluster {database['DBClusterIdentifier']}, which has the snapshots",
            f"write `kind: aurora` and `identifier: {database['DBClusterIdentifier']}` in lake.yaml",
        )
    return good(f"{what} {source.identifier}: {database.get('Engine')} {database.get('EngineVersion', '')}".rstrip())


def _exportable(source: Database, database: dict[str, Any] | None) -> Seen:
    known = database or {}
    engine, mode, storage = known.get("Engine", ""), known.get("EngineMode") or "", known.get("StorageType") or ""
    if engine not in _ENGINES:
        return bad(f"AWS does not export snapshots of {engine or 'an unknown engine'}")
    if mode not in _MODES:
        return bad(f"AWS does not export snapshots of clusters in the mode {mode} (Aurora Serverless v1 and others)")
    if storage == "standard" and not isinstance(source, Aurora):
        return bad("AWS does not export snapshots of magnetic storage", "change the storage type to gp3")
    return good(f"{engine}, {known.get('DBInstanceClass') or mode or 'a cluster'}")


def _backups(source: Database, database: dict[str, Any] | None) -> Seen:
    days = (database or {}).get("BackupRetentionPeriod", 0)
    if "automated" not in source.snapshots:
        return good(f"`snapshots: [{', '.join(source.snapshots)}]` needs no automated backups")
    if not days:
        return bad("automated backups are off (retention period 0): there will be no automated snapshot to export")
    return good(f"kept for {counted(days, 'day')}, with point-in-time recovery")


def _available(_: Database, database: dict[str, Any] | None) -> Seen:
    known = database or {}
    status = str(known.get("DBInstanceStatus") or known.get("Status") or "")
    return doubtful(f"its status is {status}") if status in _NOT_RUNNING else good(f"its status is {status}")
