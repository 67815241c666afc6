"""What a database says of its tables is found by the table, also in a lake of hundreds."""

from collections.abc import Iterator
from typing import Any

from rds_lake.model.tables.described import Described, DescribedTable, described_of, parse_described, render_described
from rds_lake.model.tables.table import TableTarget


def target(name: str) -> TableTarget:
    return TableTarget(database="shop", schema="public", table=name)


class Counted(tuple[Any, ...]):
    """Counts how often somebody goes through all of them."""

    walks = 0

    def __iter__(self) -> Iterator[Any]:
        type(self).walks += 1
        return super().__iter__()


def test_the_comment_of_each_of_many_tables_is_found_without_looking_through_all_of_them() -> None:
    names = [f"t{number}" for number in range(800)]
    described = Described(tables=Counted(DescribedTable(target=target(name), comment=name) for name in names))
    before = Counted.walks
    assert [described.of(target(name)).comment for name in names] == names
    assert Counted.walks - before <= 1


def test_a_table_of_which_nothing_is_said_is_empty_and_a_record_that_was_asked_is_written_as_before() -> None:
    described = described_of([DescribedTable(target=target("orders"), comment="What was sold")])
    text = render_described(described)
    assert described.of(target("Order Details")) == DescribedTable(target=target("Order Details"))
    assert render_described(described) == text
    assert parse_described(text, where="s3://lake/_described.json") == described
