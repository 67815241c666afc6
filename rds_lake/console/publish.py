"""`rds-lake publish` and `rds-lake rollback`: a person moves the views of a source.

What belongs here: asking for it and saying what happened. Whether it may be done is `stages/publish/by_hand.py`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import date, datetime

from rds_lake.config.source import SourceSettings
from rds_lake.console.connect import Connected
from rds_lake.errors import PublishError
from rds_lake.stages.publish import by_hand
from rds_lake.stages.publish.publisher import Publication, Publisher
from rds_lake.stages.upkeep.own_exports import limited_to_source


def publish(
    connected: Connected,
    name: str,
    day: date | None,
    *,
    accept_drop: bool,
    now: datetime,
    say: Callable[[str], None],
) -> Publication:
    """Publish the date, or the newest that waits."""
    source = _source(connected, name)
    outcome = by_hand.approve(_publisher(connected, source, now, say), day, accept_drop=accept_drop)
    _tell(source, outcome, say)
    return outcome


def rollback(connected: Connected, name: str, day: date, *, now: datetime, say: Callable[[str], None]) -> Publication:
    """Go back to the date."""
    source = _source(connected, name)
    outcome = by_hand.roll_back(_publisher(connected, source, now, say), day)
    _tell(source, outcome, say)
    say(f"runs of newer dates that exist by now do not move them again; to do that: rds-lake publish {name} DATE")
    return outcome


def _source(connected: Connected, name: str) -> SourceSettings:
    source = connected.config.source(name)
    if not source.athena:
        raise PublishError(f"{name} has `athena: false`: it ends at its Parquet and has no views to move")
    return source


def _publisher(connected: Connected, source: SourceSettings, now: datetime, say: Callable[[str], None]) -> Publisher:
    lake = limited_to_source(connected.lake, connected.config, source, connected.rds)
    return Publisher(lake=lake, source=source, now=now, log=say, sleep=time.sleep)


def _tell(source: SourceSettings, outcome: Publication, say: Callable[[str], None]) -> None:
    dropped = (
        f"; dropped, as {outcome.latest} does not have them: {', '.join(outcome.dropped)}" if outcome.dropped else ""
    )
    say(f"readers of {source.name} see {outcome.latest}{dropped}")
