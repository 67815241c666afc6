"""What a load of files has wrong in itself: which options of COPY a format has.

https://docs.aws.amazon.com/redshift/latest/dg/copy-parameters-data-format.html
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from rds_lake.config.warehouse import LoadOfFiles

_DELIMITED = ("csv", "text")


def file_problems(load: LoadOfFiles) -> Iterator[str]:
    """Every problem of the load."""
    for name, count in Counter(column.name.lower() for column in load.columns).items():
        if count > 1:
            yield f"columns: {name!r} is there {count} times; Redshift takes upper and lower case for the same. Rename all but one"
    for uri, count in Counter(load.files).items():
        if count > 1:
            yield f"files: {uri} is there {count} times, and its rows would be loaded as often; remove all but one"
    if load.format not in _DELIMITED:
        if load.delimiter is not None:
            yield f"delimiter: {load.format} files have none; remove it"
        if load.header_lines:
            yield f"header_lines: {load.format} files have none; remove it"
    if len(load.columns) > 1600:
        yield f"columns: {len(load.columns):,}, and a table of Redshift has at most 1,600; load fewer"
