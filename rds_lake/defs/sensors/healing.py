"""Finds runs that failed because an AWS service was unavailable, and requests them again (`stages/runs/healing.py`).

It also finds runs that Dagster should have retried but missed: its daemon may read a failure between the two writes that
record it, skip the run, and never retry it. No mail was sent for such a run, as it had to be retried.

One list of failed runs serves all sources; the events of a failed run are read once, as they never change.

What belongs here: which of Dagster's failed runs these are, and the request. `stages/runs/healing.py` decides when one is due.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import dagster as dg

from rds_lake.defs import metadata
from rds_lake.defs.keys import Keys
from rds_lake.defs.orders import given_orders, is_repeated_by_person, labels_of, repeated_orders
from rds_lake.defs.sensors.requests import priority_tags
from rds_lake.defs.translate import DagsterTag, Tag
from rds_lake.stages.runs.healing import Ended

# A daemon that was down for days still retries runs that failed before.
_LOOKED_BACK = timedelta(days=7)
_LOOKED_AT = 500
_REMEMBERED = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Healer:
    """Finds failed runs of these sources' assets; caches each run's failure for the life of the process."""

    keys: Keys
    _heals: dict[str, bool] = field(default_factory=dict, init=False, repr=False)
    _followed: dict[str, None] = field(default_factory=dict, init=False, repr=False)  # failed runs before a later run
    _asked: Counter[str] = field(default_factory=Counter, init=False, repr=False)  # failed runs by number of requests

    def due(
        self, instance: dg.DagsterInstance, *, now: datetime, most: int, is_late: Callable[[], bool] = lambda: False
    ) -> list[dg.RunRequest]:
        """Returns requests for dates whose last run failed like that and whose pause is over, oldest failure first.

        `most`: how many; `is_late`: whether the tick's time is over. An outage may have failed hundreds of runs, and a date may
        have thousands. What was read is remembered, and what was requested comes last, so that later ticks reach all of them
        even if a requested run never begins, as somebody deleted it.
        """
        failed = dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE], updated_after=now - _LOOKED_BACK)
        newest: dict[tuple[tuple[str, ...], str], dg.RunRecord] = {}
        for record in instance.get_run_records(failed, limit=_LOOKED_AT):  # the newest come first
            if self.is_ours(record.dagster_run):
                newest.setdefault(_date_of(record.dagster_run), record)
        left = {r.dagster_run.run_id: r for r in newest.values() if r.dagster_run.run_id not in self._followed}
        begun = _Begun(instance, since=min((record.create_timestamp for record in left.values()), default=now))
        requests: list[dg.RunRequest] = []
        for run, record in sorted(left.items(), key=lambda item: (self._asked[item[0]], item[1].end_time or 0)):
            if len(requests) >= most or is_late():
                break
            if not self._is_due(instance, record, now):
                continue
            if begun.is_last(record):
                self._asked[run] += 1
                requests.append(self._request(record.dagster_run))
            else:
                self._followed[run] = None
        return requests

    def end_of(self, instance: dg.DagsterInstance, run: dg.DagsterRun) -> Ended:
        """Returns how a failed run ended."""
        heals = self.is_ours(run) and (will_retry(run) or self._has_healing_end(instance, run.run_id))
        return Ended(heals=heals, tries=_tries(run))

    def is_ours(self, run: dg.DagsterRun) -> bool:
        """Whether the run is of one date and only of these sources' assets, so that it can be requested again."""
        selected = run.asset_selection or set()
        own = {key for source in _sources(run) if source in self.keys for key in self.keys[source].whole}
        return bool(selected) and selected <= own and DagsterTag.PARTITION in run.tags

    def _is_due(self, instance: dg.DagsterInstance, record: dg.RunRecord, now: datetime) -> bool:
        at = datetime.fromtimestamp(record.end_time, tz=UTC) if record.end_time else now - _LOOKED_BACK
        return self.end_of(instance, record.dagster_run).is_due(at=at, now=now)

    def _has_healing_end(self, instance: dg.DagsterInstance, run_id: str) -> bool:
        if run_id not in self._heals:
            if len(self._heals) >= _REMEMBERED:
                self._heals.clear()
                self._followed.clear()
                self._asked.clear()
            ends = [bool(metadata.of_failure(event, metadata.HEALS)) for event in step_failures(instance, run_id)]
            self._heals[run_id] = bool(ends) and all(ends)
        return self._heals[run_id]

    def _request(self, run: dg.DagsterRun) -> dg.RunRequest:
        """Returns a request for the same run: same assets, same date, same orders."""
        selected, sources = run.asset_selection or set(), _sources(run)
        tags, tries = labels_of(run), _tries(run) + 1
        if len(sources) == 1:
            tags[Tag.SOURCE.value] = sources[0]
        # A run that a person launched gets a high priority, as its date has waited long enough.
        place = priority_tags("settle", 0) | {n: v for n, v in run.tags.items() if n == DagsterTag.PRIORITY}
        return dg.RunRequest(
            run_key=f"again:{run.run_id}",
            partition_key=run.tags[DagsterTag.PARTITION],
            asset_selection=[key for source in sources for key in self.keys[source].whole if key in selected],
            run_config=repeated_orders(run, {source: self.keys[source] for source in sources}, tries=tries),
            tags=place | tags | {Tag.TRIES.value: str(tries)},
        )


