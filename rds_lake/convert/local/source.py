"""Gives chunks to many workers: each reads its own file; when no file is left, it shares another worker's file."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from threading import Lock

from rds_lake.convert.local.lines import Chunk, InputFile, chunks
from rds_lake.threads import Stop

ChunkIds = dict[str, set[int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """The progress of the pass: items read, and files begun."""

    items: int
    files: int


class Source:
    """The chunks of all files, or only some of them (`only`: numbers by file name). Once `stop` is set it has no more."""

    def __init__(
        self,
        inputs: Sequence[InputFile],
        size: int,
        only: ChunkIds | None,
        progress: Callable[[Progress], None],
    ) -> None:
        self._waiting = deque(file for file in inputs if only is None or only.get(file.name))
        self._readers: list[_Reader] = []
        self._size = size
        self._only = only
        self._progress = progress
        self._lock = Lock()
        self.stop = Stop()
        self.items = 0
        self.files = 0

    def take(self, reader: _Reader | None) -> tuple[Chunk, _Reader] | None:
        """Returns the next chunk and its reader, which the worker passes next time; None if no chunk is left."""
        while not self.stop.is_set:
            reader = reader if reader is not None and not reader.ended else self._another()
            if reader is None:
                return None
            chunk = reader.next()
            if chunk is not None:
                with self._lock:
                    self.items += chunk.lines
                    self._progress(Progress(items=self.items, files=self.files))
                return chunk, reader
            reader = None
        return None

    def _another(self) -> _Reader | None:
        with self._lock:
            self._readers = [reader for reader in self._readers if not reader.ended]
            if self._waiting:
                file = self._waiting.popleft()
                wanted = None if self._only is None else self._only[file.name]
                watched = replace(file, open=lambda: self.stop.reading(file.open()))
                self._readers.append(_Reader(chunks(watched, self._size), wanted))
                self.files += 1
                return self._readers[-1]
            # The file with the fewest workers: only one of them at a time can decompress it.
            return min(self._readers, key=lambda reader: reader.shared, default=None)


class _Reader:
    """One file's chunks, read by one worker at a time. `shared`: how many workers wait for it."""

    def __init__(self, chunks: Iterator[Chunk], wanted: set[int] | None) -> None:
        self._chunks = chunks
        self._wanted = wanted
        self._lock = Lock()
        self.ended = False
        self.shared = 0

    def next(self) -> Chunk | None:
        self.shared += 1
        with self._lock:
            self.shared -= 1
            if self.ended:
                return None
            try:
                for chunk in self._chunks:
                    if self._wanted is None or chunk.number in self._wanted:
                        return chunk
            except BaseException:
                self.ended = True
                raise
            self.ended = True
            return None


Reader = _Reader
