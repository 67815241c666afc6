"""Copies one object inside S3: by CopyObject, or in parts if the object is too large for that.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/CopyingObjectsMPUapi.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rds_lake.aws.budget import tidying
from rds_lake.aws.s3.objects import GIB, MIB, checksum_in, encryption, uri
from rds_lake.aws.translate import aws_errors
from rds_lake.errors import RdsLakeError
from rds_lake.threads import cancelling_threads

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

COPY_LIMIT_BYTES = 5 * GIB  # CopyObject refuses more
_MAX_PARTS = 10_000
_CARRIED = ("ContentType", "ContentEncoding", "ContentDisposition", "ContentLanguage", "CacheControl", "Metadata")
_WHOLE_OBJECT = ("CRC64NVME", "CRC32", "CRC32C")  # the other algorithms give only a checksum of parts


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyLimits:
    """Above `threshold_bytes`, an object is copied in parts of `part_bytes`, `parallel` at a time. Arguments for tests."""

    threshold_bytes: int = COPY_LIMIT_BYTES
    part_bytes: int = 512 * MIB
    parallel: int = 8

    def parts(self, size: int) -> list[tuple[int, int]]:
        """Returns the first and last byte of every part. Parts get larger if the object would need more than 10,000."""
        step = max(self.part_bytes, -(-size // _MAX_PARTS))
        return [(start, min(start + step, size) - 1) for start in range(0, size, step)]


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy from (bucket, key) to (bucket, key).

    S3 encrypts a copy with the setting of the target's bucket, not of the source, so the request names the key.
    """

    client: S3Client
    source: tuple[str, str]
    target: tuple[str, str]
    kms_key: str | None

    def make(self, size: int, limits: CopyLimits) -> str | None:
        """Copy `size` bytes; returns the copy's checksum as `ALGORITHM:value` if S3's answer has it."""
        if size > limits.threshold_bytes:
            return self._in_parts(size, limits)
        with aws_errors("s3", "CopyObject", about=f"{uri(*self.source)} to {uri(*self.target)}"):
            answer = self.client.copy_object(
                Bucket=self.target[0],
                Key=self.target[1],
                CopySource={"Bucket": self.source[0], "Key": self.source[1]},
                **encryption(self.kms_key),
            )
        return checksum_in(answer.get("CopyObjectResult", {}))

    def _in_parts(self, size: int, limits: CopyLimits) -> str | None:
        with aws_errors("s3", "HeadObject", about=uri(*self.source)):
            head: Any = self.client.head_object(Bucket=self.source[0], Key=self.source[1], ChecksumMode="ENABLED")
        upload = self._begin(head)
        try:
            with cancelling_threads(limits.parallel, "parts") as pool:
                numbered = enumerate(limits.parts(size), start=1)
                parts: list[Any] = list(pool.map(lambda part: self._copy_part(upload, head["ETag"], *part), numbered))
            with aws_errors("s3", "CompleteMultipartUpload", about=uri(*self.target)):
                return checksum_in(self.client.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts}))
        except BaseException as error:
            self._abort(upload, error)
            raise

    def _copy_part(self, upload: Any, etag: str, number: int, span: tuple[int, int]) -> Any:
        """Copy the bytes of `span` (first, last); returns the part's entry for CompleteMultipartUpload."""
        first, last = span
        with aws_errors("s3", "UploadPartCopy", about=f"{uri(*self.source)}, bytes {first}-{last}"):
            answer: Any = self.client.upload_part_copy(
                **upload,
                PartNumber=number,
                CopySource={"Bucket": self.source[0], "Key": self.source[1]},
                CopySourceIfMatch=etag,
                CopySourceRange=f"bytes={first}-{last}",
            )
        # S3 requires the checksum that it returned for the part.
        given = answer["CopyPartResult"].items()
        return {"PartNumber": number} | {key: value for key, value in given if key != "LastModified"}

    def _begin(self, head: Any) -> Any:
        """Begin a multipart upload with the properties that CopyObject would copy by itself.

        The checksum is of the whole object, with the source's algorithm, so that both checksums can be compared.
        """
        carried = {name: head[name] for name in _CARRIED if head.get(name)}
        algorithm = (checksum_in(head) or "").split(":")[0]
        if algorithm not in _WHOLE_OBJECT:
            algorithm = "CRC64NVME"
        with aws_errors("s3", "CreateMultipartUpload", about=uri(*self.target)):
            answer = self.client.create_multipart_upload(
                Bucket=self.target[0],
                Key=self.target[1],
                ChecksumAlgorithm=algorithm,  # type: ignore[arg-type]
                ChecksumType="FULL_OBJECT",
                **carried,
                **encryption(self.kms_key),
            )
        return {"Bucket": self.target[0], "Key": self.target[1], "UploadId": answer["UploadId"]}

    def _abort(self, upload: Any, cause: BaseException) -> None:
        """Abort the upload: AWS bills its parts until then. If this fails, the cause gets a note."""
        try:
            with tidying(), aws_errors("s3", "AbortMultipartUpload"):
                self.client.abort_multipart_upload(**upload)
        except RdsLakeError as error:
            cause.add_note(
                f"upload {upload['UploadId']} of s3://{upload['Bucket']}/{upload['Key']} was not aborted: {error}"
            )
