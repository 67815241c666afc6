"""Prunes one source: plans retention, orphans and changes together, then removes them.

    plan = plan_prune(config, source, exports, rds=…, lake=…, now=…, busy=…)     # removes nothing
    apply_prune(lake, plan, busy=…, log=print)

The command line and Dagster both use it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import date, datetime

from rds_lake.aws.rds import RdsGateway
from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.config.source import SourceSettings
from rds_lake.model.lake.deletable import Deletable
from rds_lake.stages.lake.in_use import InUse
from rds_lake.stages.lake.lake import Lake
from rds_lake.stages.upkeep.changes import ChangesPlan, apply_changes, plan_changes
from rds_lake.stages.upkeep.folders import Exports
from rds_lake.stages.upkeep.orphan import Orphan, is_orphan_still, remove_orphan
from rds_lake.stages.upkeep.orphans import find_orphans
from rds_lake.stages.upkeep.own_exports import limited_to_source
from rds_lake.stages.upkeep.retention import (
    Busy,
    Removed,
    RetentionPlan,
    apply_retention,
    busy_by_marks,
    plan_retention,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PrunePlan:
    """What to remove of a source, and what is `left` to a person. Only `deletable` objects are removed.

    `source` and `now`: the input of the plan.
    """

    source: SourceSettings
    now: datetime
    retention: RetentionPlan
    changes: ChangesPlan
    orphans: tuple[Orphan, ...]
    left: tuple[Orphan, ...]
    deletable: Deletable

    @property
    def items(self) -> int:
        return len(self.retention.removals) + len(self.orphans) + len(self.changes.items)

    @property
    def bytes(self) -> int:
        return self.retention.bytes + sum(orphan.bytes for orphan in self.orphans) + self.changes.bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """What was removed."""

    plan: PrunePlan
    removed: Removed

    @property
    def bytes(self) -> int:
        return self.removed.bytes + sum(orphan.bytes for orphan in self.plan.orphans) + self.plan.changes.bytes


def plan_prune(
    config: LakeConfig,
    source: SourceSettings,
    exports: Exports,
    *,
    rds: RdsGateway,
    lake: Lake,
    now: datetime,
    busy: Collection[date] = (),
) -> PrunePlan:
    """Returns what would be removed, as of `now`. `busy`: dates that runs work on, besides those marked in the lake."""
    lake = limited_to_source(lake, config, source, rds)
    in_use = {*busy, *busy_by_marks(lake.s3, lake.layout, source.name, now=now)}
    retention = plan_retention(lake, source, today=now.date(), busy=in_use)
    orphans = find_orphans(config, source, exports, rds=rds, lake=lake, now=now, busy=in_use)
    return PrunePlan(
        source=source,
        now=now,
        retention=retention,
        changes=plan_changes(lake, source, retention.kept.keys(), now=now),
        orphans=tuple(orphan for orphan in orphans if orphan.removable),
        left=tuple(orphan for orphan in orphans if not orphan.removable),
        deletable=lake.s3.deletable,
    )


def apply_prune(lake: Lake, plan: PrunePlan, *, busy: Busy, log: Callable[[str], None]) -> Pruned:
    """Carries out the plan, with one log line per item. It may be repeated after a crash.

    Raises ManifestError, at the end, if dates could not be removed because their manifests are damaged.
    """
    lake = replace(lake, s3=lake.s3.limited(plan.deletable), glue=lake.glue.limited(plan.retention.source))
    gone = tuple(orphan for orphan in plan.orphans if _removed(lake, orphan, busy, log))
    removed = apply_retention(lake, plan.retention, busy=busy, log=log)
    changes = apply_changes(lake, plan.source, plan.changes, now=plan.now, log=log)
    return Pruned(plan=replace(plan, orphans=gone, changes=changes), removed=removed)


def _removed(lake: Lake, orphan: Orphan, busy: Busy, log: Callable[[str], None]) -> bool:
    """Removes the item unless a run uses it or works on its date; returns whether it was removed."""
    with ExitStack() as stack:
        if orphan.day is not None:
            may_remove = stack.enter_context(InUse.of(lake, orphan.source).removal(orphan.day, log=log))
            if not may_remove or orphan.day in busy() or not is_orphan_still(lake, orphan):
                log(f"{orphan.source} {orphan.kind} {orphan.key} is in use now and is kept")
                return False
        remove_orphan(lake, orphan)
    log(f"{orphan.source} {orphan.kind} {orphan.key} is removed: {orphan.bytes:,} bytes; {orphan.why}")
    return True
