"""All tables of a source at two dates, compared one by one: a table that cannot be compared does not stop the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from rds_lake.config.source import SourceSettings
from rds_lake.errors import ConfigError, RdsLakeError
from rds_lake.stages.catalogue.naming import TypedTable
from rds_lake.stages.diff.compare import Asked, compare_typed
from rds_lake.stages.diff.result import TableDiff
from rds_lake.stages.lake.lake import Lake
from rds_lake.stages.publish.as_of import readable_tables
from rds_lake.threads import cancelling_threads

# Athena runs about 20 statements of an account at a time, and most of these should be left to readers.
# https://docs.aws.amazon.com/athena/latest/ug/service-limits.html
PARALLEL = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class DatedPair:
    """One table at both dates."""

    before: TypedTable
    after: TypedTable

    @property
    def view(self) -> str:
        return self.after.names.view

    @property
    def bytes(self) -> int:
        """The bytes of the Parquet of both dates."""
        return self.before.named.manifest.bytes + self.after.named.manifest.bytes


# View -> why it is not compared; other views are compared.
LeaveOut = Callable[[Sequence[DatedPair]], Mapping[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceDiff:
    """`tables`: those of both dates, by view. `problems`: why a view could not be compared; `left_out`: why it was left out."""

    source: str
    before: date
    after: date
    tables: tuple[TableDiff, ...]
    only_before: tuple[str, ...] = ()
    only_after: tuple[str, ...] = ()
    problems: Mapping[str, str] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)

    @property
    def bytes_scanned(self) -> int:
        return sum(table.bytes_scanned for table in self.tables)


def compare_source(
    lake: Lake,
    source: SourceSettings,
    asked: Asked,
    *,
    known_key: Callable[[str], Sequence[str]],
    leave_out: LeaveOut = lambda _: {},
    begun: Callable[[int], None] = lambda _: None,
    done: Callable[[], None] = lambda: None,
) -> SourceDiff:
    """Compares every table's rows; `begun` is called with the number of tables, `done` after each table.

    Raises AsOfError, which names existing dates; LostFilesError and CatalogError, which name missing files and partitions of a
    date.
    """
    before = {table.names.view: table for table in readable_tables(lake, source, asked.before, None)}
    after = {table.names.view: table for table in readable_tables(lake, source, asked.after, None)}
    pairs = [DatedPair(before=before[view], after=after[view]) for view in sorted(before.keys() & after.keys())]
    left_out = leave_out(pairs)
    wanted = [pair for pair in pairs if pair.view not in left_out]
    begun(len(wanted))

    def compare(pair: DatedPair) -> TableDiff:
        return compare_typed(lake, source, pair.before, pair.after, asked, known_key=known_key)

    outcomes = _outcomes(wanted, compare, done)
    return SourceDiff(
        source=source.name,
        before=asked.before,
        after=asked.after,
        tables=tuple(outcome for outcome in outcomes.values() if isinstance(outcome, TableDiff)),
        only_before=tuple(sorted(before.keys() - after.keys())),
        only_after=tuple(sorted(after.keys() - before.keys())),
        problems={view: str(outcome) for view, outcome in outcomes.items() if isinstance(outcome, RdsLakeError)},
        left_out=left_out,
    )


def _outcomes(
    pairs: Sequence[DatedPair], compare: Callable[[DatedPair], TableDiff], done: Callable[[], None]
) -> dict[str, TableDiff | RdsLakeError]:
    """Returns each table's difference or error, by its view; several are compared at once."""

    def attempt(pair: DatedPair) -> TableDiff | RdsLakeError:
        try:
            return compare(pair)
        except ConfigError:
            raise  # it would be the same for every table
        except RdsLakeError as error:
            return error
        finally:
            done()

    with cancelling_threads(min(PARALLEL, len(pairs) or 1), "diff") as pool:
        return dict(zip([pair.view for pair in pairs], pool.map(attempt, pairs), strict=True))
