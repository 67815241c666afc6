"""The checks of a table's own asset: its rows compared with the date before, and the values that its view loses.

`catalog` checks both for all tables of a source together, and stops a date before a view moves. These two stop nothing: the
publishing step yields them with the numbers of one table, and they warn if they fail.

Dagster makes an output for every check, which takes more loading time than the table's asset itself (`python -m
bench.definitions`). So a lake with many tables has none unless a source requests them.

What belongs here: which tables have them, and their results. Rows are compared in `stages/checks/`, lost values are counted by
`catalog`.
"""

from collections.abc import Iterator

import dagster as dg

from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.config.source import SourceSettings
from rds_lake.defs.checks import results as checks
from rds_lake.defs.keys import Keys, StageKeys
from rds_lake.defs.table_metadata import LostValues
from rds_lake.defs.translate import check_spec
from rds_lake.model.tables.table import TableTarget
from rds_lake.model.words import counted
from rds_lake.stages.checks.previous import RowComparison
from rds_lake.stages.source.outcomes import Published

ROWS, VALUES = "rows_compared", "values_kept"
_ABOUT = {
    ROWS: "The table lost no more rows since the date before than `max_drop` allows.",
    VALUES: "No value of the table is lost when its view casts the column's text to its type.",
}
_MOST_TABLES = 200  # maximum of tables of a lake; `table_checks:` decides for a source


def checked_sources(config: LakeConfig, keys: Keys) -> frozenset[str]:
    """Returns the sources whose tables have their own checks: by `table_checks:`, or because the lake has few tables."""
    few = sum(len(own.tables) for own in keys.values()) <= _MOST_TABLES
    return frozenset(
        source.name
        for source in config.sources
        if None not in keys[source.name].tables and (few if source.table_checks is None else source.table_checks)
    )


def specs(config: LakeConfig, source: SourceSettings, keys: StageKeys) -> list[dg.AssetCheckSpec]:
    """Returns the specs of every table: copies of the first table's, which is faster than creating each."""
    tables = list(keys.tables.values())
    firsts = [check_spec(config, name, asset=tables[0], description=_ABOUT[name]) for name in _names(source)]
    return [first.replace_key(dg.AssetCheckKey(key, first.name)) for key in tables for first in firsts]


def _names(source: SourceSettings) -> tuple[str, ...]:
    """Returns the names of the checks; with `check_casts: false` lost values are not counted."""
    return (ROWS, VALUES) if source.counts_casts else (ROWS,)


def results(
    source: SourceSettings, keys: StageKeys, outcome: Published, compared: RowComparison, lost: LostValues | None
) -> Iterator[dg.AssetCheckResult]:
    """Yields the results of every table, also for a held date, for the person who decides about it.

    `lost`: None if Dagster has no record of the counts of `catalog`.
    """
    with_view = {table.names.target for table in outcome.tables}
    for target, key in keys.tables.items():
        if target is None:
            continue
        by_check = {ROWS: _rows(source, target, compared), VALUES: _values(target, lost, has_view=target in with_view)}
        for name in _names(source):
            problems, holds = by_check[name]
            yield checks.result_of(key, name, problems, day=compared.snapshot_date, holds=holds)


def _rows(source: SourceSettings, target: TableTarget, compared: RowComparison) -> tuple[list[str], str]:
    """Returns the problems with the table's rows, and the sentence to show if there are none."""
    change, table = compared.change_of(target), str(target)
    if change is None:
        before = compared.gone.get(table)
        if before is None:
            other = f"nor has {compared.previous}" if compared.previous else "and is the first"
            return [], f"the date has no such table, {other}"
        gone = f"the date has no such table, which had {counted(before, 'row')} on {compared.previous}"
        return [f"{gone}; if it is gone for good, run `rds-lake refresh {source.name}`"], ""
    drops = [str(drop) for drop in compared.drops if drop.table == table]
    rows = counted(change.now, "row")
    if compared.previous is None:
        return drops, f"{rows}; the first date: nothing to compare with"
    if change.before is None:
        return drops, f"{rows}; the table is new since {compared.previous}"
    return drops, f"{rows}, {change.before:,} on {compared.previous}"


def _values(target: TableTarget, lost: LostValues | None, *, has_view: bool) -> tuple[list[str], str]:
    if not has_view:
        return [], "the date has no view of this table: no value is cast"
    if lost is None:
        return ["Dagster has no record of what `catalog` counted for this date; materialize `catalog` of it"], ""
    problems = [checks.lost_values(str(target), column, many) for column, many in lost.get(str(target), {}).items()]
    return problems, "every value keeps its type"
