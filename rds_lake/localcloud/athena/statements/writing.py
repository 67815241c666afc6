"""Statements that write rows to S3: CREATE TABLE AS, INSERT INTO, UNLOAD. Parquet only."""

from __future__ import annotations

import io
import re
import uuid
from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from sqlglot import exp

from rds_lake.localcloud.athena.engine import Answer
from rds_lake.localcloud.athena.errors import QueryFailedError
from rds_lake.localcloud.athena.relations import NULL_PARTITION, list_partitions
from rds_lake.localcloud.athena.session import NOTHING, ROWS, Session, parse_statement
from rds_lake.localcloud.athena.sql.dialect import with_parameters
from rds_lake.localcloud.athena.sql.types import hive_to_duck, trino_to_duck, trino_to_hive
from rds_lake.localcloud.athena.statements.ddl import table_input
from rds_lake.localcloud.athena.statements.partitions import partition_input, partition_location, register
from rds_lake.localcloud.athena.statements.views import is_view

_MAX_PARTITIONS = 100  # per CTAS or INSERT: https://docs.aws.amazon.com/athena/latest/ug/ctas-insert-into.html
# The defaults: https://docs.aws.amazon.com/athena/latest/ug/create-table-as.html#ctas-table-properties
_HIVE_ONLY = {"table_type": "hive", "is_external": "true"}
_OPTION = re.compile(r"(\w+)\s*=\s*(ARRAY\s*\[[^\]]*\]|'[^']*'|\w+)", re.IGNORECASE)


def create_table_as(session: Session, tree: exp.Create) -> Answer:
    """CREATE TABLE t WITH (…) AS SELECT … [WITH NO DATA]."""
    schema, name = session.name(tree.this)
    if session.find(schema, name) is not None:
        if tree.args.get("exists"):
            return NOTHING
        raise QueryFailedError(
            "TABLE_ALREADY_EXISTS", f"line 1:1: Table 'awsdatacatalog.{schema}.{name}' already exists"
        )
    location, keys = _properties(session, tree)
    query = with_parameters(tree.expression, session.parameters)
    if not isinstance(query, exp.Query):
        raise QueryFailedError("SYNTAX_ERROR", "line 1:1: a table is made of a query")
    described = session.engine.describe(query.copy(), session.database)
    columns = [{"Name": column.lower(), "Type": _hive(column, kind)} for column, kind in described]
    if [column["Name"] for column in columns][len(columns) - len(keys) :] != keys:
        raise QueryFailedError(
            "HIVE_COLUMN_ORDER_MISMATCH",
            "Partition keys must be the last columns in the table and in the same order as the table properties: "
            f"{keys}",
        )
    _refuse_existing(session, location)
    rows = session.engine.to_arrow(query, session.database, [(c["Name"], hive_to_duck(c["Type"])) for c in columns])
    split = len(columns) - len(keys)
    table = table_input(name, columns=columns[:split], keys=columns[split:], location=location)
    session.call("create_table", DatabaseName=schema, TableInput=table)
    empty = isinstance(tree.args.get("properties"), exp.Properties) and tree.find(exp.WithDataProperty)
    if not (empty and empty.args.get("no")):
        _write_table(session, table | {"DatabaseName": schema}, rows)
    return NOTHING


def insert(session: Session, tree: exp.Expr) -> Answer:
    """INSERT INTO t [(columns)] SELECT … | VALUES …"""
    table = session.engine.find_table(*session.name(tree.this))
    if is_view(table) or tree.args.get("overwrite"):
        raise QueryFailedError("NOT_SUPPORTED", "Inserting into views and overwriting are not supported")
    columns = table["StorageDescriptor"]["Columns"] + (table.get("PartitionKeys") or [])
    names = [column["Name"].lower() for column in columns]
    given = [c.name.lower() for c in tree.this.expressions] if isinstance(tree.this, exp.Schema) else names
    source = tree.expression
    query = source if isinstance(source, exp.Select | exp.SetOperation) else exp.select("*").from_(_aliased(source))
    described = session.engine.describe(query.copy(), session.database)
    if len(described) != len(given) or not set(given) <= set(names):
        raise QueryFailedError(
            "SYNTAX_ERROR", f"line 1:1: Insert query has mismatched column types: Table: {given}, Query: {described}"
        )
    types = {column["Name"].lower(): hive_to_duck(column["Type"]) for column in columns}
    rows = session.engine.to_arrow(query, session.database, [(name, types[name]) for name in given])
    left_out = [name for name in names if name not in given]
    if left_out:
        nulls = exp.select(*(exp.null() for _ in left_out))
        empty = session.engine.to_arrow(nulls, session.database, [(name, types[name]) for name in left_out])
        for name in left_out:
            rows = rows.append_column(name, pa.nulls(rows.num_rows, empty.schema.field(name).type))
    _write_table(session, table, rows.select(names))
    return Answer(columns=[ROWS], rows=[(rows.num_rows,)])


