"""`rds-lake refresh`: the tables of every source, written for Dagster to load.

What belongs here: going through the sources. One source's tables are `stages/lake/refresh.py`.
"""

from __future__ import annotations

from collections.abc import Callable

from rds_lake.aws.s3.gateway import S3Gateway
from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.errors import RdsLakeError
from rds_lake.stages.lake.known_tables import save_known_tables
from rds_lake.stages.lake.refresh import newest_tables


def refresh(s3: S3Gateway, config: LakeConfig, names: tuple[str, ...], *, say: Callable[[str], None]) -> int:
    """Write the tables of the named sources, or of all; 1 where a named source, or every source, could not be written.

    A source whose tables cannot be read, or that has none yet, does not keep the others from being written.
    """
    written, missing = 0, 0
    for source in [config.source(name) for name in names] or config.sources:
        try:
            found = newest_tables(s3, config, source)
            path = save_known_tables(config, source, found[1]) if found else None
        except RdsLakeError as error:
            say(f"{source.name}: {error}")
            missing += 1
            continue
        if found is None:
            say(f"{source.name}: no date is in the lake yet; refresh again after its first")
            missing += bool(names)
            continue
        say(f"{source.name}: {len(found[1])} tables of {found[0]} written to {path}; reload the code location")
        written += 1
    return 1 if missing or not written else 0
