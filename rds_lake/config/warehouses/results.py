"""Rules of one result: which options of UNLOAD exclude each other.

https://docs.aws.amazon.com/redshift/latest/dg/r_UNLOAD.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from rds_lake.config.warehouse import UnloadOfQuery

_DELIMITED = ("csv", "text")
PLACEHOLDER = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")
# The placeholders that `to:` may have besides the warehouse's parameters.
OF_THE_RUN = ("run", "date", "warehouse")


def result_problems(result: UnloadOfQuery, parameters: Mapping[str, str]) -> Iterator[str]:
    """Yields every problem of the result."""
    if (result.query is None) == (result.table is None):
        yield "needs either `query:` or `table:`; remove or add one"
    if result.format not in _DELIMITED:
        if result.header:
            yield f"header: does not apply to {result.format} files; remove it"
        if result.delimiter is not None:
            yield f"delimiter: does not apply to {result.format} files; remove it"
    if result.format == "parquet" and result.gzip:
        yield "gzip: Parquet is compressed already, and UNLOAD does not accept GZIP for it; remove it"
    if result.single_file and result.partition_by:
        yield "single_file: a partitioned result has at least one file per partition; remove `single_file` or `partition_by`"
    if "most_gb" in result.model_fields_set and not result.single_file:
        yield "most_gb: is for `single_file: true` only; remove it"
    known = (*OF_THE_RUN, *parameters)
    for name in PLACEHOLDER.findall(result.to):
        if name not in known:
            yield f"to: {{{{{name}}}}} is not known; write one of {', '.join(f'{{{{{word}}}}}' for word in known)}"
