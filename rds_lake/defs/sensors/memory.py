"""What the process remembers of the reconciliation sensor's ticks.

Dagster ends a tick after 60 s and stores nothing of it, so the next tick begins with the same cursor. What a cursor cannot have is
here: the source with which such a tick was busy, and which runs were requested before.

What belongs here: memory whose loss does no harm, since a code location may be started anew at any time. What must last is in
the cursor (`cursors.py`).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import dagster as dg

from rds_lake.defs.sensors.cursors import ReconcileCursor
from rds_lake.model.aws.arn import Exportable
from rds_lake.model.dynamodb.tables import TableExport
from rds_lake.stages.databases.unseen import Unseen

_MOST = 20_000
_TURNS_UNLISTED = 500


@dataclass(slots=True)
class Memory:
    """`ended`: exports of DynamoDB that have ended, by ARN. `unseen`: sources that could not be compared.

    `unlisted`: lists of an account's snapshots that take too long (`account_snapshots.py`); they are tried again after some hours.
    """

    unseen: Unseen = field(default_factory=Unseen)
    ended: dict[str, TableExport] = field(default_factory=dict)
    unlisted: set[tuple[Exportable, str]] = field(default_factory=set)
    _turn: int | None = None
    _examined: str | None = None
    _slow: list[str] = field(default_factory=list)
    _asked: Counter[str] = field(default_factory=Counter)

    def order(self, cursor: ReconcileCursor, sources: Sequence[str]) -> list[str]:
        """Returns the sources that the tick examines, in order: those after the cursor's, and then those before.

        If the tick before had the same cursor, it was ended, perhaps because of the source it was at. The next tick leaves out all
        such sources, so that it is not ended as well. Ticks after a stored one begin with one of them.
        """
        if len(self.ended) > _MOST:
            self.ended.clear()
        if not cursor.turn % _TURNS_UNLISTED:
            self.unlisted.clear()
        is_lost, self._turn = self._turn == cursor.turn, cursor.turn
        if is_lost and self._examined is not None:
            self._slow = [*(name for name in self._slow if name != self._examined), self._examined]
        self._examined = None
        slow = [name for name in self._slow if name in sources]
        start = sources.index(cursor.following) if cursor.following in sources else 0
        others = [name for name in (*sources[start:], *sources[:start]) if name not in slow]
        return [*slow[: 0 if is_lost and others else 1], *others]

    def begins(self, source: str) -> None:
        """Remembers that the tick begins to examine this source."""
        self._examined = source

    def ends(self, source: str) -> None:
        """Remembers that this source was examined in time."""
        self._examined = None
        if source in self._slow:
            self._slow.remove(source)

    def fitting(self, requests: Sequence[dg.RunRequest], most: int) -> list[dg.RunRequest]:
        """Returns the first of the requests, with those that were returned before after all others.

        An incident that lasts is requested in every tick, and Dagster begins no second run for its key. A few of them would take
        the places of all other runs.
        """
        if len(self._asked) > _MOST:
            self._asked.clear()
        chosen = sorted(requests, key=lambda request: self._asked[request.run_key or ""])[:most]
        self._asked.update(request.run_key or "" for request in chosen)
        return chosen
