"""`rds-lake refresh`: writes the tables of each source, for Dagster to load. One source: `stages/lake/refresh.py`."""

from __future__ import annotations

from collections.abc import Callable

from rds_lake.aws.s3.gateway import S3Gateway
from rds_lake.aws.session import open_clients
from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.console.connect import connect, has_dagster
from rds_lake.errors import RdsLakeError
from rds_lake.model.words import counted
from rds_lake.stages.lake.known_tables import save_known_tables
from rds_lake.stages.lake.refresh import newest_tables


def refresh(config: LakeConfig, names: tuple[str, ...], *, dagster_home: str | None, say: Callable[[str], None]) -> int:
    """Write the tables of the named sources, or of all, and record in Dagster the dates that it does not show yet.

    Returns the exit code: 1 if a named source, or every source, could not be written. A source whose tables cannot be read, or
    that has no date yet, does not prevent the others.
    """
    status = _write(S3Gateway(open_clients(region=config.lake.region).s3), config, names, say)
    if has_dagster(dagster_home, otherwise="new tables show their earlier dates as missing"):
        from rds_lake.console.tell_dagster import tell_missing  # imports Dagster, which takes a second

        connected = connect(config)
        for source in connected.sources(names):
            if count := tell_missing(connected, source):
                say(
                    f"{source.name}: Dagster now shows {count} more date{'s' * (count != 1)} of tables that are published already"
                )
    return status


def _write(s3: S3Gateway, config: LakeConfig, names: tuple[str, ...], say: Callable[[str], None]) -> int:
    written, missing = 0, 0
    for source in [config.source(name) for name in names] or config.sources:
        try:
            newest = newest_tables(s3, config, source)
            path = save_known_tables(config, source, newest[1]) if newest else None
        except RdsLakeError as error:
            say(f"{source.name}: {error}")
            missing += 1
            continue
        if newest is None:
            say(f"{source.name}: no date is in the lake yet; repeat the command after its first date")
            missing += bool(names)
            continue
        say(
            f"{source.name}: {counted(len(newest[1]), 'table')} of {newest[0]} written to {path}; reload the code location"
        )
        written += 1
    return 1 if missing or not written else 0
