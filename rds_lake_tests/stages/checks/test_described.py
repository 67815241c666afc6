"""What databases said of their tables, kept in the lake."""

from rds_lake.model.tables.described import Described, DescribedTable, described_of
from rds_lake.model.tables.table import TableTarget
from rds_lake.stages.checks.described import find_described, keep_described
from rds_lake_tests.support.world import World


def table(database: str, comment: str) -> DescribedTable:
    target = TableTarget(database=database, schema="public", table="orders")
    return DescribedTable(target=target, comment=comment)


def test_a_table_keeps_its_comment_while_its_database_cannot_be_read_and_loses_it_when_it_is_gone(world: World) -> None:
    lake = world.run().shared.lake
    old, gone = table("shop", "from yesterday"), table("stock", "soon gone")
    keep_described(lake, "shop", described_of([old, gone]), not_described=())
    keep_described(lake, "shop", Described(), not_described={old.target})
    assert find_described(lake, "shop").of(old.target) == old
    assert find_described(lake, "shop").of(gone.target).comment == ""
