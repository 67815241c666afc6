"""Rules of a load of files: which options of COPY each format allows.

https://docs.aws.amazon.com/redshift/latest/dg/copy-parameters-data-format.html
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from rds_lake.config.warehouse import LoadOfFiles

_DELIMITED = ("csv", "text")


def file_problems(load: LoadOfFiles) -> Iterator[str]:
    """Yields every problem of the load."""
    for name, count in Counter(column.name.lower() for column in load.columns).items():
        if count > 1:
            yield f"columns: {name!r} is listed {count} times (Redshift ignores upper and lower case); rename all but one"
    for uri, count in Counter(load.files).items():
        if count > 1:
            yield f"files: {uri} is listed {count} times, so its rows would be loaded {count} times; keep one"
    if load.format not in _DELIMITED:
        if load.delimiter is not None:
            yield f"delimiter: does not apply to {load.format} files; remove it"
        if load.header_lines:
            yield f"header_lines: does not apply to {load.format} files; remove it"
    if len(load.columns) > 1600:
        yield f"columns: there are {len(load.columns):,}, and Redshift allows 1,600 per table; load fewer"
