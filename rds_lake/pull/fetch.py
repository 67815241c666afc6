"""Downloads a table's files in portions; the next portion is downloaded while the current one is read.

What belongs here: files, and their disk space. The targets decide what is read from them.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

import pyarrow as pa
import pyarrow.parquet as pq

from rds_lake.aws.s3.gateway import S3Gateway
from rds_lake.aws.s3.stream import S3Reader
from rds_lake.errors import PullError
from rds_lake.model.lake.data_files import DataFile
from rds_lake.pull.plan import Part, PulledTable
from rds_lake.sql.pull.select import Reading
from rds_lake.sql.pull.ways import names_read
from rds_lake.threads import cancelling_threads

# Limits of a portion: bytes (a larger file is a portion by itself), and files, because opening each takes time.
_PORTION_BYTES = 64 << 20
_PORTION_FILES = 64
_AT_ONCE = 8
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class _Portion:
    part: Part
    files: tuple[DataFile, ...]


@contextmanager
def fetched(s3: S3Gateway, table: PulledTable, scratch: Path) -> Iterator[Iterator[Reading]]:
    """Yields the table's files in portions. Requesting the next portion deletes the files of the last; the end deletes all."""
    folder = Path(mkdtemp(prefix="table-", dir=scratch))
    try:
        with cancelling_threads(_AT_ONCE, "fetch") as pool:
            yield _readings(s3, table, folder, pool)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _readings(s3: S3Gateway, table: PulledTable, folder: Path, pool: Executor) -> Iterator[Reading]:
    portions = list(_portions(table))

    def begin(number: int) -> list[Future[Path]]:
        if number >= len(portions):
            return []
        portion = portions[number]
        return [
            pool.submit(_fetch, s3, portion.part.bucket, file, folder / f"{number}-{at}.parquet")
            for at, file in enumerate(portion.files)
        ]

    coming = begin(0)
    for number, portion in enumerate(portions):
        paths = [future.result() for future in coming]
        coming = begin(number + 1)
        names = dict.fromkeys(name for path in paths for name in _names_in(path, table))
        yield Reading(
            paths=tuple(map(str, paths)),
            names=names_read(table.columns, tuple(names)),
            constants=dict(portion.part.constants),
        )
        for path in paths:
            path.unlink()


def _portions(table: PulledTable) -> Iterator[_Portion]:
    """Group the files into portions; files without rows are left out."""
    for part in table.parts:
        portion: list[DataFile] = []
        for file in part.files:
            if not file.rows:
                continue
            if portion and (
                len(portion) == _PORTION_FILES or sum(each.bytes for each in (*portion, file)) > _PORTION_BYTES
            ):
                yield _Portion(part, tuple(portion))
                portion = []
            portion.append(file)
        if portion:
            yield _Portion(part, tuple(portion))


def _fetch(s3: S3Gateway, bucket: str, file: DataFile, path: Path) -> Path:
    """Download the object. PullError if its size is not the one in the manifest."""
    try:
        with S3Reader(s3.client, bucket, file.key) as source, path.open("wb") as target:
            shutil.copyfileobj(source, target, _BLOCK)
    except OSError as error:
        if error.filename is not None or error.errno is None:
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error  # an error of write() has no file name
    if path.stat().st_size != file.bytes:
        raise PullError(
            f"s3://{bucket}/{file.key} has {path.stat().st_size:,} bytes, but the manifest says {file.bytes:,}: the object "
            "was replaced. Materialize `parquet` of the date again, or pull another date"
        )
    return path


def _names_in(path: Path, table: PulledTable) -> Sequence[str]:
    try:
        return pq.read_schema(path).names
    except pa.ArrowException as error:
        raise PullError(
            f"a file of {table.view} is not valid Parquet: {error}; materialize `parquet` of the date again"
        ) from error
