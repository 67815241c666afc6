"""Rules between a source and the `lake:` section, and between two sources.

What belongs here: these rules, each a function that yields one sentence per problem. Rules of a single source are in the file of
its kind.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from rds_lake.config.database import Aurora, Rds
from rds_lake.config.dynamodb import DynamoDb, is_table_name
from rds_lake.config.lake import LakeSettings
from rds_lake.config.reading import judged
from rds_lake.config.source import SourceSettings

_T = TypeVar("_T")


def problems_together(lake: LakeSettings | None, sources: Sequence[SourceSettings]) -> list[str]:
    """Returns every problem as a sentence that says what to do.

    Invalid keys are missing in the settings (`reading.Read`); `lake` is None if the whole section cannot be read.
    """
    problems = [problem for rule in (_names, _identifiers, _tables) for problem in rule(sources)]
    if lake is None:
        return problems
    problems += judged(_lake_starts, lake)
    rules = (_starts, _nothing_begins, _needs_of_rds, _needs_of_glue, _retention, _places)
    return problems + [problem for rule in rules for source in sources for problem in judged(rule, lake, source)]


def problems_alone(source: SourceSettings) -> list[str]:
    """Returns the problems between keys of one source, one sentence each; its invalid keys may be missing."""
    return [problem for rule in source.rules for problem in judged(rule, source)]


def _names(sources: Sequence[SourceSettings]) -> Iterator[str]:
    for name in _repeated(source.name for source in sources if _has(source, "name")):
        yield f"two sources are named {name!r}: give each its own name"


def _identifiers(sources: Sequence[SourceSettings]) -> Iterator[str]:
    for kind, noun in ((Rds, "instance"), (Aurora, "cluster")):
        same = [source for source in sources if isinstance(source, kind) and _has(source, "identifier")]
        for first, later in _repetitions((source.identifier.lower(), source) for source in same):
            yield (
                f"source {_named(later)}: reads {noun} {later.identifier!r}, as source {_named(first)} does; list all its tables "
                "under one source"
            )


def _tables(sources: Sequence[SourceSettings]) -> Iterator[str]:
    sets = [source for source in sources if isinstance(source, DynamoDb) and _has(source, "tables")]
    for table in dict.fromkeys(table for source in sets for table in source.tables if is_table_name(table)):
        first, *others = [source for source in sets if table in source.tables]
        for later in others:
            yield (
                f"source {_named(later)}: has the DynamoDB table {table!r}, as source {_named(first)} does; each would pay for an "
                "export of it"
            )


def _repeated(items: Iterable[_T]) -> list[_T]:
    return [item for item, count in Counter(items).items() if count > 1]


def _repetitions(items: Iterable[tuple[str, _T]]) -> Iterator[tuple[_T, _T]]:
    """Yields the first item of each key together with each later item of the same key."""
    first: dict[str, _T] = {}
    for key, item in items:
        if key in first:
            yield first[key], item
        else:
            first[key] = item


def _named(source: SourceSettings) -> str:
    return repr(source.name) if _has(source, "name") else "without a name"


def _has(source: SourceSettings, key: str) -> bool:
    return key in source.__dict__


def _lake_starts(lake: LakeSettings) -> Iterator[str]:
    if lake.start_date.year < 2010:
        yield f"lake.start_date {lake.start_date} is out of range"


def _starts(lake: LakeSettings, source: SourceSettings) -> Iterator[str]:
    if source.start_date and source.start_date < lake.start_date:
        yield f"source {source.name!r}: start_date {source.start_date} is before the lake's start_date {lake.start_date}"


def _nothing_begins(lake: LakeSettings, source: SourceSettings) -> Iterator[str]:
    if isinstance(source, DynamoDb) and lake.reconcile_days == 0:
        yield (
            f"source {source.name!r}: with lake.reconcile_days 0 no export of DynamoDB is ever started, since AWS starts none "
            "by itself; raise it"
        )


def _needs_of_rds(lake: LakeSettings, source: SourceSettings) -> Iterator[str]:
    lacking = [f"lake.{name}" for name in ("export_role", "kms_key") if getattr(lake, name) is None]
    if lacking and isinstance(source, Rds | Aurora):
        yield (
            f"source {source.name!r}: RDS needs {' and '.join(lacking)} to export a snapshot; add "
            f"{'them' if len(lacking) > 1 else 'it'} (`rds-lake setup` makes what does not exist yet)"
        )


def _needs_of_glue(lake: LakeSettings, source: SourceSettings) -> Iterator[str]:
    if isinstance(source, DynamoDb) and source.by_glue and lake.glue_role is None:
        yield f"source {source.name!r}: converter {source.converter} uses Glue, and lake.glue_role is missing for the job; add it"


def _places(lake: LakeSettings, source: SourceSettings) -> Iterator[str]:
    """Refuses AWS's exports inside a source's folder: rds-lake would delete them as leftovers of the source's tables."""
    folder = "/".join(part for part in (lake.prefix, source.name) if part)
    if lake.exports_bucket == lake.bucket and f"{lake.export_prefix}/".startswith(f"{folder}/"):
        yield (
            f"lake.export_prefix {lake.export_prefix!r} is inside {folder}/, the folder of source {source.name!r}, which may "
            "contain only its tables; choose another export_prefix"
        )


def _retention(lake: LakeSettings, source: SourceSettings) -> Iterator[str]:
    if source.retention and source.retention.daily < lake.reconcile_days:
        yield (
            f"source {source.name!r}: retention.daily {source.retention.daily} is less than lake.reconcile_days "
            f"{lake.reconcile_days}: a date that retention removed could be exported, and paid for, again; raise the first or "
            "lower the second"
        )
