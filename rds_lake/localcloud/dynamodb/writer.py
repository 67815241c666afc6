"""Writes an export of a DynamoDB table to S3, with AWS's keys and files.

    <prefix>/AWSDynamoDB/01732183200123-0a1b2c3d/_started
    <prefix>/AWSDynamoDB/01732183200123-0a1b2c3d/data/ka3j….json.gz      a file per partition of the table; some are empty
    <prefix>/AWSDynamoDB/data/m2x7….json.gz                              of incremental exports, all in one folder
    <prefix>/AWSDynamoDB/01732183200123-0a1b2c3d/manifest-files.json     a line per data file; beside it manifest-files.md5
    <prefix>/AWSDynamoDB/01732183200123-0a1b2c3d/manifest-summary.json   and manifest-summary.md5

Keys in manifests have the prefix, as real ones do and the documentation's samples do not.

What belongs here: objects and their content. The life of an export is `export.py`.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import secrets
import string
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from rds_lake.localcloud.dynamodb.log import Change, Version
from rds_lake.localcloud.faults.kinds import DynamoDbExportFault

_LETTERS = string.ascii_lowercase + "234567"
_NAME_LENGTH = 26
Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a data file, and the hash of its partition key, which decides on the file."""

    text: str
    partition_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The destination of an export and its encryption; `encryption`: arguments of PutObject."""

    bucket: str
    prefix: str
    export_id: str
    incremental: bool
    encryption: dict[str, str]

    @property
    def root(self) -> str:
        """Returns the folder that all exports with this prefix share."""
        return "/".join(part for part in (self.prefix.strip("/"), "AWSDynamoDB") if part)

    @property
    def folder(self) -> str:
        """Returns the export's own folder."""
        return f"{self.root}/{self.export_id}"

    @property
    def data(self) -> str:
        """Returns the folder of its data files."""
        return f"{self.root}/data" if self.incremental else f"{self.folder}/data"


def full_lines(items: Sequence[tuple[str, Version]], key_name: str) -> Iterator[Line]:
    """Returns the lines of a full export."""
    for key, version in items:
        yield Line(text=f'{{"Item":{version.image}}}', partition_key=_partition_key(key, key_name))


def incremental_lines(changes: Sequence[Change], key_name: str, *, old_images: bool) -> Iterator[Line]:
    """Returns the lines of an incremental export; for an item that was created and deleted in the window, only its keys."""
    for change in changes:
        parts = [f'"Metadata":{{"WriteTimestampMicros":{{"N":"{change.written}"}}}}', f'"Keys":{change.key}']
        if change.old is not None and old_images:
            parts.append(f'"OldImage":{change.old}')
        if change.new is not None:
            parts.append(f'"NewImage":{change.new}')
        yield Line(text=f"{{{','.join(parts)}}}", partition_key=_partition_key(change.key, key_name))


