"""Which copies have arrived: compares a listing of the destination with the plan, page by page.

A folder is listed in the order of its keys, and a table's copies are planned in that order, so that both are walked in step
and none of a million keys is kept. For files that do not appear in this order (two layouts in one table), `relocate.py` sends
a HEAD request each.
"""

from __future__ import annotations

from collections.abc import Sequence

from rds_lake.stages.databases.relocation.copy_plan import CopyPlan


class Arrivals:
    """The copies of a plan that a listing has shown with their source's size."""

    def __init__(self, plan: CopyPlan) -> None:
        self._plan = plan
        self._seen = [bytearray(len(table.files)) for table in plan.tables]
        self._next = [0] * len(plan.tables)
        self._table_of = {folder: which for which, folder in enumerate(plan.folders)}

    def add(self, items: Sequence[tuple[str, int]]) -> None:
        """Adds a page of (key, size) of one folder, in order; keys that are not in the plan are ignored."""
        which = self._table_of.get(items[0][0].rpartition("/")[0] + "/") if items else None
        if which is None:
            return
        seen, at = self._seen[which], self._next[which]
        for key, size in items:
            while at < len(seen):
                wanted, expected = self._plan.target(which, at)
                if wanted > key:
                    break
                seen[at] = wanted == key and size == expected
                at += 1
                if wanted == key:
                    break
        self._next[which] = at

    def has(self, at: int) -> bool:
        """Whether the copy at this position of the plan exists with the right size."""
        number, which = self._plan.place(at)
        return bool(self._seen[which][number])
