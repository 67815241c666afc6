"""The changes of several cuts, each once.

A forwarder writes each number into one final cut; this module verifies it. A repeated number with the same content is used
once. With other content, a database was restored and gives its numbers again.

What belongs here: finding repetitions, with only those numbers in memory that a later file may have as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from rds_lake.errors import CatalogError
from rds_lake.model.streams.cut import ChangeFile
from rds_lake.model.streams.event import ChangeEvent, render_event

# A file and the number of its cut.
CutFile = tuple[int, ChangeFile]
Read = Callable[[ChangeFile], Iterable[tuple[ChangeEvent, int]]]


def unique_events(
    files: Sequence[CutFile], earlier: Sequence[CutFile], read: Read, *, table: str, source: str
) -> Iterator[tuple[int, ChangeEvent, int]]:
    """Yields cut, change and line length of each change that no earlier file has.

    `earlier`: files that are already compacted. Raises CatalogError if a number occurs again with different content.
    """
    floors = _floors(files)
    first = floors[0] if floors else 0
    seen: dict[int, tuple[int, int]] = {}
    for cut, file in earlier:
        if file.last_seq >= first:
            seen |= {event.seq: (cut, _digest(event)) for event, _ in read(file) if event.seq >= first}
    for (cut, file), floor in zip(files, floors[1:], strict=True):
        for event, length in read(file):
            known = seen.get(event.seq)
            if known is None:
                if event.seq >= floor:
                    seen[event.seq] = (cut, _digest(event))
                yield cut, event, length
            elif known[1] != _digest(event):
                raise CatalogError(
                    f"change {event.seq} of {table} is in cut {known[0]}, and with other content in cut {cut}: the database "
                    "was restored or promoted, and uses numbers again. Its new changes cannot be distinguished from earlier "
                    f"ones; run `rds-lake streams reset {source}`, and let the next snapshot be published"
                )


def _floors(files: Sequence[CutFile]) -> list[int]:
    """Returns for each file the lowest number in it or a later file; at the end, a number that is never reached."""
    floors = [1 << 63]
    for _, file in reversed(files):
        floors.append(min(floors[-1], file.first_seq))
    return floors[::-1]


def _digest(event: ChangeEvent) -> int:
    return hash(render_event(event))
