"""The change log of a table's items, for point-in-time recovery.

Every version of every item is kept, so that a table can be shown as of any time, and the changes between two times.

    10:00:00.000001  {"id":{"N":"1"}}  {"id":{"N":"1"},"total":{"N":"10"}}
    10:00:05.000002  {"id":{"N":"1"}}  deleted

What belongs here: versions of items. `tables.py` records them.
"""

from __future__ import annotations

import bisect
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from operator import attrgetter

from rds_lake.localcloud.dynamodb.moto_dynamodb import StoredItem


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """An item from a time on (microseconds): DynamoDB JSON and its size in bytes; no image once it is deleted."""

    since: int
    image: str | None
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What changed in one item within a window of time: its image before and after."""

    key: str
    written: int
    old: str | None
    new: str | None
    size: int


@dataclass(slots=True, kw_only=True)
class ItemLog:
    """One table's log. Not thread-safe: the caller holds a lock while it writes or reads."""

    _versions: dict[str, list[Version]] = field(default_factory=dict)

    def record(self, key: str, item: StoredItem | None, stamp: Callable[[], int]) -> None:
        """Record the present version of an item; None: it does not exist. An unchanged item is not recorded."""
        versions = self._versions.get(key, [])
        before = versions[-1].image if versions else None
        after = item.image if item else None
        if before == after:
            return
        version = Version(since=stamp(), image=after, size=item.size if item else versions[-1].size)
        self._versions.setdefault(key, []).append(version)

    def missing(self, present: Iterable[str]) -> list[str]:
        """Returns the keys that have an item in the log but not in `present`."""
        gone = set(self._versions) - set(present)
        return [key for key in gone if self._versions[key][-1].image is not None]

    def size(self) -> int:
        """Returns the bytes of all present items."""
        return sum(versions[-1].size for versions in self._versions.values() if versions[-1].image is not None)

    def as_of(self, moment: int) -> Iterator[tuple[str, Version]]:
        """Returns key and version of every item as of just before a time."""
        for key, versions in self._versions.items():
            version = _before(versions, moment)
            if version is not None and version.image is not None:
                yield key, version

    def changes(self, start: int, end: int) -> Iterator[Change]:
        """Returns every item written from `start` on and before `end`, once, with its image before."""
        for key, versions in self._versions.items():
            last = _before(versions, end)
            if last is None or last.since < start:
                continue
            first = _before(versions, start)
            yield Change(
                key=key, written=last.since, old=first.image if first else None, new=last.image, size=last.size
            )


def _before(versions: list[Version], moment: int) -> Version | None:
    position = bisect.bisect_left(versions, moment, key=attrgetter("since"))
    return versions[position - 1] if position else None
