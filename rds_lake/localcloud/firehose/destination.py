"""The S3 destination of a stream, read from CreateDeliveryStream; settings that the local cloud does not support are refused.

(https://docs.aws.amazon.com/firehose/latest/APIReference/API_ExtendedS3DestinationConfiguration.html)
"""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rds_lake.localcloud.firehose.prefixes import check_prefixes
from rds_lake.localcloud.http.app import ApiError

Json = dict[str, Any]
_SIZE_MB, _INTERVAL_SECONDS = 5, 300
_EXTENSIONS = {"UNCOMPRESSED": "", "GZIP": ".gz"}
_WITHOUT_EFFECT = ("CloudWatchLoggingOptions", "S3BackupMode")
_TAKEN = {
    "RoleARN", "BucketARN", "Prefix", "ErrorOutputPrefix", "BufferingHints", "CompressionFormat", "FileExtension",
    "EncryptionConfiguration", "ProcessingConfiguration", *_WITHOUT_EFFECT,
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """Where and how objects are written. `delimiter` is added to each record; `kms_key`: an ARN."""

    role: str
    bucket: str
    prefix: str | None
    size: int
    seconds: int
    compression: str
    extension: str
    delimiter: bytes
    kms_key: str | None
    shown: Json

    def body(self, records: list[bytes]) -> bytes:
        """Returns the content of an object with these records."""
        whole = b"".join(record + self.delimiter for record in records)
        return gzip.compress(whole, compresslevel=6) if self.compression == "GZIP" else whole

    @property
    def encryption(self) -> Json:
        return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": self.kms_key} if self.kms_key else {}


def read_destination(given: Mapping[str, Any]) -> Destination:
    """Returns the destination. ApiError names settings that AWS refuses, or that the local cloud does not have."""
    _refuse_unknown(given)
    check_prefixes(given.get("Prefix"), given.get("ErrorOutputPrefix"))
    hints = given.get("BufferingHints") or {}
    size, seconds = hints.get("SizeInMBs", _SIZE_MB), hints.get("IntervalInSeconds", _INTERVAL_SECONDS)
    _check_range("bufferingHints.sizeInMBs", size, 1, 128)
    _check_range("bufferingHints.intervalInSeconds", seconds, 0, 900)
    compression = given.get("CompressionFormat", "UNCOMPRESSED")
    if compression not in _EXTENSIONS:
        raise _limit(f"CompressionFormat {compression}; it has {', '.join(_EXTENSIONS)}")
    defaults = {
        "BufferingHints": {"SizeInMBs": size, "IntervalInSeconds": seconds},
        "CompressionFormat": compression,
        "EncryptionConfiguration": {"NoEncryptionConfig": "NoEncryption"},
        "S3BackupMode": "Disabled",
    }
    kms = (given.get("EncryptionConfiguration") or {}).get("KMSEncryptionConfig") or {}
    return Destination(
        role=given["RoleARN"],
        bucket=given["BucketARN"].rpartition(":::")[2],
        prefix=given.get("Prefix"),
        size=size * 1024 * 1024,
        seconds=seconds,
        compression=compression,
        extension=given.get("FileExtension") or _EXTENSIONS[compression],
        delimiter=_delimiter(given.get("ProcessingConfiguration") or {}),
        kms_key=kms.get("AWSKMSKeyARN"),
        shown=defaults | dict(given) | {"BufferingHints": defaults["BufferingHints"]},
    )


def _refuse_unknown(given: Mapping[str, Any]) -> None:
    missing = sorted({"RoleARN", "BucketARN"} - given.keys())
    if missing:
        raise ApiError("ValidationException", f"ExtendedS3DestinationConfiguration lacks {', '.join(missing)}")
    switched_on = [name for name, value in given.items() if isinstance(value, dict) and value.get("Enabled") is False]
    unknown = sorted(given.keys() - _TAKEN - set(switched_on))
    if unknown or given.get("S3BackupMode") == "Enabled":
        raise _limit(f"{', '.join(unknown) or 'S3BackupMode'} of an S3 destination")


def _delimiter(processing: Mapping[str, Any]) -> bytes:
    """Returns the delimiter of AppendDelimiterToRecord; empty without it."""
    if not processing.get("Enabled"):
        return b""
    added = ""
    for processor in processing.get("Processors") or []:
        if processor.get("Type") != "AppendDelimiterToRecord":
            raise _limit(f"processor {processor.get('Type')}; it has AppendDelimiterToRecord")
        parameters = {each["ParameterName"]: each["ParameterValue"] for each in processor.get("Parameters") or []}
        added = parameters.get("Delimiter", "\\n").replace("\\n", "\n")
    return added.encode()


def _check_range(place: str, value: Any, least: int, most: int) -> None:
    if not isinstance(value, int) or not least <= value <= most:
        word, bound = ("less", most) if isinstance(value, int) and value > most else ("greater", least)
        raise ApiError(
            "ValidationException",
            f"1 validation error detected: Value '{value}' at 'extendedS3DestinationConfiguration.{place}' failed to satisfy "
            f"constraint: Member must have value {word} than or equal to {bound}",
        )


def _limit(what: str) -> ApiError:
    return ApiError("InvalidArgumentException", f"The local cloud's limit, not AWS's: it has not {what}.")
