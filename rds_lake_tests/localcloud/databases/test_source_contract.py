"""What snapshots and exports rely on holds for every engine's database."""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pyarrow.parquet as pq
import pytest

from rds_lake.localcloud.databases.embedded import EmbeddedPostgres
from rds_lake.localcloud.databases.mariadb import EmbeddedMariaDb
from rds_lake.localcloud.databases.opening import open_database
from rds_lake.localcloud.databases.source import SourceDatabase, SourceTable
from rds_lake.localcloud.rds.parquet import parquet_files, type_mappings
from rds_lake.model.aws.engine import engine_of
from rds_lake_tests.support.world import execute, execute_mysql

_MIB = 1024**2


@dataclass(frozen=True, slots=True)
class Server:
    """A database `contract`, and how its engine runs SQL and quotes a name."""

    url: str
    schema: str
    quote: str
    run: Callable[[str, str], object]

    @property
    def database(self) -> SourceDatabase:
        return open_database(self.url)

    def execute(self, *statements: str) -> None:
        """Statements with names in double quotes, as in standard SQL."""
        for statement in statements:
            self.run(self.url, statement.replace('"', self.quote))

    def table(self, name: str, database: SourceDatabase | None = None) -> SourceTable:
        (named,) = [table for table in (database or self.database).tables() if table.name == name]
        return named


@pytest.fixture(params=["postgres", "mariadb"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    name = "contract"
    if request.param == "postgres":
        postgres: EmbeddedPostgres = request.getfixturevalue("postgres")
        server = Server(postgres.create_database(name), "public", '"', execute)
    else:
        mariadb: EmbeddedMariaDb = request.getfixturevalue("mariadb")
        server = Server(mariadb.create_database(name), name, "`", execute_mysql)
    yield server
    server.database.drop()


def rows(database: SourceDatabase, table: SourceTable) -> list[dict[str, object]]:
    return [row for batch in database.batches(table) for row in batch.to_pylist()]


def test_a_url_opens_its_engines_database(server: Server) -> None:
    assert server.database.name == "contract"
    assert engine_of(server.database.engine), "an engine AWS exports"


def test_tables_and_columns_come_in_order_with_their_schema(server: Server) -> None:
    server.execute(
        "CREATE TABLE b (z int, a varchar(7))", 'CREATE TABLE a ("Order" int)', "CREATE VIEW v AS SELECT 1 AS x"
    )
    assert [(table.schema, table.name, [c.name for c in table.columns]) for table in server.database.tables()] == [
        (server.schema, "a", ["Order"]),
        (server.schema, "b", ["z", "a"]),
    ]
    assert server.table("b").columns[1].char_max_length == 7


def test_every_batch_can_become_the_parquet_it_is_announced_as(server: Server) -> None:
    server.execute(
        'CREATE TABLE t ("Größe (cm)" decimal(5, 2), at timestamp NULL, d date, n smallint, s text)',
        "INSERT INTO t VALUES (1.5, '2026-01-02 03:04:05', '2026-01-02', -7, 'ü'), (NULL, NULL, NULL, NULL, NULL)",
    )
    table = server.table("t")
    for batch in server.database.batches(table):
        assert batch.schema.names == [column.name for column in table.columns]
        assert [batch.column(n).cast(column.arrow).null_count for n, column in enumerate(table.columns)] == [1] * 5
    assert [mapping["columnName"] for mapping in type_mappings(table)] == [column.name for column in table.columns]


def test_an_empty_table_has_columns_and_no_file(server: Server) -> None:
    server.execute("CREATE TABLE t (id int)")
    table = server.table("t")
    assert [column.name for column in table.columns] == ["id"]
    assert list(parquet_files(server.database, table, max_bytes=_MIB)) == []


def test_a_frozen_copy_keeps_rows_and_types_while_the_original_goes_on(server: Server) -> None:
    server.execute(
        'CREATE TABLE "Order Details" (id int PRIMARY KEY, price decimal(8, 2), '
        "total decimal(9, 2) GENERATED ALWAYS AS (price * 2) STORED)",
        'CREATE TABLE child (id int, parent int, FOREIGN KEY (parent) REFERENCES "Order Details" (id))',
        'INSERT INTO "Order Details" (id, price) VALUES (1, 10.25)',
        "INSERT INTO child VALUES (1, 1)",
    )
    frozen = server.database.freeze("contract_frozen")
    try:
        server.execute("DROP TABLE child", 'DROP TABLE "Order Details"')
        assert server.database.tables() == []
        assert frozen.name == "contract_frozen"
        copy = server.table("Order Details", frozen)
        assert [str(value) for value in rows(frozen, copy)[0].values()] == ["1", "10.25", "20.50"]
        assert rows(frozen, server.table("child", frozen)) == [{"id": 1, "parent": 1}]
    finally:
        frozen.drop()


def test_a_dropped_copy_is_gone_and_may_be_dropped_again(server: Server) -> None:
    frozen = server.database.freeze("contract_frozen")
    frozen.drop()
    frozen.drop()
    again = server.database.freeze("contract_frozen")
    again.drop()


def test_a_table_larger_than_a_part_is_cut_into_parts_that_hold_every_row_once(server: Server) -> None:
    server.execute("CREATE TABLE t (id int, s text)")
    for start in range(0, 30_000, 10_000):
        values = ", ".join(f"({n}, '{n:x}-{n * 7919:x}')" for n in range(start, start + 10_000))
        server.execute(f"INSERT INTO t VALUES {values}")
    parts = list(parquet_files(server.database, server.table("t"), max_bytes=10_000))
    ids = [row for _, body in parts for row in pq.read_table(io.BytesIO(body)).column("id").to_pylist()]
    assert len({name for name, _ in parts}) == len(parts)
    assert sorted(ids) == list(range(30_000))


@pytest.mark.parametrize("scheme", ["postgresql", "mysql"])
@pytest.mark.parametrize("rest", ["me:se/cret@db.example.com/shop", "me:se#cret@db/shop", "me:secret@db:33O6/shop"])
def test_a_url_whose_password_breaks_it_is_refused_without_showing_any_of_it(scheme: str, rest: str) -> None:
    with pytest.raises(ValueError, match="percent-encode") as caught:
        open_database(f"{scheme}://{rest}")
    assert "se" not in str(caught.value).replace("user and password", "")
    assert caught.value.__cause__ is None


def test_a_url_of_no_known_engine_is_refused() -> None:
    with pytest.raises(ValueError, match="use postgresql:// or mysql://"):
        open_database("oracle://me:secret@db/x")
