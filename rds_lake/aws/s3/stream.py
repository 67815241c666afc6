"""Objects of S3 as files: read from front to back, and written in parts while their content is made.

The two files; what is read and written is the caller's.
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
    """One object, as it was when it was opened. A connection that breaks is taken up again where it broke.

    Before the end is reported, the content is compared with the checksum S3 keeps of it, where that can be computed here (CRC32,
    SHA; what else botocore knows). UnavailableError when they differ: what was read must not be used.
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
        """The next bytes; none where the connection broke, or at the end."""
        check()
        body = self._body or self._open()
        try:
            # Never beyond the end: what is behind it, `_verify` asks for.
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
        """Compare the checksum, once. botocore does so only when it is asked for more than there is."""
        if self._verified:
            return
        try:
            if self._body is not None:
                self._body.read(1)
        except FlexibleChecksumError as error:
            raise self._damaged(str(error)) from error
        except _BROKEN:
            pass  # every byte has come; what broke is the end of the connection
        difference = self._checksum.difference()
        if difference:
            raise self._damaged(difference)
        self._verified = True

    def _open(self) -> Any:
        arguments: Any = {"Range": f"bytes={self._position}-", "IfMatch": self._etag} if self._position else {}
        with aws_errors("s3", "GetObject", about=self._where):
            answer = self._client.get_object(Bucket=self._bucket, Key=self._key, ChecksumMode="ENABLED", **arguments)
        if not self._position:  # a part's answer says nothing of the whole
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
            f"{self._where} arrived damaged: {difference}; what was read was discarded, it can be read again"
        )

    @property
    def _where(self) -> str:
        return f"s3://{self._bucket}/{self._key}"


class S3Writer(io.RawIOBase):
    """A new object, that is there once the file is closed and not before. `abort` leaves nothing.

    At most two parts of 16 MiB are held; an object that fits one part costs one PUT.
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
        """What an error left half written is not an object."""
        self.abort() if kind else self.close()

    def __del__(self) -> None:
        """A file that was never closed is given up: the base class would close it, and so make the object."""
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
        """Give the object up; parts that were sent are removed, as they are billed until then."""
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