@dataclass(frozen=True, slots=True, kw_only=True)
class DynamoDbWriter:
    """Writes exports. `partitions`: how many files at least; `max_file_bytes` of text in one."""

    s3: Any
    partitions: int
    max_file_bytes: int
    choose: Callable[[str], str] = secrets.choice

    def begin(self, place: Place) -> None:
        """Write the empty object that AWS writes first, to check its rights."""
        self._put(place, f"{place.folder}/_started", b"")

    def write_data(self, place: Place, lines: Iterator[Line], fault: DynamoDbExportFault) -> tuple[list[Json], int]:
        """Write all data files; returns the lines of the manifest, and the number of items."""
        listed = [self._entry(place, chunk) for chunk in self._chunks(lines)]
        # The fullest file: a reader that does not notice the fault loses items.
        victim = max(range(len(listed)), key=lambda number: listed[number][0]["itemCount"])
        for number, (entry, content) in enumerate(listed):
            chosen = number == victim
            if chosen and fault.missing_file:
                entry["etag"] = _multipart_etag(content)
                continue
            entry["etag"] = self._upload(place, entry["dataFileS3Key"], content)
            if chosen and fault.damaged_file:
                self._put(place, entry["dataFileS3Key"], content[:-1] + bytes([content[-1] ^ 1]))
        return [_ordered(entry) for entry, _ in listed], sum(entry["itemCount"] for entry, _ in listed)

    def write_manifests(self, place: Place, files: Sequence[Json], summary: Json) -> str:
        """Write both manifests and their checksums, the summary's last; returns its key."""
        listed = "".join(f"{_compact(entry)}\n" for entry in files)
        self._with_sum(place, "manifest-files", listed)
        summary = summary | {"manifestFilesS3Key": f"{place.folder}/manifest-files.json"}
        self._with_sum(place, "manifest-summary", f"{_compact(_summary_ordered(summary))}\n")
        return f"{place.folder}/manifest-summary.json"

    def _chunks(self, lines: Iterator[Line]) -> Iterator[list[str]]:
        """Returns the lines of each file. An empty partition has an empty file."""
        files: list[list[str]] = [[] for _ in range(self.partitions)]
        sizes = [0] * self.partitions
        for line in lines:
            digest = hashlib.md5(line.partition_key.encode(), usedforsecurity=False).digest()
            number = int.from_bytes(digest[:8], "big") % self.partitions
            if sizes[number] > self.max_file_bytes:
                yield files[number]
                files[number], sizes[number] = [], 0
            files[number].append(line.text)
            sizes[number] += len(line.text)
        yield from files

    def _entry(self, place: Place, lines: Sequence[str]) -> tuple[Json, bytes]:
        content = gzip.compress("".join(f"{line}\n" for line in lines).encode(), 6, mtime=0)
        name = "".join(self.choose(_LETTERS) for _ in range(_NAME_LENGTH))
        key = f"{place.data}/{name}.json.gz"
        return {"itemCount": len(lines), "md5Checksum": _sum(content), "dataFileS3Key": key}, content

    def _upload(self, place: Place, key: str, content: bytes) -> str:
        """Upload in one part of a multipart upload, as AWS does, and return the ETag."""
        where = {"Bucket": place.bucket, "Key": key}
        upload = where | {"UploadId": self.s3.create_multipart_upload(**where, **place.encryption)["UploadId"]}
        part = self.s3.upload_part(**upload, PartNumber=1, Body=content)
        parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
        return self.s3.complete_multipart_upload(**upload, MultipartUpload=parts)["ETag"].strip('"')

    def _with_sum(self, place: Place, name: str, content: str) -> None:
        self._put(place, f"{place.folder}/{name}.json", content.encode())
        self._put(place, f"{place.folder}/{name}.md5", _sum(content.encode()).encode())

    def _put(self, place: Place, key: str, content: bytes) -> None:
        self.s3.put_object(Bucket=place.bucket, Key=key, Body=content, **place.encryption)


def _partition_key(key: str, name: str) -> str:
    return json.dumps(json.loads(key)[name])


def _sum(content: bytes) -> str:
    return base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()


def _multipart_etag(content: bytes) -> str:
    inner = hashlib.md5(content, usedforsecurity=False).digest()
    return f"{hashlib.md5(inner, usedforsecurity=False).hexdigest()}-1"


def _compact(value: Json) -> str:
    return json.dumps(value, separators=(",", ":"))


def _ordered(entry: Json) -> Json:
    return {name: entry[name] for name in ("itemCount", "md5Checksum", "etag", "dataFileS3Key")}


_SUMMARY = (
    "version", "exportArn", "startTime", "endTime", "tableArn", "tableId", "exportTime", "exportFromTime", "exportToTime",
    "s3Bucket", "s3Prefix", "s3SseAlgorithm", "s3SseKmsKeyId", "manifestFilesS3Key", "billedSizeBytes", "itemCount",
    "outputFormat", "outputView", "exportType",
)  # fmt: skip


def _summary_ordered(summary: Json) -> Json:
    return {name: summary[name] for name in _SUMMARY if name in summary}
