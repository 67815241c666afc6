"""Files as Spark's cluster sees them: by URI, through Hadoop's own file systems, with the cluster's own rights.

On AWS a URI is `s3://bucket/key`. With a mount (local Spark has no S3) the same URI is the file `<mount>/bucket/key`.

What belongs here: names, sizes, checksums and small texts. Lines of items go through Spark's readers.
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
    """The files of one session."""

    spark: SparkSession
    mount: str | None = None

    def path(self, uri: str) -> str:
        """Where the URI is, for Hadoop."""
        if self.mount is None:
            return uri
        return f"file://{self.mount.rstrip('/')}/{uri.partition('://')[2]}"

    def pattern(self, uri: str) -> str:
        """The same for Spark's readers, which take `*` and the like for wildcards."""
        return self.path(uri).translate(_GLOB)

    def read_text(self, uri: str) -> str:
        ((text,),) = self.spark.read.option("wholetext", "true").text(self.pattern(uri)).collect()
        return text

    def write_text(self, uri: str, text: str) -> None:
        path, system = self._hadoop(uri)
        stream = system.create(path, True)
        stream.write(bytearray(text.encode()))
        stream.close()

    def sizes(self, folder: str) -> dict[str, int]:
        """Bytes of every file of a folder, by name; empty where there is no such folder."""
        path, system = self._hadoop(folder)
        if not system.exists(path):
            return {}
        found = system.listStatus(path)
        return {one.getPath().getName(): one.getLen() for one in found if not one.isDirectory()}

    def problems(self, inputs: Sequence[JobInput]) -> list[tuple[str, str]]:
        """URI and what is wrong: missing, of another size, of another MD5."""
        folders = {uri: self.sizes(uri) for uri in {_folder(one.uri) for one in inputs}}
        found: list[tuple[str, str]] = []
        for one in inputs:
            size = folders[_folder(one.uri)].get(_name(one.uri))
            if size is None:
                found.append((one.uri, "the file is missing"))
            elif one.bytes is not None and size != one.bytes:
                found.append((one.uri, f"it has {size:,} bytes, the manifest says {one.bytes:,}"))
        return found or self._other_sums([one for one in inputs if one.md5 and _summed(one)])

    def _other_sums(self, inputs: Sequence[JobInput]) -> list[tuple[str, str]]:
        if not inputs:
            return []
        paths = [self.pattern(one.uri) for one in inputs]
        rows = self.spark.read.format("binaryFile").load(paths).select("path", f.md5("content")).collect()
        sums = {key(path): sum_ for path, sum_ in rows}
        found = [(one, sums.get(key(self.path(one.uri))), b64decode(one.md5 or "").hex()) for one in inputs]
        return [
            (one.uri, f"its MD5 is {sum_}, the manifest says {wanted} (both in hexadecimal)")
            for one, sum_, wanted in found
            if sum_ != wanted
        ]

    def _hadoop(self, uri: str) -> tuple[Any, Any]:
        context: Any = self.spark.sparkContext
        path = context._jvm.org.apache.hadoop.fs.Path(self.path(uri))
        return path, path.getFileSystem(context._jsc.hadoopConfiguration())


def unverified(inputs: Iterable[JobInput]) -> tuple[str, ...]:
    """The files whose MD5 is known but too much to compute."""
    return tuple(one.uri for one in inputs if one.md5 and not _summed(one))


def key(path: str) -> str:
    """A path as it was given and as Hadoop writes it, made equal."""
    return path.replace(":///", ":/")


def key_of_name(name: str) -> str:
    """The same for what Spark's `input_file_name` gives, which is escaped."""
    return key(unquote(name))


def _summed(one: JobInput) -> bool:
    return one.bytes is not None and one.bytes <= _LARGEST_SUMMED


def _folder(uri: str) -> str:
    return uri.rpartition("/")[0] + "/"


def _name(uri: str) -> str:
    return uri.rpartition("/")[2]
