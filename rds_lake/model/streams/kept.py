"""The rule by which changes are removed: it finds cuts that no date needs any more.

Each date of the lake has the epoch and the cut of its snapshot; its live view and its history begin there. So no date needs the
cuts up to the lowest of these numbers, nor epochs before the first epoch that a date has.

What belongs here: the rule. `stages/upkeep/changes.py` removes the changes.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from rds_lake.model.streams.forwarded import ForwardedCuts


@dataclass(frozen=True, slots=True, kw_only=True)
class DateCut:
    """The newest cut that a date's snapshot contains, and the database's epoch at that time."""

    epoch: str
    cut: int


def last_unneeded(record: ForwardedCuts, dates: Collection[DateCut]) -> dict[str, int]:
    """Returns, by epoch, the last cut that no date needs; epochs without such cuts are left out.

    `dates` are those of this database. If none of them is of an epoch in the record, every cut stays: capture is new,
    or the record was created again. The newest cut always stays, too, as the next forwarder begins with it.
    """
    order = [each.epoch for each in record.epochs]
    known = [each for each in dates if each.epoch in order]
    if not known:
        return {}
    first = min(order.index(each.epoch) for each in known)
    lowest = min(each.cut for each in known if each.epoch == order[first])
    last = {each.epoch: each.cut for each in record.epochs[:first]} | {order[first]: lowest}
    if record.current is not None and record.current.epoch in last:
        last[record.current.epoch] = min(last[record.current.epoch], record.current.cut - 1)
    return {epoch: cut for epoch, cut in last.items() if cut > 0}
