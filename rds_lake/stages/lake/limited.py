"""A lake for the work of one source: it deletes only what lake.yaml gives to that source.

What belongs here: the limiting. Which exports of AWS are a source's own is said by its kind (`own_exports.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.model.lake.deletable import deletable_of_source
from rds_lake.stages.lake.lake import Lake


def limited_lake(lake: Lake, config: LakeConfig, source: str, *, owns: Callable[[str], bool]) -> Lake:
    """The lake, which deletes only objects of the source.

    `owns`: whether a folder below the export prefix is an export of the source; AWS is only asked when something is to be
    deleted there.
    """
    exports = (config.lake.exports_bucket, config.lake.export_prefix)
    deletable = deletable_of_source(lake.layout, source, exports, owns=owns)
    return replace(lake, s3=lake.s3.limited(deletable), glue=lake.glue.limited(source))
