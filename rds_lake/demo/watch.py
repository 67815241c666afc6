"""Watches Dagster: which stages of a source and date are done, and since when.

Reads Dagster's own event log and AWS's answers; nothing here drives the pipeline.
Printing is `story.py` and `report.py`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date

import dagster as dg

from rds_lake.aws.s3.gateway import S3Gateway
from rds_lake.config.source import SourceSettings
from rds_lake.demo.stack import Stack
from rds_lake.errors import RdsLakeError
from rds_lake.model.lake.layout import LakeLayout
from rds_lake.stages.lake.pointer import find_pointer

_FAILED = (dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A finished stage: its name for a person, and when it ended (seconds since the epoch)."""

    name: str
    at: float


@dataclass(slots=True)
class DayWatch:
    """The steps of one snapshot date as they happen."""

    stack: Stack
    source: SourceSettings
    instance: dg.DagsterInstance
    day: date
    snapshot_arn: str
    clock: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep

    def steps(self, timeout_seconds: float) -> Iterator[Step | str]:
        """Yield a Step for each finished stage, and a status line in between, until the date is published.

        Raises RdsLakeError if a run fails, or if no step ends within `timeout_seconds`; a slow machine only takes longer.
        """
        waiting = {
            "export started by the snapshot event": self._export_started,
            "AWS wrote the Parquet": self._export_complete,
            "export inspected: complete": lambda: self._materialized("snapshot_export"),
            "relocated and verified": lambda: self._materialized("parquet"),
            "catalogued, read back by Athena": lambda: self._materialized("catalog"),
            "views published": self._published,
        }
        for name, happened in waiting.items():
            deadline = self.clock() + timeout_seconds
            while (at := happened()) is None:
                self._raise_failures()
                if self.clock() > deadline:
                    raise RdsLakeError(
                        f"{self.day}: still waiting for {name!r} after {timeout_seconds:.0f} s; see the logs in "
                        f"{self.stack.processes.log_folder}, or repeat it when this machine has less to do"
                    )
                yield self._status(name)
                self.sleep(0.5)
            yield Step(name=name, at=at)

    def _export_started(self) -> float | None:
        tasks = self._tasks()
        # AWS gives no time for STARTING tasks yet, so this is the current time.
        return self.clock() if tasks else None

    def _export_complete(self) -> float | None:
        done = [task for task in self._tasks() if task["Status"] == "COMPLETE"]
        return done[0]["TaskEndTime"].timestamp() if done else None

    def _tasks(self) -> list[dict]:
        return self.stack.clients.rds.describe_export_tasks(SourceArn=self.snapshot_arn)["ExportTasks"]  # type: ignore[return-value]

    def _materialized(self, stage: str) -> float | None:
        latest = self.instance.fetch_materializations(
            dg.AssetRecordsFilter(
                asset_key=dg.AssetKey([self.source.name, stage]), asset_partitions=[self.day.isoformat()]
            ),
            limit=1,
        )
        return latest.records[0].timestamp if latest.records else None

    def _published(self) -> float | None:
        """Returns the time when the pointer names the date *and* no run of it is unfinished; None before."""
        if any(not run.is_finished for run in self._runs()):
            return None
        lake = self.stack.config.lake
        pointer = find_pointer(
            S3Gateway(self.stack.clients.s3),
            LakeLayout(bucket=lake.bucket, prefix=lake.prefix),
            self.source.name,
        )
        return self.clock() if pointer and pointer.snapshot_date == self.day else None

    def _runs(self) -> list[dg.DagsterRun]:
        return list(self.instance.get_runs(dg.RunsFilter(tags={"dagster/partition": self.day.isoformat()})))

    def _raise_failures(self) -> None:
        dead = self.stack.processes.dead()
        if dead:
            raise RdsLakeError(f"{', '.join(dead)} ended while the demo ran; see {self.stack.processes.log_folder}")
        for run in self._runs():
            if run.status in _FAILED:
                raise RdsLakeError(f"Dagster run {run.run_id} failed; see {self.stack.processes.log_folder}")

    def _status(self, waiting_for: str) -> str:
        tasks = "".join(f", export {t['Status']} {t.get('PercentProgress', 0)}%" for t in self._tasks())
        running = sum(not run.is_finished for run in self._runs())
        return f"{self.day}: waiting for {waiting_for!r} ({running} Dagster runs{tasks})"
