"""What is in a database of the live tests: how it is filled on an account, and on the local cloud."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import psycopg

from rds_lake_tests.support.world import execute_mysql

_MYSQL = "aurora-mysql"


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """A database `name`. `sessions`: statements that one connection runs, one after the other; `table`: whose rows are counted."""

    name: str
    table: str
    sessions: Sequence[Sequence[str]]
    engine: Literal["aurora-postgresql", "aurora-mysql"] = "aurora-postgresql"

    @property
    def default_schema(self) -> str:
        return f"{self.name}.{self.name if self.engine == _MYSQL else 'public'}"

    @property
    def count(self) -> str:
        return f"SELECT count(*) FROM {self.table}"

    def fill(self, url: str) -> int:
        """A database of the local cloud; its table's rows."""
        for statements in self.sessions:
            self._run(url, statements)
        return int(self._run(url, [self.count])[0][0])

    def fill_by_data_api(self, client: Any, **cluster: str) -> int:
        """A cluster's, by the Data API, where the calls of one transaction are one connection's; DDL would end MySQL's.

        https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/data-api.html
        """
        at = cluster | {"database": self.name}
        for statements in self.sessions:
            if len(statements) == 1:
                client.execute_statement(**at, sql=statements[0], continueAfterTimeout=True)
                continue
            transaction = client.begin_transaction(**at)["transactionId"]
            for statement in statements:
                client.execute_statement(**at, sql=statement, transactionId=transaction)
            client.commit_transaction(**cluster, transactionId=transaction)
        ((counted,),) = client.execute_statement(**at, sql=self.count)["records"]
        return counted["longValue"]

    def _run(self, url: str, statements: Sequence[str]) -> Sequence[tuple[Any, ...]]:
        if self.engine == _MYSQL:
            return execute_mysql(url, *statements)
        with psycopg.connect(url) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []


ORDERS = Content(
    name="shop",
    table="orders",
    sessions=(
        ("CREATE TABLE orders (id bigint PRIMARY KEY, price numeric(12, 2), note text)",),
        ("INSERT INTO orders SELECT n, n * 1.5, 'order ' || n FROM generate_series(1, 1000) AS n",),
    ),
)
