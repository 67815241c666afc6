"""Waits for AWS's exports by polling."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from rds_lake.errors import ExportQuotaError, ExportTimeoutError, TransientError
from rds_lake.model.exports.task import ExportStatus


class Exporting(Protocol):
    """One export task, or all exports of a DynamoDB date."""

    @property
    def status(self) -> ExportStatus: ...


E = TypeVar("E", bound=Exporting)


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """How to wait for AWS. `clock` gives monotonic seconds, `sleep` takes seconds."""

    clock: Callable[[], float]
    sleep: Callable[[float], None]
    timeout_seconds: float
    poll_seconds: float
    log: Callable[[str], None]

    def until_ended(
        self,
        begin: Callable[[], E],
        look: Callable[[E], E | None],
        *,
        refused: str,
        line: Callable[[E], str],
        overdue: Callable[[E, float], str],
    ) -> E:
        """Starts or adopts the export as soon as AWS allows it, and polls until it has ended, successfully or not.

        `refused` precedes AWS's message in the log while there is no place, `line` is logged whenever it changes, and
        `overdue` gets the hours of the time-out. Raises ExportQuotaError or ExportTimeoutError after the time-out. A single
        failed call does not end the waiting.
        """
        deadline = self.clock() + self.timeout_seconds
        export, last = self._begun(begin, refused, deadline), ""
        while export.status.running:
            if (now := line(export)) != last:
                self.log(now)
                last = now
            if self.clock() > deadline:
                raise ExportTimeoutError(overdue(export, self.timeout_seconds / 3600))
            self.sleep(self.poll_seconds)
            try:
                export = look(export) or export
            except TransientError as error:
                self.log(f"AWS did not answer, asking again: {error}")
        return export

    def _begun(self, begin: Callable[[], E], refused: str, deadline: float) -> E:
        while True:
            try:
                return begin()
            except ExportQuotaError as error:
                if self.clock() > deadline:
                    raise
                self.log(f"{refused}: {error}")
                self.sleep(self.poll_seconds)
