"""A lake whose tables change from date to date: the verbs of the tests of schema evolution."""

from datetime import UTC, date, datetime

from rds_lake.model.tables.evolution import Kind
from rds_lake.stages.source.outcomes import Catalogued
from rds_lake_tests.support.world import World, execute


def day(world: World, when: str, *statements: str, hour: int = 3) -> dict[str, list[Kind]]:
    """The statements, a snapshot, everything published; what changed in which table."""
    for statement in statements:
        execute(world.url, statement)
    world.snapshot(when, hour=hour)
    run, at = world.run(), date.fromisoformat(when)
    run.accept(at, poll_seconds=0.05)
    run.relocate(at)
    changed = changes(run.shared.catalogue(at))
    run.shared.publish(at, now=datetime.now(UTC))
    return changed


def changes(outcome: Catalogued) -> dict[str, list[Kind]]:
    return {sync.named.names.view: [change.kind for change in sync.changes] for sync in outcome.synced if sync.changes}


def per_date(world: World, expression: str, raw: str) -> list[tuple[str | None, ...]]:
    return world.query(f"SELECT snapshot_date, {expression} FROM {raw} GROUP BY 1 ORDER BY 1")


def columns(world: World, view: str) -> list[str]:
    """The view's columns with their types, in order."""
    return [
        f"{name} {kind}"
        for name, kind in world.query(
            f"SELECT column_name, data_type FROM information_schema.columns WHERE table_name = '{view}' "
            "ORDER BY ordinal_position"
        )
        if name and kind
    ]
