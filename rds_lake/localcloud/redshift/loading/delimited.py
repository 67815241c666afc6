"""Lines of delimited text and of CSV as rows of texts.

(https://docs.aws.amazon.com/redshift/latest/dg/copy-parameters-data-format.html,
https://docs.aws.amazon.com/redshift/latest/dg/copy-parameters-data-conversion.html)
"""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Iterator
from dataclasses import dataclass

from rds_lake.localcloud.redshift.errors import StatementFailedError
from rds_lake.localcloud.redshift.loading.objects import LoadedFile
from rds_lake.localcloud.redshift.loading.options import Copy


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One row. `number`: of its line in the file, from 1."""

    url: str
    number: int
    values: list[str | None]


def lines_of(copy: Copy, file: LoadedFile) -> Iterator[Line]:
    """Rows of a file, its header lines left out; StatementFailedError when it is no gzip or no UTF-8."""
    content = file.content
    if "GZIP" in copy.flags:
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError) as error:
            raise StatementFailedError(f"{file.url} is not in gzip format") from error
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise StatementFailedError(f"{file.url}: invalid UTF8 at byte {error.start}") from error
    rows = _csv(copy, text) if copy.format == "CSV" else _plain(copy, text)
    for number, values in rows:
        blank = not values or values == [""]
        if number > copy.ignoreheader and not (blank and ("IGNOREBLANKLINES" in copy.flags or not values)):
            yield Line(url=file.url, number=number, values=[_null(copy, value) for value in values])


def _csv(copy: Copy, text: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=copy.delimiter, quotechar=copy.quote)
    before = 0
    for values in reader:
        yield before + 1, values
        before = reader.line_num


def _plain(copy: Copy, text: str) -> Iterator[tuple[int, list[str]]]:
    for number, line in enumerate(text.removesuffix("\n").split("\n") if text else (), 1):
        values = line.removesuffix("\r").split(copy.delimiter)
        if "REMOVEQUOTES" in copy.flags:
            values = [_unquoted(value) for value in values]
        yield number, values


def _unquoted(value: str) -> str:
    quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "'\""
    return value[1:-1] if quoted else value


def _null(copy: Copy, value: str) -> str | None:
    return None if value == copy.null else value
