"""S3 objects as files: read from beginning to end, and written in parts while their content is produced.

What belongs here: the two file classes; the caller decides what is read and written.
"""

from __future__ import annotations

import io
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from botocore.exceptions import FlexibleChecksumError, IncompleteReadError, ReadTimeoutError, ResponseStreamingError
from urllib3.exceptions import HTTPError

from rds_lake.aws.budget import tidying
from rds_lake.aws.s3.body import BodyChecksum, ending
from rds_lake.aws.s3.objects import MIB, checksum_in, encryption
from rds_lake.aws.translate import aws_errors
from rds_lake.errors import RdsLakeError, UnavailableError
from rds_lake.threads import check

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer
    from types_boto3_s3 import S3Client

_PART_BYTES = 16 * MIB
_RESUMES = 5
_BROKEN = (ResponseStreamingError, ReadTimeoutError, IncompleteReadError, HTTPError)


class S3Reader(io.RawIOBase):
    """One object, in the version that existed when it was opened. A lost connection is resumed at the same position.

    Before it reports the end, it compares the content with S3's checksum, if Python can compute that algorithm fast (CRC32,
    SHA, and what botocore supports). UnavailableError if they differ: then no byte that was read may be used.
    """

    def __init__(self, client: S3Client, bucket: str, key: str) -> None:
        super().__init__()
        self._client, self._bucket, self._key = client, bucket, key
        self._position = 0
        self._length = -1  # not known before it is opened
        self._resumed = 0
        self._etag: str | None = None
        self._body: Any = None
        self._checksum = BodyChecksum()
        self._verified = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        if not len(view):
            return 0
        while self._position != self._length:
            data = self._read(len(view))
            if data:
                view[: len(data)] = data
                self._position += len(data)
                self._checksum.update(data)
                return len(data)
        self._verify()
        return 0

    def close(self) -> None:
        if self._body is not None:
            with suppress(*_BROKEN):
                self._body.close()
            self._body = None
        super().close()

    def _read(self, size: int) -> bytes:
        """Returns the next bytes; empty if the connection was lost, or at the end."""
        check()
        body = self._body or self._open()
        try:
            # Never beyond the end, where only `_verify` reads.
            with ending(body):
                data: bytes = body.read(min(size, self._length - self._position))
        except FlexibleChecksumError as error:
            raise self._damaged(str(error)) from error
        except _BROKEN as error:
            self._broke(error)
            return b""
        if not data and self._position < self._length:
            self._broke(None)
        return data

    def _verify(self) -> None:
        """Compare the checksum, once. botocore compares it only on a read beyond the end."""
        if self._verified:
            return
        try:
            if self._body is not None:
                self._body.read(1)
        except FlexibleChecksumError as error:
            raise self._damaged(str(error)) from error
        except _BROKEN:
            pass  # all bytes have arrived; only the end of the connection failed
        difference = self._checksum.difference()
        if difference:
            raise self._damaged(difference)
        self._verified = True

    def _open(self) -> Any:
        arguments: Any = {"Range": f"bytes={self._position}-", "IfMatch": self._etag} if self._position else {}
        with aws_errors("s3", "GetObject", about=self._where):
            answer = self._client.get_object(Bucket=self._bucket, Key=self._key, ChecksumMode="ENABLED", **arguments)
        if not self._position:  # the answer to a range has no checksum of the whole object
            self._checksum = BodyChecksum.expected(answer)
        self._etag = answer["ETag"]
        self._length = self._position + answer["ContentLength"]
        self._body = answer["Body"]
        return self._body

    def _broke(self, error: Exception | None) -> None:
        self._body = None
        self._resumed += 1
        if self._resumed > _RESUMES:
            cause = error or f"it ends after {self._position:,} of {self._length:,} bytes"
            raise UnavailableError(
                f"{self._where} was interrupted {self._resumed} times: {cause}; it can be read again"
            ) from error

    def _damaged(self, difference: str) -> UnavailableError:
        return UnavailableError(
            f"{self._where} was damaged on the way: {difference}; the data was discarded, and the object can be read "
            "again"
        )

    @property
    def _where(self) -> str:
        return f"s3://{self._bucket}/{self._key}"


