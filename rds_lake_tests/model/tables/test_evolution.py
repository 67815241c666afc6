"""Evolution: whatever a table becomes, every date stays readable, and nothing is reported twice."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rds_lake.model.tables.evolution import Kind, SeenColumn, compare, reads_as
from rds_lake.model.tables.table import Column

HIVE = ("tinyint", "smallint", "int", "bigint", "float", "double", "string", "binary", "timestamp", "decimal(10,2)")

columns = st.builds(
    Column,
    name=st.sampled_from(["a", "A", "b", "c d", "c_d"]),
    hive_type=st.sampled_from(HIVE),
    original_type=st.sampled_from(["integer", "bigint", "numeric", "text", None]),
    num_precision=st.sampled_from([None, 12, 14]),
)
schemas = st.lists(columns, max_size=4, unique_by=lambda column: column.name.lower()).map(tuple)


@dataclass
class Version:
    """A raw table and its partitions: the types that each says it has, and whether it has files."""

    columns: tuple[SeenColumn, ...] = ()
    partitions: list[tuple[dict[str, str], bool]] = field(default_factory=list)

    def add(self, schema: tuple[Column, ...], *, empty: bool, older: bool) -> None:
        outcome = compare(self.columns, schema, empty=empty, older=older)
        assert not outcome.incompatible
        self.columns = outcome.columns
        table = {seen.key: seen.column.hive_type for seen in self.columns}
        own = {c.name.lower(): table[c.name.lower()] if empty else c.hive_type for c in schema}
        self.partitions.append((own, not empty))


def column(name: str, hive_type: str = "string", original: str | None = "text") -> Column:
    return Column(name=name, hive_type=hive_type, original_type=original)


def seen(*present: Column, empty: bool = False) -> tuple[SeenColumn, ...]:
    return compare((), present, empty=empty).columns


def kinds(previous: tuple[SeenColumn, ...], *present: Column, empty: bool = False) -> list[Kind]:
    return [change.kind for change in compare(previous, present, empty=empty).changes]


@given(st.lists(st.tuples(schemas, st.booleans(), st.booleans()), min_size=1, max_size=6))
def test_every_partition_with_files_is_readable_in_its_version_whatever_comes_after(
    snapshots: list[tuple[tuple[Column, ...], bool, bool]],
) -> None:
    versions = [Version()]
    for schema, empty, older in snapshots:
        fitting = [v for v in versions if not compare(v.columns, schema, empty=empty, older=older).incompatible]
        if not fitting:
            versions.append(Version())
        (fitting or versions)[-1].add(schema, empty=empty, older=older)
    for version in versions:
        table = {seen.key: seen.column.hive_type for seen in version.columns}
        for own, filled in version.partitions:
            assert set(own) <= set(table), "a column once seen stays"
            assert not filled or all(reads_as(kind, table[name]) for name, kind in own.items())


@given(schemas, schemas, st.booleans(), st.booleans())
def test_the_same_snapshot_twice_changes_nothing_the_second_time(
    first: tuple[Column, ...], second: tuple[Column, ...], empty: bool, older: bool
) -> None:
    once = compare(seen(*first), second, empty=empty, older=older)
    again = compare(once.columns, second, empty=empty, older=older)
    assert (again.columns, again.changes) == (once.columns, ())


@given(schemas, schemas)
def test_columns_keep_their_order_and_new_ones_come_last(first: tuple[Column, ...], second: tuple[Column, ...]) -> None:
    after = [seen.key for seen in compare(seen(*first), second).columns]
    assert after[: len(first)] == [column.name.lower() for column in first]


@given(schemas, schemas)
def test_an_older_snapshot_says_nothing_about_the_newest_one(
    newest: tuple[Column, ...], old: tuple[Column, ...]
) -> None:
    outcome = compare(seen(*newest), old, older=True)
    assert [s.position for s in outcome.columns[: len(newest)]] == list(range(len(newest)))
    assert all(s.position is None for s in outcome.columns[len(newest) :])


@pytest.mark.parametrize(
    ("before", "now", "kind"),
    [
        (column("n", "int", "integer"), column("n", "bigint", "bigint"), Kind.WIDENED),
        (column("n", "bigint", "bigint"), column("n", "int", "integer"), Kind.RELABELLED),
        (column("n", "int", "integer"), column("n", "string", "text"), Kind.INCOMPATIBLE),
        (column("n", "string", "text"), column("n", "bigint", "bigint"), Kind.INCOMPATIBLE),
        (column("n", "decimal(10,2)"), column("n", "decimal(12,2)"), Kind.INCOMPATIBLE),
        (column("n", "string", "numeric"), column("n", "string", "text"), Kind.RETYPED),
        (column("n"), column("N"), Kind.RECASED),
    ],
)
def test_a_changed_column_is_called_what_it_is(before: Column, now: Column, kind: Kind) -> None:
    assert kinds(seen(before), now) == [kind]


def test_a_column_that_goes_and_comes_back_is_said_once_each_time() -> None:
    gone = compare(seen(column("a"), column("b")), [column("a")])
    assert [change.kind for change in gone.changes] == [Kind.REMOVED]
    assert kinds(gone.columns, column("a")) == []
    assert kinds(gone.columns, column("a"), column("b")) == [Kind.RETURNED]


def test_another_order_is_a_change_only_of_columns_that_were_there() -> None:
    assert kinds(seen(column("a"), column("b")), column("b"), column("a")) == [Kind.REORDERED]
    assert kinds(seen(column("a"), column("b")), column("new"), column("a"), column("b")) == [Kind.ADDED]


def test_a_table_that_is_emptied_and_filled_again_keeps_its_types() -> None:
    filled = seen(column("n", "int", "integer"))
    emptied = compare(filled, [column("n", "string", "integer")], empty=True)
    assert (emptied.changes, emptied.columns) == ((), filled)


def test_announced_types_give_way_to_the_first_files_types_without_a_new_version() -> None:
    announced = seen(column("n", "string", "bytea"), empty=True)
    filled = compare(announced, [column("n", "binary", "bytea")])
    assert [change.kind for change in filled.changes] == [Kind.KNOWN]
    assert kinds(filled.columns, column("n", "string", "bytea")) == [Kind.INCOMPATIBLE]
