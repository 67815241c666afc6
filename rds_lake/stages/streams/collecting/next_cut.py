"""Chooses the content of the next cut of collected changes: new objects up to a limit, and each of their changes once.

What belongs here: the choice. Writing the cut is `written.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from rds_lake.model.streams.arrived import ArrivedChange
from rds_lake.model.streams.collected import UnreadLine
from rds_lake.model.tables.table import TableTarget
from rds_lake.stages.lake.lake import Lake
from rds_lake.stages.streams.collecting.arrived import ArrivedObject, ReadObject, read_objects
from rds_lake.stages.streams.collecting.seen import SeenDigests, digest_of

# A cut is held in memory as Python objects, about fifty times as large as its compressed objects.
MOST_BYTES = 4 << 20
MOST_OBJECTS = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class NextCut:
    """Changes with the hour of their object, by table and time. `repeated`: the number of changes left out.

    `digests`: of the objects and changes, by which later cuts recognise them.
    """

    objects: tuple[ArrivedObject, ...]
    changes: Mapping[TableTarget, Sequence[tuple[datetime, ArrivedChange]]]
    digests: Sequence[tuple[bytes, datetime]]
    unread: Sequence[tuple[UnreadLine, bytes]]
    repeated: int

    @property
    def rows(self) -> int:
        return sum(map(len, self.changes.values()))


def split(
    left: Sequence[ArrivedObject], most: tuple[int, int]
) -> tuple[Sequence[ArrivedObject], Sequence[ArrivedObject]]:
    """Returns the objects of the next cut (at least one) and the remaining ones. `most`: limit of bytes and objects."""
    size = 0
    for at, item in enumerate(left):
        size += item.bytes
        if at and (size > most[0] or at >= most[1]):
            return left[:at], left[at:]
    return left, ()


def read_cut(
    lake: Lake, source: str, targets: Mapping[str, TableTarget], batch: Sequence[ArrivedObject], seen: SeenDigests
) -> NextCut:
    """Reads the objects. Raises TransientError if S3 does not answer."""
    read = list(read_objects(lake, source, batch, targets.__contains__))
    changes = list(_each_once(read))
    known = seen.among([digest for _, _, digest in changes])
    fresh = [(hour, change, digest) for hour, change, digest in changes if digest not in known]
    by_table: dict[TableTarget, list[tuple[datetime, ArrivedChange]]] = {}
    for hour, change, _ in fresh:
        by_table.setdefault(targets[change.table], []).append((hour, change))
    for several in by_table.values():
        several.sort(key=lambda item: (item[1].at, item[1].id))
    objects = [(digest_of("object", arrived.key), arrived.hour) for arrived in batch]
    return NextCut(
        objects=tuple(batch),
        changes=by_table,
        digests=[*objects, *((digest, hour) for hour, _, digest in fresh)],
        unread=[line for object_read in read for line in object_read.unread],
        repeated=sum(len(object_read.changes) for object_read in read) - len(fresh),
    )


def _each_once(read: Sequence[ReadObject]) -> Iterator[tuple[datetime, ArrivedChange, bytes]]:
    """Yields hour, change and digest of its id, without repetitions among these objects."""
    known: set[bytes] = set()
    for item in read:
        for change in item.changes:
            digest = digest_of("id", change.id)
            if digest not in known:
                known.add(digest)
                yield item.object.hour, change, digest
