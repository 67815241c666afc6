"""S3's data about objects, as values: a listed object, its size and checksum, an incomplete upload."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

GIB = 1024**3
MIB = 1024**2
_CHECKSUMS = ("CRC64NVME", "CRC32", "CRC32C", "SHA1", "SHA256")


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Object:
    """One listed object. `bytes`: its size; `modified`: when it was written; `etag`: its version, if the listing has it."""

    key: str
    bytes: int
    modified: datetime | None = None
    etag: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A multipart upload that was never completed. AWS bills its parts, `bytes` in all."""

    key: str
    upload_id: str
    initiated: datetime
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectHead:
    """Size in bytes, and `ALGORITHM:value` if S3 has a checksum of the whole object.

    A checksum of parts (COMPOSITE) is not a checksum of the content, and is left out.
    """

    bytes: int
    checksum: str | None


def uri(bucket: str, key: str) -> str:
    """Returns the s3:// URI of the object or prefix."""
    return f"s3://{bucket}/{key}"


def encryption(kms_key: str | None) -> dict[str, Any]:
    """Returns the arguments with which S3 encrypts an object with the key."""
    return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": kms_key} if kms_key else {}


def checksum_in(head: Any) -> str | None:
    """Returns the checksum of the whole object in an answer of S3, as `ALGORITHM:value`."""
    if head.get("ChecksumType") == "COMPOSITE":
        return None
    for algorithm in _CHECKSUMS:
        value = head.get(f"Checksum{algorithm}")
        # S3 writes the checksum of parts as `value-count`, also where it names no type.
        if value and "-" not in value:
            return f"{algorithm}:{value}"
    return None
