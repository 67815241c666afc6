"""S3 through boto3: listing, small objects, ranged reads, server-side copies, deletes.

What belongs here: calls with paging, limits and errors per object. `stages/databases/relocation/relocate.py` decides what is
copied, and verifies copies.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from botocore.exceptions import FlexibleChecksumError, IncompleteReadError, ReadTimeoutError, ResponseStreamingError
from urllib3.exceptions import HTTPError

from rds_lake.aws.denied import advice_in
from rds_lake.aws.s3.body import read_within
from rds_lake.aws.s3.copying import Copy, CopyLimits
from rds_lake.aws.s3.objects import MIB, ObjectHead, S3Object, Upload, checksum_in, encryption, uri
from rds_lake.aws.s3.wire import Wire
from rds_lake.aws.translate import aws_errors
from rds_lake.errors import AwsError, ConflictError, MalformedExportError, RelocationError
from rds_lake.model.lake.deletable import Deletable
from rds_lake.model.words import counted
from rds_lake.threads import cancelling_threads

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

_DELETE_BATCH = 1000
_DELETES = 8
_READS = 3
_MISSING = ("404", "NoSuchKey", "NotFound")  # a HEAD has no body with S3's own code
MOST_TEXT = 64 * MIB  # for records; lists and manifests of a million files have their own limits
MOST_LISTED = 512 * MIB
# Characters that XML cannot contain, and the one (carriage return) that XML reads as another. Such a key is deleted by its URL,
# alone: S3 would refuse a whole request of a thousand keys because of it, in every repetition.
_BEYOND_XML = re.compile(r"[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# Errors of a body that was interrupted or damaged in transfer.
_SPOILT = (ResponseStreamingError, ReadTimeoutError, IncompleteReadError, FlexibleChecksumError, HTTPError)


class S3Gateway:
    """Objects of any bucket that the credentials can access. Deletes only `deletable` keys; none if `deletable` is not given."""

    def __init__(self, client: S3Client, wire: Wire | None = None, deletable: Deletable | None = None) -> None:
        """`wire` is the fast client for thousands of requests (`many.py`); without it, boto3 makes all requests."""
        self._client = client
        self.wire = wire
        self.deletable = deletable or Deletable()

    def limited(self, deletable: Deletable) -> S3Gateway:
        """Returns the same gateway, which deletes only these keys."""
        return S3Gateway(self._client, self.wire, deletable)

    @property
    def client(self) -> S3Client:
        """The boto3 client, for the files of `stream.py`."""
        return self._client

    def list_objects(self, bucket: str, prefix: str, *, after: str = "") -> Iterator[S3Object]:
        """Returns every object under the prefix, or those after a key, page by page: one call returns at most 1,000 keys."""
        start: dict[str, Any] = {"StartAfter": after} if after else {}
        with aws_errors("s3", "ListObjectsV2", about=uri(bucket, prefix)):
            for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix, **start):
                for item in page.get("Contents", []):
                    yield S3Object(
                        key=item.get("Key", ""),
                        bytes=item.get("Size", 0),
                        modified=item.get("LastModified"),
                        etag=item.get("ETag"),
                    )

    def find_text(self, bucket: str, key: str, *, most: int = MOST_TEXT) -> str | None:
        """Returns the object as UTF-8 text, or None if it does not exist. Errors: as `get_text`."""
        try:
            return self.get_text(bucket, key, most=most)
        except AwsError as error:
            if error.code == "NoSuchKey":
                return None
            raise

    def get_text(self, bucket: str, key: str, *, most: int = MOST_TEXT) -> str:
        """Returns the object as UTF-8 text. ManifestError, before reading, if it has more than `most` bytes."""
        body = self._body(bucket, key, most=most)
        try:
            return body.decode()
        except UnicodeDecodeError as error:
            raise MalformedExportError(f"{uri(bucket, key)} is not UTF-8 text: {error}") from error

    def find_version(self, bucket: str, key: str, *, most: int = MOST_TEXT) -> tuple[str, str] | None:
        """Returns the object as UTF-8 text with its ETag, which `replace_text` needs; None if it does not exist."""
        try:
            body, etag = self._body_and_etag(bucket, key, most=most)
            return body.decode(errors="replace"), etag
        except AwsError as error:
            if error.code == "NoSuchKey":
                return None
            raise

    def put_text(self, bucket: str, key: str, text: str, *, kms_key: str | None) -> None:
        """Write a text in one PUT: readers see either the old or the new object."""
        self.put_bytes(bucket, key, text.encode(), kms_key=kms_key)

    def replace_text(self, bucket: str, key: str, text: str, *, etag: str | None, kms_key: str | None) -> str:
        """Write a text if the object still has this ETag, or (None) if it does not exist; returns the new ETag.

        ConflictError if the object was written or deleted in between.
        """
        return self.replace_bytes(bucket, key, text.encode(), etag=etag, kms_key=kms_key)

    def replace_bytes(self, bucket: str, key: str, body: bytes, *, etag: str | None, kms_key: str | None) -> str:
        """As `replace_text`, for bytes."""
        condition: dict[str, Any] = {"IfMatch": etag} if etag else {"IfNoneMatch": "*"}
        try:
            with aws_errors("s3", "PutObject", about=uri(bucket, key)):
                return self._client.put_object(Bucket=bucket, Key=key, Body=body, **condition, **encryption(kms_key))[
                    "ETag"
                ]
        except AwsError as error:
            if error.code == "NoSuchKey":
                raise _gone("PutObject", bucket, key) from error
            raise

    def put_bytes(self, bucket: str, key: str, body: bytes, *, kms_key: str | None, kind: str | None = None) -> None:
        """Write bytes in one PUT, encrypted with the lake's key if there is one. `kind` is the Content-Type."""
        of_kind: dict[str, Any] = {"ContentType": kind} if kind else {}
        with aws_errors("s3", "PutObject", about=uri(bucket, key)):
            self._client.put_object(Bucket=bucket, Key=key, Body=body, **of_kind, **encryption(kms_key))

    def find_head(self, bucket: str, key: str) -> ObjectHead | None:
        """Returns size and whole-object checksum, or None if the object does not exist."""
        try:
            with aws_errors("s3", "HeadObject", about=uri(bucket, key)):
                head = self._client.head_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")
        except AwsError as error:
            if error.code in _MISSING:
                return None
            raise
        return ObjectHead(bytes=head["ContentLength"], checksum=checksum_in(head))

    def find_etag(self, bucket: str, key: str) -> str | None:
        """Returns the ETag of the current version, as `find_version` does; None if the object does not exist."""
        version = self.find_metadata(bucket, key)
        return version[0] if version else None

    def read_tail(self, bucket: str, key: str, *, bytes: int) -> bytes:
        """Returns the last bytes of an object; the whole object if it is shorter."""
        try:
            return self._body(bucket, key, Range=f"bytes=-{bytes}")
        except AwsError as error:
            if error.code == "InvalidRange":  # S3's answer for an empty object
                return b""
            raise

    def find_start(self, bucket: str, key: str, *, bytes: int) -> bytes | None:
        """Returns the first bytes of an object, the whole object if it is shorter, or None if it does not exist."""
        try:
            return self._body(bucket, key, Range=f"bytes=0-{bytes - 1}")
        except AwsError as error:
            if error.code == "NoSuchKey":
                return None
            if error.code == "InvalidRange":  # S3's answer for an empty object
                return b""
            raise

    def _body(self, bucket: str, key: str, *, most: int | None = None, **arguments: Any) -> bytes:
        return self._body_and_etag(bucket, key, most=most, **arguments)[0]

    def _body_and_etag(self, bucket: str, key: str, *, most: int | None = None, **arguments: Any) -> tuple[bytes, str]:
        """Returns body and ETag. Repeats the request if the body is interrupted or damaged, which botocore does not."""
        with aws_errors("s3", "GetObject", about=uri(bucket, key)):
            for _ in range(_READS - 1):
                answer = self._client.get_object(Bucket=bucket, Key=key, **arguments)
                with suppress(*_SPOILT):
                    return read_within(answer, most, uri(bucket, key)), answer["ETag"]
            answer = self._client.get_object(Bucket=bucket, Key=key, **arguments)
            try:
                return read_within(answer, most, uri(bucket, key)), answer["ETag"]
            except HTTPError as error:
                raise ResponseStreamingError(error=error) from error

    def copy(
        self, source: tuple[str, str], target: tuple[str, str], *, size: int, kms_key: str | None, limits: CopyLimits
    ) -> str | None:
        """Copy one object inside S3, from (bucket, key) to (bucket, key); in parts above CopyObject's limit.

        Returns the copy's checksum as `ALGORITHM:value` if S3's answer has it.
        """
        return Copy(self._client, source, target, kms_key).make(size, limits)

    def find_metadata(self, bucket: str, key: str) -> tuple[str, dict[str, str]] | None:
        """Returns an object's ETag and its user metadata; None if it does not exist."""
        try:
            with aws_errors("s3", "HeadObject", about=uri(bucket, key)):
                head = self._client.head_object(Bucket=bucket, Key=key)
        except AwsError as error:
            if error.code in _MISSING:
                return None
            raise
        return head["ETag"], head.get("Metadata", {})

    def copy_over(
        self,
        source: tuple[str, str],
        target: tuple[str, str],
        *,
        etag: str | None,
        metadata: dict[str, str],
        kms_key: str | None,
    ) -> None:
        """Copy an object of at most 5 GiB in one request, if the target still has this ETag, or (None) if it does not exist.

        ConflictError if the target was written or deleted in between. `metadata`: of the copy.
        """
        condition: dict[str, Any] = {"IfMatch": etag} if etag else {"IfNoneMatch": "*"}
        try:
            with aws_errors("s3", "CopyObject", about=f"{uri(*source)} to {uri(*target)}"):
                self._client.copy_object(
                    Bucket=target[0],
                    Key=target[1],
                    CopySource={"Bucket": source[0], "Key": source[1]},
                    Metadata=metadata,
                    MetadataDirective="REPLACE",
                    **condition,
                    **encryption(kms_key),
                )
        except AwsError as error:
            # S3 returns the same code if the source does not exist and if the target to replace does not exist.
            if error.code != "NoSuchKey" or etag is None or self.find_head(*source) is None:
                raise
            raise _gone("CopyObject", *target) from error

    def list_uploads(self, bucket: str, prefix: str) -> Iterator[Upload]:
        """Returns the multipart uploads under the prefix that were neither completed nor aborted."""
        with aws_errors("s3", "ListMultipartUploads", about=uri(bucket, prefix)):
            pages = self._client.get_paginator("list_multipart_uploads").paginate(Bucket=bucket, Prefix=prefix)
            begun: list[Any] = [item for page in pages for item in page.get("Uploads", [])]
            for item in begun:
                key, upload_id = item["Key"], item["UploadId"]
                parts = self._client.get_paginator("list_parts").paginate(Bucket=bucket, Key=key, UploadId=upload_id)
                size = sum(part.get("Size", 0) for page in parts for part in page.get("Parts", []))
                yield Upload(key=key, upload_id=upload_id, initiated=item["Initiated"], bytes=size)

    def abort_upload(self, bucket: str, upload: Upload) -> None:
        """Abort a multipart upload; a missing upload is not an error. RefusedDeleteError if the key is not `deletable`."""
        self.deletable.require(bucket, [upload.key])
        try:
            with aws_errors("s3", "AbortMultipartUpload", about=uri(bucket, upload.key)):
                self._client.abort_multipart_upload(Bucket=bucket, Key=upload.key, UploadId=upload.upload_id)
        except AwsError as error:
            if error.code != "NoSuchUpload":
                raise

    def delete(self, bucket: str, keys: Sequence[str]) -> None:
        """Delete objects, 1,000 per call.

        RelocationError lists every key that S3 did not delete, although it answers the call with 200.
        RefusedDeleteError, before the first call, if a key is not `deletable`.
        """
        self.deletable.require(bucket, keys)
        plain = [key for key in keys if not _BEYOND_XML.search(key)]
        batches = [plain[start : start + _DELETE_BATCH] for start in range(0, len(plain), _DELETE_BATCH)]
        batches += [[key] for key in keys if _BEYOND_XML.search(key)]
        with cancelling_threads(_DELETES, "delete") as pool:
            failed = [
                line for lines in pool.map(lambda batch: self._delete_batch(bucket, batch), batches) for line in lines
            ]
        if failed:
            raise RelocationError(
                f"S3 did not delete {len(failed)} of {counted(len(keys), 'object')}; remove the cause (mostly a missing "
                "s3:DeleteObject), then materialize the date again:",
                failed,
            )

    def _delete_batch(self, bucket: str, batch: Sequence[str]) -> list[str]:
        if _BEYOND_XML.search(batch[0]):
            with aws_errors("s3", "DeleteObject", about=uri(bucket, batch[0])):
                self._client.delete_object(Bucket=bucket, Key=batch[0])
            return []
        with aws_errors("s3", "DeleteObjects", about=uri(bucket, batch[0])):
            answer = self._client.delete_objects(
                Bucket=bucket, Delete={"Objects": [{"Key": key} for key in batch], "Quiet": True}
            )
        return [
            f"s3://{bucket}/{error.get('Key')}: {error.get('Code')} {error.get('Message', '')}{advice_in(error.get('Message', ''))}"
            for error in answer.get("Errors", [])
        ]


def _gone(operation: str, bucket: str, key: str) -> ConflictError:
    """Returns the error if the version to replace no longer exists: S3 answers NoSuchKey, not PreconditionFailed."""
    return ConflictError(service="s3", operation=operation, code="NoSuchKey", message=f"{uri(bucket, key)} is gone")
