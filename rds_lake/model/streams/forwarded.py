"""The record of a database's final cuts, which readers of changes read first.

    lake/_changes/shop/_forwarded/shop.json      for the source `shop` and its database `shop`; `cut.py` describes the rule

What belongs here: the record, and how commits and resets change it. `stages/streams/record.py` reads and writes it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta

from rds_lake.errors import ManifestError
from rds_lake.model.records import read_record, render_record

# A recorded instant that is further in the future is treated as the error of a clock.
_AHEAD = timedelta(hours=1)


def advanced(known: datetime | None, as_of: datetime) -> datetime:
    """Returns the later time; `as_of` if the known time is far in the future, as it would otherwise stay for ever."""
    return as_of if known is None or known - as_of > _AHEAD else max(known, as_of)


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochCuts:
    """The final cuts of an epoch: `first` to `cut`; none if `cut` is 0. `attempt`: of the newest cut."""

    epoch: str
    cut: int = 0
    attempt: str = ""
    first: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ForwardedCuts:
    """The epochs of a database, in order.

    `as_of`: the newest time at which every committed change was in these cuts, by the forwarder's clock. It also
    advances while nothing changes; None before the first time.
    """

    source: str
    database: str
    epochs: tuple[EpochCuts, ...] = ()
    as_of: datetime | None = None

    @property
    def current(self) -> EpochCuts | None:
        """The current epoch."""
        return self.epochs[-1] if self.epochs else None

    def find(self, epoch: str) -> EpochCuts | None:
        """Returns the epoch's cuts; None for an unknown epoch."""
        return next((each for each in self.epochs if each.epoch == epoch), None)

    def with_final(self, epoch: str, cut: int, *, attempt: str, as_of: datetime) -> ForwardedCuts:
        """Returns the record with this cut final. Raises ManifestError if the record has a different one."""
        self.require_not_older(epoch, cut)
        known = self.find(epoch)
        if known is not None and known.cut == cut and cut and known.attempt != attempt:
            raise ManifestError(
                f"cut {cut} of epoch {epoch} of {self._whose} was committed by two databases: one is a copy of the other. "
                f"Run {self._remedy} for the copy, and forward only one of them to this lake"
            )
        later = replace(known or EpochCuts(epoch=epoch), cut=cut, attempt=attempt)
        before = self.epochs if known is None else self.epochs[:-1]
        return replace(self, epochs=(*before, later), as_of=advanced(self.as_of, as_of))

    def require_not_older(self, epoch: str, cut: int) -> None:
        """Raises ManifestError if a database at this cut and epoch is older than what was forwarded."""
        known = self.find(epoch)
        if known is not None and (known != self.current or known.cut > cut):
            has = "later epochs" if known != self.current else f"cut {known.cut} already"
            raise ManifestError(
                f"{self._whose} is at cut {cut} of epoch {epoch}, and the lake has {has}: the database is older than what was "
                f"forwarded, restored or a copy. Nothing was forwarded or deleted. Run {self._remedy}, which begins a new epoch"
            )

    def with_epoch(self, epoch: str) -> ForwardedCuts:
        """Returns the record with a new epoch; unchanged if it has the epoch."""
        return self if self.find(epoch) else replace(self, epochs=(*self.epochs, EpochCuts(epoch=epoch)))

    @property
    def _whose(self) -> str:
        return f"the outbox of {self.source}, database {self.database},"

    @property
    def _remedy(self) -> str:
        return f"`rds-lake streams reset {self.source}`"


def render_forwarded(record: ForwardedCuts) -> str:
    """Returns the record as JSON."""
    return render_record(asdict(record), version=1)


def parse_forwarded(text: str, *, where: str) -> ForwardedCuts:
    """Returns the record that `render_forwarded` wrote. Raises ManifestError, which names `where`, for anything else."""
    remedy = (
        "bring an earlier version of the object back, or delete it: the next cut makes it new, without earlier epochs"
    )
    return read_record(ForwardedCuts, text, where=where, known=(1,), remedy=remedy)
