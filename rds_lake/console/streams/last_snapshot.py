"""Captured tables without a database: columns from the newest manifest, keys from the command line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rds_lake.aws.s3.gateway import S3Gateway
from rds_lake.config.database import Database
from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.errors import ConfigError
from rds_lake.model.aws.engine import engine_of
from rds_lake.model.lake.layout import LakeLayout
from rds_lake.model.streams.captured import Capture, CapturedColumn, CapturedTable, Level
from rds_lake.model.tables.table import Column, TableTarget
from rds_lake.stages.lake.handover import get_manifest, list_dates


def tables_of_last_snapshot(
    s3: S3Gateway, config: LakeConfig, source: Database, keys: Sequence[str]
) -> tuple[CapturedTable, ...]:
    """Returns the tables of `streams:`. `keys`: `TABLE=COLUMN,COLUMN`, each table's primary key, which exports do not have.

    ConfigError lists every table without a key or snapshot, and every key without a column.
    """
    streams = source.streams
    assert streams is not None
    layout = LakeLayout(bucket=config.lake.bucket, prefix=config.lake.prefix)
    newest = max(list_dates(s3, layout, source.name), default=None)
    if newest is None:
        raise ConfigError(f"no snapshot of {source.name} is in the lake yet; give the database with --dsn")
    columns = {table.target: table.columns for table in get_manifest(s3, layout, source.name, newest).tables}
    said = {name: tuple(words.split(",")) for name, _, words in (key.partition("=") for key in keys)}
    targets = dict(
        zip(streams.tables, streams.targets(engine_of(source.engine) if source.engine else None), strict=True)
    )
    if problems := _problems(targets, columns, said):
        raise ConfigError(
            f"the snapshot of {newest} is not enough; correct --key, or give the database with --dsn:", problems
        )
    return tuple(
        CapturedTable(
            target=target,
            columns=tuple(_column(column) for column in columns[target]),
            key=said[name],
            capture=Capture(streams.capture),
            level=Level(streams.level),
        )
        for name, target in targets.items()
    )


def _problems(
    targets: Mapping[str, TableTarget],
    columns: Mapping[TableTarget, Sequence[Column]],
    said: Mapping[str, tuple[str, ...]],
) -> list[str]:
    problems = [f"--key {name}: is not a table of `streams.tables`" for name in said if name not in targets]
    for name, target in targets.items():
        if target not in columns:
            problems.append(
                f"{name}: is not in that snapshot (of a partitioned table, a snapshot has the partitions only)"
            )
        elif name not in said:
            problems.append(f"{name}: a snapshot has no keys; add --key '{name}=<the columns of its primary key>'")
        else:
            there = {column.name for column in columns[target]}
            problems += [f"--key {name}: it has no column {word!r}" for word in said[name] if word not in there]
    return problems


def _column(column: Column) -> CapturedColumn:
    word = column.original_type or column.hive_type
    return CapturedColumn(
        name=column.name, type=f"{word}({column.char_max_length})" if column.char_max_length else word
    )
