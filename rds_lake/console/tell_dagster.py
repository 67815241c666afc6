"""Records in Dagster what a command of `rds-lake` did.

What belongs here: opening the instance of DAGSTER_HOME, and the error if that fails after the views have moved.
`defs/reports.py` makes the events.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import dagster as dg
from sqlalchemy.exc import SQLAlchemyError

from rds_lake.config.source import SourceSettings
from rds_lake.console.connect import Connected
from rds_lake.defs import reports
from rds_lake.defs.keys import StageKeys
from rds_lake.errors import PublishError
from rds_lake.stages.lake.known_tables import find_known_tables
from rds_lake.stages.publish.move_views import Publication
from rds_lake.stages.publish.published_dates import published_dates


def tell_published(connected: Connected, source: SourceSettings, publication: Publication, *, how: str) -> int:
    """Record in Dagster the date that a person published or rolled back to. Returns how many assets were recorded."""
    keys = StageKeys.of(source, find_known_tables(connected.config, source))

    def events(_: dg.DagsterInstance) -> Iterator[dg.AssetMaterialization]:
        yield from reports.published(connected.lake, source, keys, publication, how=how)
        yield from reports.decided(source, publication, how=how)

    return _tell(events)


def tell_missing(connected: Connected, source: SourceSettings) -> int:
    """Record in Dagster the published dates that its table assets lack. Returns how many there were."""
    keys = StageKeys.of(source, find_known_tables(connected.config, source))
    dates = published_dates(connected.lake, source) if source.athena else {}
    return _tell(lambda instance: reports.missing(instance, connected.config, keys, dates))


def _tell(events: Callable[[dg.DagsterInstance], Iterable[dg.AssetMaterialization]]) -> int:
    count = 0
    try:
        with dg.DagsterInstance.get() as instance:
            for event in events(instance):
                instance.report_runless_asset_event(event)
                count += 1
    except (dg.DagsterError, SQLAlchemyError, OSError) as error:
        raise PublishError(
            f"the command succeeded, but the Dagster in DAGSTER_HOME did not record it ({error}); make Dagster reachable and "
            "run `rds-lake refresh`, which records it"
        ) from error
    return count
