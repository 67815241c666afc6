"""Digests of the changes in earlier cuts, so that a change that arrives again, in any open hour, is collected once.

Only new digests are Python objects; those of earlier cuts are in Arrow arrays, 28 bytes each. Each cut writes one file. If
there are many, their open hours are merged into the next one, so that a turn reads some dozens of objects instead of one per
cut of two days.

What belongs here: writing, reading and searching these files.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet as pq

from rds_lake.aws.s3.stream import S3Reader
from rds_lake.model.streams.collected import SeenFile
from rds_lake.stages.lake.lake import Lake
from rds_lake.threads import cancelling_threads

pc: Any = pyarrow.compute  # its functions are created on import, unknown to type checkers
_MOST_FILES = 32
_SMALL = 500_000  # maximum rows of a file that is merged with others
_AT_ONCE = 8
_SCHEMA = pa.schema([("digest", pa.binary(16)), ("hour", pa.timestamp("s", tz="UTC"))])


def digest_of(kind: str, name: str) -> bytes:
    """Returns the digest of an object (`object`, its key) or a change (`id`)."""
    return hashlib.blake2b(f"{kind}\0{name}".encode(errors="surrogatepass"), digest_size=16).digest()


@dataclass(slots=True)
class SeenDigests:
    """All known digests of open hours, from these files."""

    files: tuple[SeenFile, ...]
    tables: list[pa.Table]

    @classmethod
    def load(cls, lake: Lake, files: Sequence[SeenFile]) -> SeenDigests:
        """Reads the files, one GET each."""
        if not files:
            return cls((), [])
        with cancelling_threads(min(_AT_ONCE, len(files)), "seen") as pool:
            return cls(tuple(files), list(pool.map(lambda file: _read(lake, file.key), files)))

    def among(self, digests: Collection[bytes]) -> set[bytes]:
        """Returns those of the digests that are known."""
        asked = pa.array(digests, pa.binary(16))
        known: set[bytes] = set()
        for table in self.tables:
            column = table.column("digest")
            known.update(column.filter(pc.is_in(column, value_set=asked)).to_pylist())
        return known

    def write(
        self, lake: Lake, key: str, new: Iterable[tuple[bytes, datetime]], open_from: datetime
    ) -> tuple[SeenFile, ...]:
        """Writes the digests of a cut. Returns the files that a later cut has to read, without hours that are closed then."""
        digests, hours = zip(*new, strict=True)
        table = pa.table([pa.array(digests, pa.binary(16)), pa.array(hours, _SCHEMA.types[1])], schema=_SCHEMA)
        kept = [
            (file, digests_of_file)
            for file, digests_of_file in zip(self.files, self.tables, strict=True)
            if file.last_hour >= open_from
        ]
        if len(kept) >= _MOST_FILES:
            table = pa.concat_tables(
                [table, *(digests_of_file for file, digests_of_file in kept if file.rows < _SMALL)]
            )
            table = table.filter(pc.greater_equal(table.column("hour"), pa.scalar(open_from, _SCHEMA.types[1])))
            kept = [(file, digests_of_file) for file, digests_of_file in kept if file.rows >= _SMALL]
        buffer = io.BytesIO()
        pq.write_table(table, buffer, compression="zstd")
        lake.s3.put_bytes(lake.layout.bucket, key, buffer.getvalue(), kms_key=lake.kms_key)
        last = max((*hours, *pc.unique(table.column("hour")).to_pylist()))
        return (*(file for file, _ in kept), SeenFile(key=key, rows=len(table), last_hour=last))


def _read(lake: Lake, key: str) -> pa.Table:
    with S3Reader(lake.s3.client, lake.layout.bucket, key) as file:
        return pq.read_table(io.BytesIO(file.readall()), schema=_SCHEMA)
