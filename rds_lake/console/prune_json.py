"""The output of `rds-lake prune --json`. Its schema is `console/schemas/prune.py`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from rds_lake.console.schemas.prune import VERSION
from rds_lake.stages.upkeep.prune import Pruned, PrunePlan

_RULE = "`retention:` does not keep it"


def prune_json(plans: Sequence[PrunePlan], done: Mapping[str, Pruned] | None) -> str:
    """Returns the JSON object. `done`: what was removed, by source; None without `--apply`.

    Of a source whose removal ended with an error, it is not known what is left: its items stay `removable`.
    """
    body = {
        "version": VERSION,
        "applied": done is not None,
        "removable_bytes": sum(plan.bytes for plan in plans),
        "removed_bytes": sum(pruned.bytes for pruned in (done or {}).values()),
        "sources": [_source(plan, (done or {}).get(plan.retention.source)) for plan in plans],
    }
    return json.dumps(body, ensure_ascii=False, indent=1)


def _source(plan: PrunePlan, done: Pruned | None) -> dict[str, Any]:
    problems = [*plan.retention.damaged, *([plan.changes.problem] if plan.changes.problem else [])]
    return {
        "source": plan.retention.source,
        "has_retention": plan.source.retention is not None,
        "kept": [{"date": day.isoformat(), "why": why} for day, why in sorted(plan.retention.kept.items())],
        "items": [*_dates(plan, done), *_leftovers(plan, done), *_changes(plan, done)],
        "problems": problems,
    }


def _dates(plan: PrunePlan, done: Pruned | None) -> list[dict[str, Any]]:
    gone = None if done is None else set(done.removed.dates)
    return [
        _item(
            "date", removal.snapshot_date.isoformat(), removal.manifest.bytes, _RULE, _fate(removal.snapshot_date, gone)
        )
        for removal in plan.retention.removals
    ]


def _leftovers(plan: PrunePlan, done: Pruned | None) -> list[dict[str, Any]]:
    gone = None if done is None else {(leftover.kind, leftover.bucket, leftover.key) for leftover in done.plan.orphans}
    fates = [(leftover, _fate((leftover.kind, leftover.bucket, leftover.key), gone)) for leftover in plan.orphans]
    return [
        _item(leftover.kind, leftover.key, leftover.bytes, leftover.why, fate)
        | {"age_days": round(leftover.age.total_seconds() / 86400, 2)}
        for leftover, fate in (*fates, *((leftover, "stays") for leftover in plan.left))
    ]


def _changes(plan: PrunePlan, done: Pruned | None) -> list[dict[str, Any]]:
    gone = None if done is None else {(item.what, item.where) for item in done.plan.changes.items}
    return [
        _item(item.what, item.where, item.bytes, item.why, _fate((item.what, item.where), gone))
        for item in plan.changes.items
    ]


def _item(what: str, where: str, size: int, why: str, fate: str) -> dict[str, Any]:
    return {"what": what, "where": where, "bytes": size, "age_days": None, "why": why, "fate": fate}


def _fate(leftover: object, gone: set[Any] | None) -> str:
    return "removable" if gone is None else "removed" if leftover in gone else "stays"
