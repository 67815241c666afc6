"""`rds-lake publish` and `rds-lake rollback`: a person moves the views of a source.

`stages/publish/by_hand.py` decides whether they may move.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import date, datetime

from rds_lake.config.source import SourceSettings
from rds_lake.console.connect import Connected, has_dagster
from rds_lake.errors import PublishError
from rds_lake.stages.publish import by_hand
from rds_lake.stages.publish.move_views import Publication
from rds_lake.stages.publish.publisher import Publisher
from rds_lake.stages.streams.live.follow import beside
from rds_lake.stages.upkeep.own_exports import limited_to_source

Say = Callable[[str], None]


def publish(
    connected: Connected,
    name: str,
    day: date | None,
    *,
    accept_drop: bool,
    now: datetime,
    dagster_home: str | None,
    say: Say,
) -> None:
    """Publish the date, or the newest date that `publish: manual` holds."""
    source = _source(connected, name)
    outcome = by_hand.approve(_publisher(connected, source, now, say), day, accept_drop=accept_drop)
    _report(source, outcome, say)
    _record(connected, source, outcome, dagster_home, how="rds-lake publish")


def rollback(connected: Connected, name: str, day: date, *, now: datetime, dagster_home: str | None, say: Say) -> None:
    """Move the views back to the date."""
    source = _source(connected, name)
    outcome = by_hand.roll_back(_publisher(connected, source, now, say), day)
    _report(source, outcome, say)
    say(f"existing runs of newer dates do not move the views again; to move them: rds-lake publish {name} DATE")
    _record(connected, source, outcome, dagster_home, how="rds-lake rollback")


def _source(connected: Connected, name: str) -> SourceSettings:
    source = connected.config.source(name)
    if not source.athena:
        raise PublishError(f"{name} has `athena: false` in lake.yaml, so it has no views to move")
    return source


def _publisher(connected: Connected, source: SourceSettings, now: datetime, say: Say) -> Publisher:
    lake = limited_to_source(connected.lake, connected.config, source, connected.rds)
    return Publisher(lake=lake, source=source, now=now, log=say, beside=beside(lake, source, say), sleep=time.sleep)


def _report(source: SourceSettings, outcome: Publication, say: Say) -> None:
    dropped = (
        f"; dropped, since {outcome.latest} does not have these tables: {', '.join(outcome.dropped)}"
        if outcome.dropped
        else ""
    )
    say(f"readers of {source.name} see {outcome.latest}{dropped}")


def _record(connected: Connected, source: SourceSettings, outcome: Publication, home: str | None, *, how: str) -> None:
    if has_dagster(home, otherwise="assets downstream of the source are not started"):
        from rds_lake.console.tell_dagster import tell_published  # imports Dagster, which takes a second

        tell_published(connected, source, outcome, how=how)
