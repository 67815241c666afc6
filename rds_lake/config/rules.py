"""What sources of lake.yaml have wrong together, or with the lake.

What belongs here: these rules, each a function that yields sentences. What one source alone has wrong is `config/source.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TypeVar

from rds_lake.config.dynamodb import is_table_name
from rds_lake.config.lake import LakeSettings
from rds_lake.config.source import SourceSettings

_T = TypeVar("_T")
_READS = {"rds": "instance", "aurora": "cluster"}


def problems_together(lake: LakeSettings, sources: Sequence[SourceSettings]) -> list[str]:
    """Every problem, in sentences that say what to do."""
    rules = (_twice, _starts, _dynamodb, _databases, _glue, _retention, _places)
    return [problem for rule in rules for problem in rule(lake, sources)]


def _twice(_lake: LakeSettings, sources: Sequence[SourceSettings]) -> Iterator[str]:
    names = Counter(source.name for source in sources)
    identifiers = Counter((source.kind, source.identifier.lower()) for source in sources if source.identifier)
    tables = Counter(table for source in sources for table in source.tables if is_table_name(table))
    for name in _repeated(names):
        yield f"two sources are named {name!r}: names must differ"
    for kind, identifier in _repeated(identifiers):
        yield f"two sources read {_READS[kind]} {identifier!r}: list all its tables under one source"
    for table in _repeated(tables):
        yield f"{tables[table]} sources have the DynamoDB table {table!r}: each would pay for an export of it"


def _repeated(counted: Counter[_T]) -> Iterator[_T]:
    return (one for one, count in counted.items() if count > 1)


def _starts(lake: LakeSettings, sources: Sequence[SourceSettings]) -> Iterator[str]:
    if lake.start_date.year < 2010:
        yield f"lake.start_date {lake.start_date} is out of range"
    for source in sources:
        if source.start_date and source.start_date < lake.start_date:
            yield f"source {source.name!r} starts {source.start_date}, before the lake's start_date {lake.start_date}"


def _dynamodb(lake: LakeSettings, sources: Sequence[SourceSettings]) -> Iterator[str]:
    for source in sources:
        if source.kind == "dynamodb" and lake.reconcile_days == 0:
            yield (
                f"source {source.name!r}: nothing in AWS begins an export of DynamoDB, and lake.reconcile_days 0 lets nothing of "
                "ours begin one; raise it"
            )


def _databases(lake: LakeSettings, sources: Sequence[SourceSettings]) -> Iterator[str]:
    lacking = [f"lake.{name}" for name in ("export_role", "kms_key") if getattr(lake, name) is None]
    for source in sources:
        if lacking and source.kind != "dynamodb":
            yield (
                f"source {source.name!r}: RDS exports no snapshot without {' and '.join(lacking)}; add "
                f"{'them' if len(lacking) > 1 else 'it'} (`rds-lake setup` makes what does not exist yet)"
            )


def _glue(lake: LakeSettings, sources: Sequence[SourceSettings]) -> Iterator[str]:
    for source in sources:
        if source.by_glue and lake.glue_role is None:
            yield f"source {source.name!r} converts by Glue, and the lake has no `glue_role` for the job; add one"


def _places(lake: LakeSettings, sources: Sequence[SourceSettings]) -> Iterator[str]:
    """AWS's exports within a source's own folder would be taken for leftovers of its tables, and removed."""
    for source in sources:
        folder = "/".join(part for part in (lake.prefix, source.name) if part)
        if lake.exports_bucket == lake.bucket and f"{lake.export_prefix}/".startswith(f"{folder}/"):
            yield (
                f"lake.export_prefix {lake.export_prefix!r} lies within {folder}/, the folder of source {source.name!r}, where only "
                "its tables may lie; choose another export_prefix"
            )


def _retention(lake: LakeSettings, sources: Sequence[SourceSettings]) -> Iterator[str]:
    for source in sources:
        if source.retention and source.retention.daily < lake.reconcile_days:
            yield (
                f"source {source.name!r}: retention.daily {source.retention.daily} is less than lake.reconcile_days "
                f"{lake.reconcile_days}: what retention removes could be exported, and paid, again; raise the one or lower the other"
            )
