"""Buckets as folders, for a Spark without S3: `s3://bucket/key` is the file `<folder>/bucket/key`.

Some keys cannot be a path below a folder: they contain `..`, begin with a slash, have a name of 300 bytes, or are the folder of
another key. Such an object becomes the file `%key-<digest>` in its bucket's folder, and changes of that file are stored under the
object's own key.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_LONGEST_NAME = 255  # bytes, of every file system in use


class NotAnObjectError(ValueError):
    """A URI does not name an object of a bucket."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MountedBuckets:
    """All buckets as folders below a folder. `written_as`: a client with the rights of the job's role, which stores changes."""

    s3: Any
    folder: Path
    written_as: Any
    _keys: dict[Path, str] = field(default_factory=dict)

    def fetch(self) -> dict[Path, int]:
        """Copy every object to its file; returns the files, and when each was written (nanoseconds)."""
        for bucket in self.s3.list_buckets()["Buckets"]:
            for page in self.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket["Name"]):
                for item in page.get("Contents", ()):
                    self._fetch(bucket["Name"], item["Key"])
        return self._written()

    def store(self, before: dict[Path, int]) -> None:
        """Upload the files that changed since `before`, and delete the objects of removed files; skips Hadoop's checksum files."""
        after = self._written()
        for path in sorted(before.keys() - after.keys()):
            self.written_as.delete_object(**self._object(path))
        for path in sorted(path for path, when in after.items() if before.get(path) != when):
            if not path.name.endswith(".crc"):
                self.written_as.put_object(**self._object(path), Body=path.read_bytes())

    def _fetch(self, bucket: str, key: str) -> None:
        if is_path(key.removesuffix("/")) and self._placed(self.folder / bucket / key, bucket, key):
            return
        self._placed(
            self.folder / bucket / f"%key-{hashlib.sha256(key.encode()).hexdigest()}", bucket, key, folder=False
        )

    def _placed(self, path: Path, bucket: str, key: str, *, folder: bool = True) -> bool:
        """Write the object to a path; returns False if a file is there instead of a folder, or a folder instead of the file."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if folder and key.endswith("/"):
                return True
            with path.open("xb") as file:
                file.write(self.s3.get_object(Bucket=bucket, Key=key)["Body"].read())
        except (FileExistsError, NotADirectoryError, IsADirectoryError):
            return False
        self._keys[path] = key
        return True

    def _written(self) -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in self.folder.rglob("*") if path.is_file()}

    def _object(self, path: Path) -> dict[str, str]:
        bucket, *key = path.relative_to(self.folder).parts
        return {"Bucket": bucket, "Key": self._keys.get(path, "/".join(key))}


def is_path(key: str) -> bool:
    """Whether a key can be the path of a file below its bucket's folder."""
    names = key.split("/")
    return all(
        name not in ("", ".", "..") and len(name.encode()) <= _LONGEST_NAME and "\0" not in name for name in names
    )


def place_of(folder: Path, uri: str) -> Path:
    """Returns the file of `s3://bucket/key`. NotAnObjectError for anything that is not an object of a bucket."""
    place = uri.removeprefix("s3://")
    if not uri.startswith("s3://") or "/" not in place or not is_path(place):
        raise NotAnObjectError(f"{uri!r} is not an object of a bucket: a job's script and files are s3://bucket/key")
    return folder / place
