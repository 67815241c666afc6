"""A sink in memory: files that were committed, and names of files still open."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from gzip import compress
from typing import BinaryIO

from rds_lake.convert.local.lines import InputFile


@dataclass
class MemorySink:
    """`files` has what was committed; `aborted` the names of files that were given up."""

    files: dict[str, bytes] = field(default_factory=dict)
    aborted: list[str] = field(default_factory=list)
    open_names: set[str] = field(default_factory=set)
    used_names: set[str] = field(default_factory=set)

    def create(self, name: str) -> MemoryFile:
        assert name not in self.used_names, f"{name} is created twice"
        self.used_names.add(name)
        self.open_names.add(name)
        return MemoryFile(self, name)

    def remove(self, name: str) -> None:
        del self.files[name]


class MemoryFile:
    """One file; part of the sink once it is closed."""

    def __init__(self, sink: MemorySink, name: str) -> None:
        self._sink, self._name, self._bytes = sink, name, io.BytesIO()

    def write(self, data: bytes, /) -> int:
        return self._bytes.write(data)

    def close(self) -> None:
        self._sink.open_names.remove(self._name)
        self._sink.files[self._name] = self._bytes.getvalue()

    def abort(self) -> None:
        self._sink.open_names.remove(self._name)
        self._sink.aborted.append(self._name)


def opener(content: bytes) -> Callable[[], BinaryIO]:
    return lambda: io.BytesIO(content)


def file_of(lines: Sequence[str], name: str = "data/a.json.gz") -> InputFile:
    """A gz file of these lines, as many items."""
    text = "".join(line + "\n" for line in lines)
    return InputFile(name=name, open=opener(compress(text.encode("utf-8", "surrogatepass"), 1)), items=len(lines))
