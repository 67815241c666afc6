"""Record in Dagster what a command did, so that its UI shows it and what depends on the tables' assets starts.

Which events are recorded is `defs/telling.py`. The views have moved by the time they are recorded, so an instance that cannot
be reached is an error with a next step, and never undoes the command.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import dagster as dg
from sqlalchemy.exc import SQLAlchemyError

from rds_lake.config.source import SourceSettings
from rds_lake.console.connect import Connected
from rds_lake.defs import telling
from rds_lake.errors import PublishError
from rds_lake.stages.lake.known_tables import find_known_tables
from rds_lake.stages.publish.published_dates import published_dates
from rds_lake.stages.publish.publisher import Publication


def record_published(connected: Connected, source: SourceSettings, publication: Publication, *, how: str) -> int:
    """Record that a person published a date or rolled back to it; returns the number of events."""
    known = find_known_tables(connected.config, source)

    def events(_: dg.DagsterInstance) -> Iterator[dg.AssetMaterialization]:
        yield from telling.published(connected.lake, source, known, publication, how=how)
        yield from telling.decided(source, publication, how=how)

    return _record(events)


def record_missing(connected: Connected, source: SourceSettings) -> int:
    """Record the published dates that the assets of a source's tables do not show; returns their number."""
    known = find_known_tables(connected.config, source) or ()
    dates = published_dates(connected.lake, source) if source.athena else {}
    return _record(lambda instance: telling.missing(instance, connected.config, source, known, dates))


def _record(events: Callable[[dg.DagsterInstance], Iterable[dg.AssetMaterialization]]) -> int:
    count = 0
    try:
        with dg.DagsterInstance.get() as instance:
            for event in events(instance):
                instance.report_runless_asset_event(event)
                count += 1
    except (dg.DagsterError, SQLAlchemyError, OSError) as error:
        raise PublishError(
            f"the command itself is done, but could not be recorded in the Dagster of DAGSTER_HOME ({error}); make it "
            "reachable and run `rds-lake refresh`, which records it"
        ) from error
    return count
