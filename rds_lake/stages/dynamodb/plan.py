"""The plan of a DynamoDB source's dates: which tables are exported, as of which instant, to which folder."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from fnmatch import fnmatchcase

from rds_lake.config.dynamodb import DynamoDb, is_table_name
from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.model.dynamodb.tables import set_prefix


@dataclass(frozen=True, slots=True, kw_only=True)
class DynamoPlan:
    """The plan of a source's dates. `prefix`: the lake's folder of exports; `export_at`: the time of day in UTC."""

    source: str
    tables: tuple[str, ...]
    scans: bool
    export_at: time
    bucket: str
    prefix: str
    kms_key: str | None
    bucket_owner: str | None = None
    timeout: timedelta = timedelta(hours=24)
    incremental: bool = False

    def moment(self, day: date) -> datetime:
        """The instant of the date's snapshot."""
        return datetime.combine(day, self.export_at, UTC)

    def set_prefix(self, day: date) -> str:
        """S3Prefix of the date's exports, without slashes at its ends."""
        return set_prefix(self.prefix, self.source, day)

    @property
    def named(self) -> tuple[str, ...]:
        """Returns the tables named without a wildcard: one that does not exist is an error."""
        return tuple(name for name in self.tables if is_table_name(name))

    @property
    def has_patterns(self) -> bool:
        """Whether tables have to be listed to know which are the source's."""
        return len(self.named) < len(self.tables)

    def matching(self, names: Iterable[str]) -> list[str]:
        """Returns the names that match `tables:` of the source, sorted."""
        return sorted({name for name in names if any(fnmatchcase(name, pattern) for pattern in self.tables)})


def dynamo_plan(config: LakeConfig, source: DynamoDb) -> DynamoPlan:
    """The plan of this source."""
    lake = config.lake
    return DynamoPlan(
        source=source.name,
        tables=source.tables,
        scans=source.method == "scan",
        export_at=source.export_at,
        bucket=lake.exports_bucket,
        prefix=lake.export_prefix,
        kms_key=lake.kms_key,
        bucket_owner=lake.export_bucket_owner,
        timeout=timedelta(hours=source.export_timeout_hours),
        incremental=source.incremental,
    )


def dynamo_plans(config: LakeConfig) -> dict[str, DynamoPlan]:
    """The plans of all DynamoDB sources, by name."""
    return {source.name: dynamo_plan(config, source) for source in config.dynamodb}
