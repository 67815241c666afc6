"""Lists the snapshots of a whole account in few pages, to compare many sources at once.

AWS answers 100 snapshots a page, so that listing an account costs less than a call for every source, unless the account
holds many databases that are no sources: then the list is given up after as many pages as there are sources. It is also given up
when it takes too much of a tick: 800 databases with 35 snapshots each are 280 pages, which AWS answers one after the other.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from rds_lake.aws.rds import RdsGateway
from rds_lake.errors import AwsError
from rds_lake.model.aws.arn import Exportable
from rds_lake.model.aws.snapshot import Snapshot

# For fewer sources, one call per source is as quick, and needs no permission to list other snapshots.
_WORTH_IT = 4
_LIST_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSnapshots:
    """Snapshots by source, listed once and cached; create a new object for every tick.

    `sources`: the number of sources that will ask, by kind. `given_up`: lists that took too long and are not tried again, which
    later ticks may share. `clock` gives monotonic seconds.
    """

    rds: RdsGateway
    sources: Mapping[Exportable, int]
    clock: Callable[[], float] = time.monotonic
    given_up: set[tuple[Exportable, str]] = field(default_factory=set, repr=False)
    _lists: dict[tuple[Exportable, str], Mapping[str, Sequence[Snapshot]] | None] = field(
        default_factory=dict, init=False, repr=False
    )

    def list_snapshots(self, about: Exportable, identifier: str, kinds: Sequence[str]) -> list[Snapshot]:
        """Like `RdsGateway.list_snapshots`."""
        if self.sources.get(about, 0) < _WORTH_IT or any((about, kind) in self.given_up for kind in kinds):
            return self.rds.list_snapshots(about, identifier, kinds)
        snapshots: dict[str, Snapshot] = {}
        for kind in dict.fromkeys(kinds):
            listed = self._list(about, kind)
            if listed is None:
                return self.rds.list_snapshots(about, identifier, kinds)
            snapshots |= {snapshot.arn: snapshot for snapshot in listed.get(identifier.lower(), ())}
        return list(snapshots.values())

    def _list(self, about: Exportable, kind: str) -> Mapping[str, Sequence[Snapshot]] | None:
        if (about, kind) not in self._lists:
            self._lists[about, kind] = self._asked(about, kind)
        return self._lists[about, kind]

    def _asked(self, about: Exportable, kind: str) -> Mapping[str, Sequence[Snapshot]] | None:
        deadline = self.clock() + _LIST_SECONDS
        try:
            snapshots = self.rds.list_account_snapshots(
                about, kind, most_pages=self.sources[about], is_late=lambda: self.clock() > deadline
            )
        except AwsError:
            return None  # the permissions may cover the sources' own snapshots only: each source then lists its own
        if snapshots is None:
            self.given_up.add((about, kind))
            return None
        by_source: dict[str, list[Snapshot]] = defaultdict(list)
        for snapshot in snapshots:
            by_source[snapshot.source_identifier.lower()].append(snapshot)
        return by_source