def will_retry(run: dg.DagsterRun) -> bool:
    """Whether Dagster itself will retry the failed run (`run_retries` in dagster.yaml)."""
    return run.tags.get(DagsterTag.WILL_RETRY, "").lower() == "true"


def _tries(run: dg.DagsterRun) -> int:
    """Returns how often the work was retried before this run; 0 if a person started it again."""
    return 0 if is_repeated_by_person(run) else given_orders(run).tries


def step_failures(instance: dg.DagsterInstance, run_id: str) -> Iterator[dg.DagsterEvent]:
    """Yields the failures of a run's steps."""
    for record in instance.get_records_for_run(run_id, of_type=dg.DagsterEventType.STEP_FAILURE).records:
        event = record.event_log_entry.dagster_event
        if event is not None:
            yield event


def error_name(event: dg.DagsterEvent) -> str | None:
    """Returns the class name of rds-lake's error that failed the step; None for other errors."""
    name = metadata.of_failure(event, metadata.ERROR)
    return None if name is None else str(name)


def _sources(run: dg.DagsterRun) -> tuple[str, ...]:
    return tuple(sorted({key.path[0] for key in run.asset_selection or ()}))


def _date_of(run: dg.DagsterRun) -> tuple[tuple[str, ...], str]:
    return _sources(run), run.tags[DagsterTag.PARTITION]


@dataclass(frozen=True, slots=True)
class _Begun:
    """When the last run of each source and date began, read once for a date: its runs are those of all sources."""

    instance: dg.DagsterInstance
    since: datetime
    _newest: dict[str, dict[str, datetime]] = field(default_factory=dict)

    def is_last(self, record: dg.RunRecord) -> bool:
        """Whether no later run of the source's date began, which would do the same work."""
        sources, day = _date_of(record.dagster_run)
        if day not in self._newest:
            self._newest[day] = self._read(day)
        newest = (self._newest[day].get(source, record.create_timestamp) for source in sources)
        return all(began <= record.create_timestamp for began in newest)

    def _read(self, day: str) -> dict[str, datetime]:
        newest: dict[str, datetime] = {}
        runs = dg.RunsFilter(tags={DagsterTag.PARTITION.value: day}, created_after=self.since)
        for record in self.instance.get_run_records(runs):  # the newest first
            for key in record.dagster_run.asset_selection or ():
                newest.setdefault(key.path[0], record.create_timestamp)
        return newest
