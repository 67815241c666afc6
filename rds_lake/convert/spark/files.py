"""Files of a Spark cluster: by URI, through Hadoop's file systems, with the cluster's own rights.

On AWS a URI is `s3://bucket/key`. With a mount (local Spark has no S3) the same URI is the file `<mount>/bucket/key`.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from pyspark.sql import SparkSession  # pyright: ignore[reportMissingImports]
from pyspark.sql import functions as f  # pyright: ignore[reportMissingImports]

from rds_lake.convert.spark.request import JobInput

# A file is one value while Spark computes its MD5, and a worker has several at once.
_LARGEST_SUMMED = 512 * 1024 * 1024
_GLOB = str.maketrans({character: "\\" + character for character in "\\*?[]{}"})


@dataclass(frozen=True, slots=True)
class Files:
    """The files that one Spark session can access."""

    spark: SparkSession
    mount: str | None = None

    def path(self, uri: str) -> str:
        """Returns the URI's path for Hadoop."""
        if self.mount is None:
            return uri
        return f"file://{self.mount.rstrip('/')}/{uri.partition('://')[2]}"

    def pattern(self, uri: str) -> str:
        """Returns the path for Spark's readers, with wildcards such as `*` escaped."""
        return self.path(uri).translate(_GLOB)

    def read_text(self, uri: str) -> str:
        """Returns the whole file as text."""
        ((text,),) = self.spark.read.option("wholetext", "true").text(self.pattern(uri)).collect()
        return text

    def write_text(self, uri: str, text: str) -> None:
        """Create the file, or replace it."""
        path, system = self._hadoop(uri)
        stream = system.create(path, True)
        stream.write(bytearray(text.encode()))
        stream.close()

    def sizes(self, folder: str) -> dict[str, int]:
        """Returns the bytes of every file in a folder, by file name; empty if the folder does not exist."""
        path, system = self._hadoop(folder)
        if not system.exists(path):
            return {}
        entries = system.listStatus(path)
        return {entry.getPath().getName(): entry.getLen() for entry in entries if not entry.isDirectory()}

    def problems(self, inputs: Sequence[JobInput]) -> list[tuple[str, str]]:
        """Returns the files that are missing, of another size or of another MD5: URI, and what is wrong."""
        folders = {uri: self.sizes(uri) for uri in {_folder(file.uri) for file in inputs}}
        problems: list[tuple[str, str]] = []
        for file in inputs:
            size = folders[_folder(file.uri)].get(_name(file.uri))
            if size is None:
                problems.append((file.uri, "the file is missing"))
            elif file.bytes is not None and size != file.bytes:
                problems.append((file.uri, f"it has {size:,} bytes, the manifest says {file.bytes:,}"))
        return problems or self._other_sums([file for file in inputs if file.md5 and _is_summed(file)])

    def _other_sums(self, inputs: Sequence[JobInput]) -> list[tuple[str, str]]:
        if not inputs:
            return []
        paths = [self.pattern(file.uri) for file in inputs]
        rows = self.spark.read.format("binaryFile").load(paths).select("path", f.md5("content")).collect()
        sums = {key(path): sum_ for path, sum_ in rows}
        compared = [(file, sums.get(key(self.path(file.uri))), b64decode(file.md5 or "").hex()) for file in inputs]
        return [
            (file.uri, f"its MD5 is {sum_}, the manifest says {wanted} (both in hexadecimal)")
            for file, sum_, wanted in compared
            if sum_ != wanted
        ]

    def _hadoop(self, uri: str) -> tuple[Any, Any]:
        context: Any = self.spark.sparkContext
        path = context._jvm.org.apache.hadoop.fs.Path(self.path(uri))
        return path, path.getFileSystem(context._jsc.hadoopConfiguration())


def unverified(inputs: Iterable[JobInput]) -> tuple[str, ...]:
    """Returns the URIs of files that have an MD5, but are too large for the job to compute it."""
    return tuple(file.uri for file in inputs if file.md5 and not _is_summed(file))


def key(path: str) -> str:
    """Returns the same text for a path as given and as Hadoop writes it."""
    return path.replace(":///", ":/")


def key_of_name(name: str) -> str:
    """Returns the same text for the value of Spark's `input_file_name`, which is escaped."""
    return key(unquote(name))


def _is_summed(file: JobInput) -> bool:
    return file.bytes is not None and file.bytes <= _LARGEST_SUMMED


def _folder(uri: str) -> str:
    return uri.rpartition("/")[0] + "/"


def _name(uri: str) -> str:
    return uri.rpartition("/")[2]
