"""Checks in Dagster whose newest result did not pass, for the report.

Checks of age and of incidents are left out: the report has these from the lake, or from the run of the incident.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import dagster as dg

from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.config.source import SourceSettings
from rds_lake.defs.checks import changes, results
from rds_lake.defs.checks.published import READABLE
from rds_lake.defs.checks.verify import VERIFIED
from rds_lake.defs.keys import Stage, stage_key

_LOOKED_BACK = timedelta(days=7)
_LOOKED_AT = 20  # maximum of results of a check, newest first


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedCheck:
    """One check. `severe`: readers may see wrong data; `said`: the result's description, with the date."""

    name: str
    said: str
    severe: bool

    def __str__(self) -> str:
        return f"check `{self.name}` did not pass: {self.said}"


def failed_checks(
    instance: dg.DagsterInstance, config: LakeConfig, *, now: datetime
) -> Mapping[str, Sequence[FailedCheck]]:
    """Returns, by source, checks whose newest result failed within the last seven days."""
    sources = {key: source.name for source in config.sources for key in _keys(config, source)}
    failed_by_source: dict[str, list[FailedCheck]] = defaultdict(list)
    for key, source in sources.items():
        if failed := _newest(instance, key, now - _LOOKED_BACK):
            failed_by_source[source].append(failed)
    return failed_by_source


def _newest(instance: dg.DagsterInstance, key: dg.AssetCheckKey, since: datetime) -> FailedCheck | None:
    """Returns the check if its newest result did not pass; a check that a failed run never reached has no result."""
    records = instance.event_log_storage.get_asset_check_execution_history(key, limit=_LOOKED_AT)
    for event in (record.event for record in records if record.event):
        evaluated = event.asset_check_evaluation
        if evaluated is None:
            continue
        if evaluated.passed or event.timestamp < since.timestamp():
            return None
        said = (evaluated.description or "see the check in Dagster").splitlines()[0]
        return FailedCheck(name=key.name, said=said, severe=evaluated.severity is dg.AssetCheckSeverity.ERROR)
    return None


def _keys(config: LakeConfig, source: SourceSettings) -> Iterator[dg.AssetCheckKey]:
    stages = [stage for stage in Stage if source.athena or stage is not Stage.CATALOG]
    yield from (spec.key for stage in stages for spec in results.specs(config, source, stage))
    if source.athena:
        yield dg.AssetCheckKey(stage_key(source, Stage.CATALOG), READABLE)
    for database in config.databases:
        if database.name == source.name:
            if database.verify:
                yield dg.AssetCheckKey(stage_key(source, Stage.PARQUET), VERIFIED)
            if database.streams:
                yield from (spec.key for spec in changes.specs(database))