class S3Writer(io.RawIOBase):
    """A new object that exists once the file is closed, and not before. `abort` leaves nothing.

    It holds at most two parts of 16 MiB; an object that fits in one part costs one PUT.
    """

    def __init__(
        self, client: S3Client, bucket: str, key: str, *, kms_key: str | None, part_bytes: int = _PART_BYTES
    ) -> None:
        super().__init__()
        self._upload: str | None = None
        self._buffer = bytearray()
        self._client, self._bucket, self._key = client, bucket, key
        self._encryption = encryption(kms_key)
        self._part_bytes = part_bytes
        self._parts: list[Any] = []
        self.bytes = 0
        self.checksum: str | None = None

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.bytes

    def write(self, data: ReadableBuffer) -> int:
        view = memoryview(data).cast("B")
        self._buffer += view
        self.bytes += len(view)
        while len(self._buffer) >= self._part_bytes:
            self._send(bytes(memoryview(self._buffer)[: self._part_bytes]))
            del self._buffer[: self._part_bytes]
        return len(view)

    def __exit__(self, kind: type[BaseException] | None, *rest: Any) -> None:
        """Abort after an error: half an object must not exist."""
        self.abort() if kind else self.close()

    def __del__(self) -> None:
        """Abort a file that was never closed: the base class would close it, which would create the object."""
        self.abort()

    def close(self) -> None:
        if self.closed:
            return
        try:
            self._commit()
        except BaseException:
            self.abort()
            raise
        super().close()

    def abort(self) -> None:
        """Discard the object, and remove the parts that were sent: AWS bills them until then."""
        if not self.closed and self._upload is not None:
            with tidying(), suppress(RdsLakeError), aws_errors("s3", "AbortMultipartUpload", about=self._where):
                self._client.abort_multipart_upload(Bucket=self._bucket, Key=self._key, UploadId=self._upload)
        self._buffer.clear()
        super().close()

    def _commit(self) -> None:
        rest = bytes(self._buffer)
        if self._upload is None:
            with aws_errors("s3", "PutObject", about=self._where):
                answer: Any = self._client.put_object(Bucket=self._bucket, Key=self._key, Body=rest, **self._encryption)
        else:
            if rest:
                self._send(rest)
            with aws_errors("s3", "CompleteMultipartUpload", about=self._where):
                answer = self._client.complete_multipart_upload(
                    Bucket=self._bucket,
                    Key=self._key,
                    UploadId=self._upload,
                    MultipartUpload={"Parts": self._parts},
                )
        self.checksum = checksum_in(answer)
        self._buffer.clear()

    def _send(self, data: bytes) -> None:
        if self._upload is None:
            with aws_errors("s3", "CreateMultipartUpload", about=self._where):
                begun = self._client.create_multipart_upload(
                    Bucket=self._bucket,
                    Key=self._key,
                    ChecksumAlgorithm="CRC64NVME",
                    ChecksumType="FULL_OBJECT",
                    **self._encryption,
                )
            self._upload = begun["UploadId"]
        number = len(self._parts) + 1
        with aws_errors("s3", "UploadPart", about=self._where):
            answer: Any = self._client.upload_part(
                Bucket=self._bucket, Key=self._key, UploadId=self._upload, PartNumber=number, Body=data
            )
        checksums = {
            name: value for name, value in answer.items() if name.startswith("Checksum") and name != "ChecksumType"
        }
        self._parts.append({"PartNumber": number, "ETag": answer["ETag"]} | checksums)

    @property
    def _where(self) -> str:
        return f"s3://{self._bucket}/{self._key}"
