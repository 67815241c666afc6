"""The checks of `<source>/changes`: the changes are shown, snapshots agree with them, the outbox is emptied. None stops a run.

What belongs here: turning a turn's findings into check results. Finding them is `stages/streams/`.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import dagster as dg

from rds_lake.config.database import Database
from rds_lake.defs import metadata
from rds_lake.defs.keys import CHANGES, own_key
from rds_lake.model.words import counted

if TYPE_CHECKING:
    from rds_lake.stages.streams.health import WatchedOutbox
    from rds_lake.stages.streams.live.turn import Turn

SHOWN, DRIFT, EMPTIED = "changes_are_shown", "snapshot_agrees_with_changes", "outbox_is_emptied"

_DESCRIPTIONS = {
    SHOWN: "Every captured table has its live view, and every captured value could be read.",
    DRIFT: "The published snapshot equals the snapshot before it with the captured changes in between.",
    EMPTIED: "No change waits in the outbox for longer than `streams.alarm_minutes`.",
}


def specs(source: Database) -> list[dg.AssetCheckSpec]:
    """Returns the three checks of captured changes; the one of the outbox only with `streams.secret`."""
    names = [SHOWN, DRIFT, *([EMPTIED] if _is_watched(source) else [])]
    return [
        dg.AssetCheckSpec(name, asset=own_key(source, CHANGES), description=_DESCRIPTIONS[name], blocking=False)
        for name in names
    ]


def results(source: Database, turn: "Turn", watched: "Sequence[WatchedOutbox]") -> list[dg.AssetCheckResult]:
    """Returns the check results of a turn."""
    check_results = [
        _result(source, SHOWN, turn.problems, none="every captured table has a live view"),
        _drift(source, turn),
    ]
    if _is_watched(source):
        alarms = [outbox.alarm for outbox in watched if outbox.alarm]
        seen = "; ".join(map(str, watched))
        check_results.append(_result(source, EMPTIED, alarms, none=seen, severity=dg.AssetCheckSeverity.ERROR))
    return check_results


def _is_watched(source: Database) -> bool:
    """Whether the source has an outbox that can be read."""
    return bool(source.outbox_tables and source.streams and source.streams.secret)


def _drift(source: Database, turn: "Turn") -> dg.AssetCheckResult:
    drift = turn.drift
    if drift is None:
        return _result(
            source, DRIFT, (), none="not compared yet: some changes from before the snapshot have not arrived"
        )
    if drift.not_compared:
        return _result(source, DRIFT, (), none=f"{drift.after} was not compared: {drift.not_compared}")
    return _result(
        source, DRIFT, drift.problems, none=f"{counted(drift.compared, 'table')}, {drift.before} to {drift.after}"
    )


def _result(
    source: Database,
    name: str,
    problems: Sequence[str],
    *,
    none: str,
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.WARN,
) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        asset_key=own_key(source, CHANGES),
        check_name=name,
        passed=not problems,
        severity=severity,
        description="; ".join(problems[:3]) if problems else none,
        metadata=metadata.problems(problems),
    )
