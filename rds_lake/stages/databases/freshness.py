"""Freshness: whether a source still has new snapshots.

What belongs here: how old the newest state is, and when that is too old. It is used by `reconcile.py` and the source's check.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from rds_lake.aws.denied import is_denied
from rds_lake.aws.rds import RdsGateway
from rds_lake.config.database import Database
from rds_lake.config.lake_yaml import LakeConfig, first_date
from rds_lake.errors import AwsError
from rds_lake.model.aws.arn import Exportable, exportable
from rds_lake.model.aws.snapshot import Snapshot
from rds_lake.model.exports.completeness import check_date
from rds_lake.model.exports.task import ExportStatus
from rds_lake.stages.databases.plan import ExportPlan, export_plan
from rds_lake.stages.lake.lake import Lake
from rds_lake.stages.lake.manifest_head import find_head
from rds_lake.stages.lake.pointer import find_pointer
from rds_lake.stages.runs.wanted import WantedIncident


@dataclass(frozen=True, slots=True, kw_only=True)
class Since:
    """The time from which freshness counts. `doubt`: why an alarm based on it may be false; empty if it cannot be."""

    at: datetime
    doubt: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """A source as reconciliation needs it."""

    plan: ExportPlan
    first_date: date
    freshness: timedelta | None


def watch(config: LakeConfig, source: Database) -> Watched:
    """Returns the source's settings for watching it."""
    return Watched(plan=export_plan(config, source), first_date=first_date(config, source), freshness=source.freshness)


def find_live(rds: RdsGateway, plan: ExportPlan, *, now: datetime) -> Snapshot | None:
    """Returns the live cluster of a source that exports it, or None."""
    return rds.find_cluster(plan.identifier, now=now) if plan.exports_live else None


def newest_state(rds: RdsGateway, snapshots: Sequence[Snapshot], live: Snapshot | None) -> datetime | None:
    """Returns the time of the newest state of the database that has a snapshot or a live export."""
    moments = [s.created_at for s in snapshots if s.status == "available" and not s.unknown_origin]
    if live is not None:
        tasks = rds.list_export_tasks(source_arn=live.arn)
        moments += [t.snapshot_time for t in tasks if t.snapshot_time and t.status is ExportStatus.COMPLETE]
    return max(moments, default=None)


def find_staleness(rds: RdsGateway, watched: Watched, *, now: datetime) -> str | None:
    """Returns why the source is stale now, or None."""
    plan = watched.plan
    if watched.freshness is None:
        return None
    snapshots = rds.list_snapshots(plan.snapshot_about, plan.identifier, plan.snapshot_kinds)
    newest = newest_state(rds, snapshots, find_live(rds, plan, now=now))
    return stale_reason(watched, newest, now=now, since=waiting_since(rds, watched, newest, now=now))


def waiting_since(rds: RdsGateway, watched: Watched, newest: datetime | None, *, now: datetime) -> Since:
    """Returns the time from which freshness counts: the newest snapshot, or the earliest possible one.

    That is the source's first date, or the creation of the database if it is later. AWS is called for the creation only if it
    matters. If a policy of an earlier release does not allow that call, the only risk is a false alarm.
    """
    if newest is not None:
        return Since(at=newest)
    first = datetime.combine(watched.first_date, datetime.min.time(), UTC)
    if watched.freshness is None or now - first <= watched.freshness:
        return Since(at=first)
    try:
        made = rds.find_created(watched.plan.snapshot_about, watched.plan.identifier)
    except AwsError as error:
        if not is_denied(error.code):
            raise
        return Since(
            at=first,
            doubt=f"; if the database was created after that, this is a false alarm (its creation time could not be read: {error})",
        )
    return Since(at=max(first, made) if made else first)


def find_misdated(rds: RdsGateway, lake: Lake, source: Database) -> str | None:
    """Returns why the published data is older than its date, or None: earlier releases filed a copy under the date of copying."""
    pointer = find_pointer(lake.s3, lake.layout, source.name)
    head = find_head(lake.s3, lake.layout, source.name, pointer.snapshot_date) if pointer else None
    if head is None:
        return None
    about, _ = exportable(head.export.snapshot_arn)
    snapshot = None if about is Exportable.CLUSTER else rds.find_snapshot(about, head.export.snapshot_arn)
    finding = check_date(snapshot, head.snapshot_date) if snapshot else None
    return f"readers see {head.snapshot_date}, but {finding.problem}" if finding else None


def stale_reason(watched: Watched, newest: datetime | None, *, now: datetime, since: Since | None = None) -> str | None:
    """Returns why the source is stale, or None. `since`: from `waiting_since`; by default the source's first date."""
    if watched.freshness is None:
        return None
    since = since or Since(at=newest or datetime.combine(watched.first_date, datetime.min.time(), UTC))
    if now - since.at <= watched.freshness:
        return None
    kinds = " or ".join(watched.plan.kinds)
    last = f"the newest is from {since.at:%Y-%m-%d %H:%M} UTC" if newest else "there is none at all"
    hours = watched.freshness.total_seconds() / 3600
    return f"{watched.plan.identifier} has no {kinds} snapshot in the last {hours:g} h: {last}{since.doubt}"


def stale_incident(plan: ExportPlan, newest: datetime | None, reason: str) -> WantedIncident:
    """Returns one incident per newest snapshot: it is mailed once, and again only after a newer snapshot became stale."""
    return WantedIncident(
        key=f"stale:{plan.source}:{newest.isoformat() if newest else 'never'}",
        source=plan.source,
        what="no new snapshot",
        cause=reason,
        next_step=(
            f"Find out why the {plan.noun} has no new snapshots (backup window, retention 0, a failing AWS Backup plan, an "
            "`identifier` in lake.yaml that no longer exists). The published date stays published."
        ),
    )
