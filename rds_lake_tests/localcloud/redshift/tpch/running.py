"""TPC-H's files in a local cloud and in PostgreSQL, and the answers of both.

Three ways into the warehouse: `pq`, COPY of Parquet; `tbl`, COPY of dbgen's lines, gzipped; `lake`, Glue's tables by Spectrum.
"""

from __future__ import annotations

import gzip
import subprocess
import sys
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, LiteralString, cast

import psycopg

from rds_lake_tests.localcloud.permissions.calling import document, trust
from rds_lake_tests.localcloud.redshift.tpch.queries import INDEXES, QUERIES, TABLES
from rds_lake_tests.localcloud.redshift.warehouse import CLUSTER, Warehouse

BUCKET = "acme-tpch"
WAYS = ("pq", "tbl", "lake")
GENERATOR = Path(sys.executable).parent / "tpchgen-cli"
_PARQUET = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat"
Rows = list[tuple[Any, ...]]


def generate(folder: Path, scale: float) -> None:
    """`<table>.tbl` and `<table>.parquet` of all tables."""
    for form in ("tbl", "parquet"):
        subprocess.run([GENERATOR, form, "-s", str(scale), "-o", folder], check=True, capture_output=True)


def into_postgres(url: str, folder: Path) -> None:
    """The lines of dbgen, without the delimiter at their end."""
    with psycopg.connect(url, autocommit=True) as connection:
        for table, columns in TABLES.items():
            connection.execute(cast("LiteralString", f"CREATE TABLE {table} ({columns})"))
            copy = cast("LiteralString", f"COPY {table} FROM STDIN WITH (DELIMITER '|')")
            with connection.cursor().copy(copy) as target, (folder / f"{table}.tbl").open("rb") as lines:
                while block := lines.read(1 << 20):
                    target.write((block + lines.readline()).replace(b"|\n", b"\n"))
        for index in INDEXES:
            connection.execute(cast("LiteralString", f"CREATE INDEX ON {index}"))
        connection.execute("ANALYZE")


def of_postgres(url: str) -> dict[int, Rows]:
    """The answers to the queries."""
    with psycopg.connect(url) as connection:
        return {number: connection.execute(cast("LiteralString", sql)).fetchall() for number, sql in QUERIES.items()}


def into_s3(warehouse: Warehouse, folder: Path) -> None:
    """A cluster whose role reads everything, the files, and Glue's tables over the Parquet files."""
    iam = warehouse.client("iam")
    role = iam.create_role(RoleName="tpch", AssumeRolePolicyDocument=trust("redshift.amazonaws.com"))["Role"]["Arn"]
    rights = document({"Effect": "Allow", "Action": ["s3:*", "glue:*"], "Resource": "*"})
    iam.put_role_policy(RoleName="tpch", PolicyName="own", PolicyDocument=rights)
    warehouse.client("redshift").delete_cluster(ClusterIdentifier=CLUSTER, SkipFinalClusterSnapshot=True)
    warehouse.create(IamRoles=[role], DefaultIamRoleArn=role)
    s3, glue = warehouse.client("s3"), warehouse.client("glue")
    s3.create_bucket(Bucket=BUCKET)
    glue.create_database(DatabaseInput={"Name": "tpch"})
    for table, columns in TABLES.items():
        parquet, lines = (folder / f"{table}.parquet").read_bytes(), (folder / f"{table}.tbl").read_bytes()
        s3.put_object(Bucket=BUCKET, Key=f"pq/{table}/1.parquet", Body=parquet)
        s3.put_object(Bucket=BUCKET, Key=f"tbl/{table}.tbl.gz", Body=gzip.compress(lines, compresslevel=1))
        parts = [part.split(" ", 1) for part in columns.split(", ")]
        store = {
            "Columns": [{"Name": name, "Type": kind} for name, kind in parts],
            "Location": f"s3://{BUCKET}/pq/{table}/", "InputFormat": _PARQUET,
        }  # fmt: skip
        glue.create_table(DatabaseName="tpch", TableInput={"Name": table, "StorageDescriptor": store})


def load(warehouse: Warehouse, way: str) -> None:
    """A schema of the way's name with all tables."""
    if way == "lake":
        warehouse.run("create external schema lake from data catalog database 'tpch' iam_role default")
        return
    warehouse.run(f"create schema {way}")
    for table, columns in TABLES.items():
        warehouse.run(f"create table {way}.{table} ({columns})")
        place, options = (f"pq/{table}/", "parquet") if way == "pq" else (f"tbl/{table}.tbl.gz", "gzip")
        warehouse.run(f"copy {way}.{table} from 's3://{BUCKET}/{place}' iam_role default {options}")


def answer(warehouse: Warehouse, way: str, number: int) -> Rows:
    """The rows of a query. Spectrum's tables are named with their schema: https://docs.aws.amazon.com/redshift/latest/dg/r_CREATE_EXTERNAL_TABLE.html"""
    found = warehouse.run(_in_schema(QUERIES[number], way))
    pages = _pages(warehouse, found["Id"])
    return [tuple(None if "isNull" in each else next(iter(each.values())) for each in row) for row in pages]


def _pages(warehouse: Warehouse, statement: str) -> Iterator[list[dict[str, Any]]]:
    token: dict[str, str] = {}
    while True:
        page = warehouse.data.get_statement_result(Id=statement, **token)
        yield from page["Records"]
        if "NextToken" not in page:
            return
        token = {"NextToken": page["NextToken"]}


def _in_schema(sql: str, schema: str) -> str:
    """Tables after FROM or a comma, with their schema."""
    words = sql.replace(",", " , ").split()
    return " ".join(
        f"{schema}.{word}{'' if following in ('n1', 'n2', 'l1', 'l2', 'l3') else f' as {word}'}"
        if word in TABLES and before in ("from", ",", "join") else word
        for before, word, following in zip(["", *words], words, [*words[1:], ""], strict=False)
    )  # fmt: skip


def differences(number: int, given: Sequence[Sequence[Any]], wanted: Sequence[Sequence[Any]]) -> list[str]:
    """Where two answers to a query differ: numbers by more than Redshift's scale of quotients allows, everything else at all.

    Query 1 has averages, which have the two digits of their column there.
    """
    if len(given) != len(wanted):
        return [f"{len(given)} rows, not {len(wanted)}"]
    return [
        f"row {at}: {mine!r}, not {theirs!r}"
        for at, (mine, theirs) in enumerate(zip(given, wanted, strict=True))
        if not all(_alike(a, b, averages=number == 1) for a, b in zip(mine, theirs, strict=True))
    ]


def _alike(mine: Any, theirs: Any, *, averages: bool) -> bool:
    if isinstance(theirs, int | float | Decimal) and mine is not None:
        a, b = Decimal(str(mine)), Decimal(theirs)
        return abs(a - b) <= (Decimal("0.01") if averages or abs(b) >= 1 else Decimal("0.0001"))
    return str(mine).rstrip() == str(theirs).rstrip()
