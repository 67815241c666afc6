"""Reads delimited text and CSV as rows of texts.

(https://docs.aws.amazon.com/redshift/latest/dg/copy-parameters-data-format.html,
https://docs.aws.amazon.com/redshift/latest/dg/copy-parameters-data-conversion.html)
"""

from __future__ import annotations

import bz2
import csv
import gzip
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import IO, Any

import pyarrow as pa

from rds_lake.localcloud.redshift.errors import StatementFailedError
from rds_lake.localcloud.redshift.loading.objects import LoadedFile
from rds_lake.localcloud.redshift.loading.options import COMPRESSIONS, Copy

# Bytes that are not UTF-8 are decoded to surrogates; `converting.py` refuses or replaces them.
_CARRIED = "surrogateescape"
_NO_END = "Delimited value missing end quote"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One row. `number`: of its line in the file, from 1; `values`: in the columns' order; `bad`: why it cannot be read."""

    url: str
    number: int
    values: list[str | None]
    raw: str = ""
    bad: str = ""


def opened(copy: Copy, file: LoadedFile) -> IO[bytes]:
    """Returns the content of a file, decompressed while it is read."""
    source: Any = io.BytesIO(file.content)
    if "GZIP" in copy.flags:
        return gzip.open(source)  # type: ignore[return-value]
    if "BZIP2" in copy.flags:
        return bz2.open(source)  # type: ignore[return-value]
    return io.BufferedReader(pa.CompressedInputStream(source, "zstd")) if "ZSTD" in copy.flags else source  # type: ignore[arg-type]


def unreadable(copy: Copy, file: LoadedFile) -> StatementFailedError:
    """Returns the error of a file that is not compressed as the COPY says."""
    kind = next((word for word in COMPRESSIONS if word in copy.flags), "")
    return StatementFailedError(f"{file.url} is not in {kind.lower()} format")


def lines_of(copy: Copy, file: LoadedFile) -> Iterator[Line]:
    """Returns the rows of a file without its header lines. StatementFailedError if it cannot be decompressed."""
    try:
        yield from rows_of(copy, file, opened(copy, file), 0)
    except (OSError, EOFError, pa.ArrowException) as error:
        raise unreadable(copy, file) from error


def rows_of(copy: Copy, file: LoadedFile, content: IO[bytes], before: int) -> Iterator[Line]:
    """Returns the rows of a part of a file. `before`: the number of lines before this part."""
    text = io.TextIOWrapper(
        content, encoding=copy.encoding, errors=_CARRIED if copy.encoding == "utf-8" else "strict", newline=""
    )
    try:
        for number, values, raw, bad in _csv(copy, text) if copy.format == "CSV" else _plain(copy, text):
            blank = not values or values == [""]
            if before + number > copy.ignoreheader and not (blank and ("IGNOREBLANKLINES" in copy.flags or not values)):
                shown = raw.encode("utf-8", "replace").decode()
                yield Line(url=file.url, number=before + number, values=values, raw=shown, bad=bad)
    except UnicodeDecodeError as error:
        raise StatementFailedError(f"{file.url}: invalid {copy.encoding} at byte {error.start}") from error


Row = tuple[int, list[str | None], str, str]


def _csv(copy: Copy, text: Iterable[str]) -> Iterator[Row]:
    reader = csv.reader(text, delimiter=copy.delimiter, quotechar=copy.quote)
    before = 0
    for values in reader:
        yield before + 1, [_null(copy, value) for value in values], copy.delimiter.join(values), ""
        before = reader.line_num


def _plain(copy: Copy, text: Iterable[str]) -> Iterator[Row]:
    escape, quotes = "ESCAPE" in copy.flags, "REMOVEQUOTES" in copy.flags
    for number, line in _joined(text, escape=escape):
        if not escape and not quotes:
            yield number, [_null(copy, value) for value in line.split(copy.delimiter)], line, ""
            continue
        try:
            yield number, [_null(copy, v, k) for v, k in _fields(line, copy, escape=escape, quotes=quotes)], line, ""
        except ValueError as error:
            yield number, [""], line, str(error)


def _joined(text: Iterable[str], *, escape: bool) -> Iterator[tuple[int, str]]:
    """Returns lines with their numbers. With ESCAPE, a backslash at the end of a line joins it with the next."""
    begun, held = 0, ""
    for number, line in enumerate(text, 1):
        begun = begun or number
        whole = held + line
        body = whole.removesuffix("\n")
        if escape and body != whole and (len(body) - len(body.rstrip("\\"))) % 2:
            held = whole
            continue
        yield begun, body.removesuffix("\r")
        begun, held = 0, ""
    if held:
        yield begun, held


def _fields(line: str, copy: Copy, *, escape: bool, quotes: bool) -> Iterator[tuple[str, bool]]:
    r"""Returns the fields of a line, and whether each was written without quotes and escapes (only then is `\N` NULL)."""
    at = 0
    while True:
        quote = line[at] if quotes and at < len(line) and line[at] in "'\"" else ""
        at += len(quote)
        begin, letters, plain = at, [], not quote
        while at < len(line) and line[at] != (quote or copy.delimiter):
            at += int(escape and line[at] == "\\" and at + 1 < len(line))
            letters.append(line[at])
            at += 1
        if quote and at >= len(line):
            raise ValueError(_NO_END)
        raw = line[begin:at]
        yield (raw, True) if plain and raw == copy.null else ("".join(letters), plain and raw == "".join(letters))
        at += len(quote)
        if at >= len(line):
            return
        at += 1  # the delimiter
        if at == len(line):
            yield "", True
            return


def _null(copy: Copy, value: str, plain: bool = True) -> str | None:
    return None if plain and value == copy.null else value