def unload(session: Session, match: re.Match[str]) -> Answer:
    """UNLOAD (SELECT …) TO 's3://…' WITH (format = 'PARQUET')."""
    options = {name.lower(): value.strip("'") for name, value in _OPTION.findall(match[3] or "")}
    if options.get("format", "").upper() != "PARQUET" or set(options) - {"format", "compression"}:
        raise QueryFailedError("NOT_SUPPORTED", "the local cloud unloads format = 'PARQUET' only, without partitions")
    query = with_parameters(parse_statement(match[1]), session.parameters)
    if not isinstance(query, exp.Query):
        raise QueryFailedError("SYNTAX_ERROR", "line 1:1: UNLOAD takes a query")
    _refuse_existing(session, match[2])
    described = session.engine.describe(query.copy(), session.database)
    rows = session.engine.to_arrow(
        query, session.database, [(n, hive_to_duck(_hive(n, kind))) for n, kind in described]
    )
    _put(session, match[2], rows)
    return Answer(columns=[ROWS], rows=[(rows.num_rows,)])


def _aliased(source: exp.Expr) -> exp.Expr:
    """Returns VALUES as a relation."""
    if isinstance(source, exp.Values):
        source = source.copy()
        source.set("alias", exp.TableAlias(this=exp.to_identifier("lc_values")))
    return source


def _properties(session: Session, tree: exp.Create) -> tuple[str, list[str]]:
    """Returns location and partition keys of a CTAS. QueryFailedError for other formats and for bucketing."""
    location, keys = f"{session.results.rstrip('/')}/tables/{uuid.uuid4()}/", []
    for part in tree.args["properties"].expressions if tree.args.get("properties") else []:
        key = part.name.lower()
        if isinstance(part, exp.FileFormatProperty) and part.this.name.upper() != "PARQUET":
            raise QueryFailedError("NOT_SUPPORTED", "the local cloud writes format = 'PARQUET' only")
        if isinstance(part, exp.PartitionedByProperty):
            keys = [item.name.lower() for item in part.this.expressions]
        elif key == "external_location":
            location = part.args["value"].name
        elif key in _HIVE_ONLY:
            if part.args["value"].sql().strip("'").lower() != _HIVE_ONLY[key]:
                raise QueryFailedError("NOT_SUPPORTED", "the local cloud creates external tables of Hive only")
        elif key in ("bucketed_by", "bucket_count"):
            raise QueryFailedError("NOT_SUPPORTED", f"the local cloud does not know the table property {key}")
    return location, keys


def _hive(column: str, kind: str) -> str:
    try:
        trino_to_duck(kind)
        return trino_to_hive(kind)
    except ValueError as error:
        raise QueryFailedError("NOT_SUPPORTED", f"{error} (column {column})") from error


def _refuse_existing(session: Session, location: str) -> None:
    bucket, _, prefix = location.removeprefix("s3://").partition("/")
    listed = session.s3.list_objects_v2(Bucket=bucket, Prefix=prefix.rstrip("/") + "/", MaxKeys=1)
    if listed.get("KeyCount"):
        raise QueryFailedError(
            "HIVE_PATH_ALREADY_EXISTS", f"Target directory for table already exists: {location.rstrip('/')}"
        )


def _write_table(session: Session, table: dict[str, Any], rows: pa.Table) -> None:
    keys = [key["Name"].lower() for key in table.get("PartitionKeys") or []]
    if not keys:
        _put(session, table["StorageDescriptor"]["Location"], rows)
        return
    places = {tuple(p["Values"]): p["StorageDescriptor"]["Location"] for p in list_partitions(session.glue, table)}
    groups = list(_groups(rows, keys))
    if len(groups) > _MAX_PARTITIONS:
        raise QueryFailedError(
            "HIVE_TOO_MANY_OPEN_PARTITIONS", f"Exceeded limit of {_MAX_PARTITIONS} open writers for partitions/buckets"
        )
    new = []
    for values, group in groups:
        place = places.get(tuple(values)) or partition_location(table, values)
        _put(session, place, group)
        if tuple(values) not in places:
            new.append(partition_input(table, values, place))
    register(session, table, new)


def _groups(rows: pa.Table, keys: Sequence[str]) -> Iterator[tuple[list[str], pa.Table]]:
    """Returns the rows of each partition, with its values, without the key columns."""
    texts = [pc.fill_null(pc.cast(rows.column(key), pa.string()), NULL_PARTITION).to_pylist() for key in keys]
    indices: dict[tuple[str, ...], list[int]] = {}
    for row, values in enumerate(zip(*texts, strict=True)):
        indices.setdefault(values, []).append(row)
    data = rows.drop_columns(list(keys))
    for values, chosen in indices.items():
        yield list(values), data.take(pa.array(chosen))


def _put(session: Session, location: str, rows: pa.Table) -> None:
    if not rows.num_rows:
        return
    buffer = io.BytesIO()
    pq.write_table(rows, buffer, compression="snappy")
    bucket, _, prefix = location.removeprefix("s3://").partition("/")
    session.s3.put_object(Bucket=bucket, Key=f"{prefix.rstrip('/')}/{uuid.uuid4()}", Body=buffer.getvalue())
