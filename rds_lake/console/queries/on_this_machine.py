"""`rds-lake query --local`: Athena's SQL, executed by DuckDB on this machine over the lake's tables and files.

The engine is that of the local cloud (`localcloud/athena/engine.py`), which tests compare with Athena's documented results. It reads
AWS's own Glue and S3, so views, partitions and types are those that Athena would read. Athena is not called.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from rds_lake.aws.athena import QueryResult
from rds_lake.aws.clients import AwsClients
from rds_lake.aws.translate import aws_errors
from rds_lake.errors import QueryError
from rds_lake.localcloud.athena.engine import Engine
from rds_lake.localcloud.athena.errors import QueryFailedError
from rds_lake.localcloud.athena.locked import end_database
from rds_lake.localcloud.athena.relations import FileCache
from rds_lake.localcloud.athena.results import column_info, render_rows
from rds_lake.localcloud.athena.session import Session
from rds_lake.localcloud.athena.statements.dispatch import run_statement


def run_here(
    clients: AwsClients,
    sql: str,
    *,
    database: str,
    folder: Path,
    most_rows: int | None,
    clock: Callable[[], float],
) -> QueryResult:
    """Returns the result of a read-only statement. `folder`: for the files it reads; `clock`: monotonic seconds.

    QueryError with the message that Athena would return.
    """
    begun = clock()
    cache = FileCache(s3=clients.s3, folder=folder, permit=lambda bucket, key: None)  # noqa: ARG005 - each object is fetched
    engine = Engine(clients=clients, cache=cache)
    try:
        with aws_errors("glue and s3", "GetTable, GetPartitions, ListObjectsV2 or GetObject", about=database):
            answer = run_statement(Session(engine=engine, database=database), sql)
        rows = render_rows(answer)
    except QueryFailedError as error:
        raise QueryError(f"the local query failed: {error}", query_id="", category=error.category) from error
    finally:
        engine.close()
        end_database(folder)
    described = column_info(answer.columns)
    kept = rows[:most_rows]
    return QueryResult(
        query_id="",
        columns=tuple(column["Name"] for column in described),
        types=tuple(column["Type"] for column in described),
        rows=tuple(map(tuple, kept)),
        bytes_scanned=cache.scanned,
        milliseconds=round((clock() - begun) * 1000),
        more=len(kept) < len(rows),
    )
