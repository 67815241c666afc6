"""A new date compared with the date before, table by table, for `changes:` of a source.

    compared = compare_date(lake, source, settings, day, …)
    compared.problems        limits that were exceeded, and tables that could not be compared

What belongs here: which tables are compared, up to how many bytes, and which limits they exceed. One table's comparison is
`compare.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial

from rds_lake.config.shared import Changes
from rds_lake.config.source import SourceSettings
from rds_lake.errors import UnavailableError
from rds_lake.model.athena_price import billed_bytes
from rds_lake.model.lake.date_diff import CountedTable, DateDiff
from rds_lake.model.tables.table import TableTarget
from rds_lake.model.words import counted
from rds_lake.stages.catalogue.naming import gathered
from rds_lake.stages.checks.previous import date_before
from rds_lake.stages.diff.compare import Asked
from rds_lake.stages.diff.record import write_date_diff
from rds_lake.stages.diff.result import TableDiff
from rds_lake.stages.diff.source import DatedPair, SourceDiff, compare_source
from rds_lake.stages.lake.handover import get_manifest
from rds_lake.stages.lake.lake import Lake
from rds_lake.stages.lake.manifest_head import get_head

_TOO_MUCH = "comparing the smaller tables already reads as many GB as `most_gb` allows"


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedDate:
    """How the date's rows differ from those of the date before. `kept`: the record in the lake; None for the first date.

    `problems`: limits that are exceeded, tables that could not be compared, names in lake.yaml that match no table.
    """

    snapshot_date: date
    kept: DateDiff | None = None
    problems: tuple[str, ...] = ()


def compare_date(
    lake: Lake,
    source: SourceSettings,
    settings: Changes,
    day: date,
    *,
    known_key: Callable[[str], Sequence[str]],
    now: Callable[[], datetime],
    log: Callable[[str], None],
) -> ComparedDate:
    """Compares the date with the newest older one that passed its checks, and stores the counts in the lake.

    Raises AsOfError, CatalogError or LostFilesError if one of the dates cannot be read; UnavailableError if one of them
    was exported again meanwhile.
    """
    before = date_before(lake, source, day)
    if before is None:
        return ComparedDate(snapshot_date=day)
    tasks = _export_tasks(lake, source, before, day)
    log(f"{source.name}: the rows of {day} are compared with those of {before}")
    diff = compare_source(
        lake,
        source,
        Asked(before=before, after=day),
        known_key=known_key,
        leave_out=partial(_left_out, settings),
        begun=lambda many: log(f"{counted(many, 'table', 'is', 'are')} compared, by a statement of Athena each"),
    )
    if _export_tasks(lake, source, before, day) != tasks:
        raise UnavailableError(
            f"{source.name} {before} or {day} was exported again while they were compared; repeat the check"
        )
    kept = _kept(diff, tasks, now())
    write_date_diff(lake, kept)
    unknown = _unknown(settings, diff, lambda: gathered(_targets(lake, source, day), source))
    exceeded = (problem for table in diff.tables for problem in _exceeded(settings, table))
    refused = (f"{view} could not be compared: {why}" for view, why in diff.problems.items())
    return ComparedDate(snapshot_date=day, kept=kept, problems=(*exceeded, *refused, *unknown))


def _export_tasks(lake: Lake, source: SourceSettings, *days: date) -> tuple[str, ...]:
    return tuple(get_head(lake.s3, lake.layout, source.name, day).export.export_task for day in days)


def _targets(lake: Lake, source: SourceSettings, day: date) -> list[TableTarget]:
    return [table.target for table in get_manifest(lake.s3, lake.layout, source.name, day).tables]


def _left_out(settings: Changes, pairs: Sequence[DatedPair]) -> dict[str, str]:
    """Returns by view why it is not compared: "" if not in `changes.tables`. For `most_gb`, the largest are left out first."""
    wanted = [pair for pair in pairs if not settings.tables or _names(pair) & {*settings.tables}]
    left_out = {pair.view: "" for pair in pairs} | {pair.view: _TOO_MUCH for pair in wanted}
    read = 0
    for pair in sorted(wanted, key=lambda pair: pair.bytes):
        read += billed_bytes(pair.bytes)
        if read > settings.most_gb * 1e9:
            break
        del left_out[pair.view]
    return left_out


def _names(pair: DatedPair) -> set[str]:
    return {pair.view, str(pair.after.names.target)}


def _kept(diff: SourceDiff, tasks: Sequence[str], now: datetime) -> DateDiff:
    left = {view: why for view, why in diff.left_out.items() if why}
    return DateDiff(
        source=diff.source,
        snapshot_date=diff.after,
        export_task=tasks[1],
        before=diff.before,
        before_export_task=tasks[0],
        compared_at=now,
        tables=tuple(map(_counted, diff.tables)),
        not_compared={**diff.problems, **left},
        new=diff.only_after,
        gone=diff.only_before,
        bytes_scanned=diff.bytes_scanned,
    )


def _counted(table: TableDiff) -> CountedTable:
    return CountedTable(
        table=table.table,
        view=table.view,
        rows_before=table.rows_before,
        rows_after=table.rows_after,
        added=table.added,
        removed=table.removed,
        changed=table.changed if table.keys else None,
        keys=table.keys,
        by_column=dict(table.by_column),
    )


def _exceeded(settings: Changes, table: TableDiff) -> Iterator[str]:
    """Yields a sentence for each limit that the table exceeds, or that cannot be applied to it."""
    counts = {"added": table.added, "removed": table.removed, "changed": table.changed}
    for kind, count in counts.items():
        limit, named = settings.limit_of(kind, table.view, table.table)
        if limit is None:
            continue
        if kind == "changed" and not table.keys:
            if named:
                yield (
                    f"{table.view}: `most` limits changed rows, and changed rows can only be found with a key; name its key "
                    "under `keys:`"
                )
        elif not limit.allows(count, rows_before=table.rows_before):
            rows = "row was" if count == 1 else "rows were"
            yield (
                f"{table.view}: {count:,} {rows} {kind} since {table.before}, of {table.rows_before:,}, and `most` allows "
                f"{limit}"
            )


def _unknown(settings: Changes, diff: SourceDiff, targets: Callable[[], Collection[TableTarget]]) -> Iterator[str]:
    """Yields names in `changes:` that no table of either date has.

    `targets` reads a manifest, and is called only for a name that no compared table has.
    """
    known = {table.view for table in diff.tables} | {*diff.problems, *diff.left_out, *diff.only_before}
    known |= {*diff.only_after, "default", *(table.table for table in diff.tables)}
    unknown = [name for name in dict.fromkeys((*settings.tables, *settings.most)) if name not in known]
    tables = {str(target) for target in targets()} if unknown else set[str]()
    for name in unknown:
        if name not in tables:
            yield f"changes: {name!r} is neither a view nor a table of {diff.source} {diff.after}"
