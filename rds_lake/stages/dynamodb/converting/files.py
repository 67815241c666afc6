"""S3 objects as the files that the conversion engine (`convert/`) reads and writes."""

from __future__ import annotations

import io
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO, cast

from rds_lake.aws.s3.copying import CopyLimits
from rds_lake.aws.s3.gateway import S3Gateway
from rds_lake.aws.s3.stream import S3Reader, S3Writer
from rds_lake.convert.local.lines import InputFile
from rds_lake.convert.merging.unchanged_rows import PreviousFile
from rds_lake.errors import AwsError, FullExportDueError
from rds_lake.model.lake.manifest import DataFile
from rds_lake.stages.dynamodb.exporting.inspect import DynamoFile

_BUFFER = 1024 * 1024
_GONE = ("NoSuchKey", "404")


def input_file(s3: S3Gateway, bucket: str, file: DynamoFile) -> InputFile:
    """Returns an exported file, read from front to back; the engine compares it with the manifest's bytes, items and MD5."""
    return InputFile(
        name=f"s3://{bucket}/{file.key}",
        open=_reader(s3, bucket, file.key),
        bytes=file.bytes,
        items=file.items,
        md5=file.md5,
    )


def previous_files(s3: S3Gateway, bucket: str, files: Sequence[DataFile]) -> list[PreviousFile]:
    """Returns the lake's files of an earlier date. Each is copied to local disk, as its columns are read twice.

    Opening a deleted one raises FullExportDueError.
    """

    def local(key: str) -> Callable[[], BinaryIO]:
        def fetch() -> BinaryIO:
            target = tempfile.TemporaryFile(prefix="rds-lake-previous-")  # noqa: SIM115 - the caller closes it
            try:
                with _reader(s3, bucket, key)() as source:
                    shutil.copyfileobj(source, target, _BUFFER)
                target.seek(0)
            except BaseException as error:
                target.close()
                if isinstance(error, AwsError) and error.code in _GONE:
                    raise FullExportDueError(f"s3://{bucket}/{key} is gone") from error
                raise
            return cast(BinaryIO, target)

        return fetch

    return [PreviousFile(name=file.key, open=local(file.key), bytes=file.bytes) for file in files]


def _reader(s3: S3Gateway, bucket: str, key: str) -> Callable[[], BinaryIO]:
    return lambda: cast(BinaryIO, io.BufferedReader(S3Reader(s3.client, bucket, key), _BUFFER))


@dataclass(slots=True, kw_only=True)
class LakeSink:
    """Creates objects in one folder of the lake; `ending`: of their names. `files`: the created ones, by name."""

    s3: S3Gateway
    bucket: str
    folder: str
    ending: str
    kms_key: str | None
    files: dict[str, S3Writer] = field(default_factory=dict)
    _copies: set[str] = field(default_factory=set)

    def create(self, name: str) -> S3Writer:
        """Returns a new object, which exists once it is closed."""
        file = S3Writer(self.s3.client, self.bucket, self.key(name), kms_key=self.kms_key)
        self.files[name] = file
        return file

    def remove(self, name: str) -> None:
        """Delete the object."""
        self.s3.delete(self.bucket, [self.key(name)])

    def discard(self) -> None:
        """Deletes everything that was written here, before a record names it."""
        for file in list(self.files.values()):
            file.abort()  # does nothing for a file that is closed
        self.s3.delete(self.bucket, sorted({*map(self.key, list(self.files)), *self._copies}))

    def key(self, name: str) -> str:
        """The object's key."""
        return f"{self.folder}{name}.{self.ending}"

    def copy(self, name: str, file: DataFile) -> DataFile:
        """Copies a file of an earlier date, unchanged, to this folder. Raises FullExportDueError if it no longer exists."""
        key = self.key(name)
        self._copies.add(key)
        try:
            checksum = self.s3.copy(
                (self.bucket, file.key), (self.bucket, key), size=file.bytes, kms_key=self.kms_key, limits=CopyLimits()
            )
        except AwsError as error:
            if error.code in _GONE:
                raise FullExportDueError(f"s3://{self.bucket}/{file.key} is gone") from error
            raise
        return DataFile(key=key, bytes=file.bytes, rows=file.rows, checksum=checksum)
