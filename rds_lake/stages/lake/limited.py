"""Limits a lake to one source: it deletes only objects that belong to the source by lake.yaml.

What belongs here: the limit. Which of AWS's exports belong to a source is decided by its kind (`own_exports.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.model.lake.deletable import deletable_of_source
from rds_lake.stages.lake.lake import Lake


def limited_lake(lake: Lake, config: LakeConfig, source: str, *, owns: Callable[[str], bool]) -> Lake:
    """Returns the lake, limited to deleting objects of the source.

    `owns`: whether a folder below the export prefix is an export of the source; it is called only before a deletion there.
    """
    exports = (config.lake.exports_bucket, config.lake.export_prefix)
    deletable = deletable_of_source(lake.layout, source, exports, owns=owns)
    return replace(lake, s3=lake.s3.limited(deletable), glue=lake.glue.limited(source))
