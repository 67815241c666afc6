"""ALTER TABLE ADD and DROP PARTITION, MSCK REPAIR TABLE. Which partitions a query reads is `athena/sql/pruning.py`."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote, unquote

from rds_lake.localcloud.athena.engine import Answer
from rds_lake.localcloud.athena.errors import QueryFailedError
from rds_lake.localcloud.athena.relations import NULL_PARTITION, list_partitions
from rds_lake.localcloud.athena.session import NOTHING, Session

_BATCH = 100
_PARTITION = re.compile(r"partition\s*\(((?:[^()']|'(?:[^']|'')*')*)\)(?:\s*location\s*'([^']+)')?\s*,?\s*", re.I)
_PAIR = re.compile(r"[`\"]?(\w+)[`\"]?\s*=\s*(?:'((?:[^']|'')*)'|(-?[\w.]+))")


def add(session: Session, match: re.Match[str]) -> Answer:
    """ALTER TABLE t ADD [IF NOT EXISTS] PARTITION (k = 'v') [LOCATION 's3://…'] …"""
    table = session.engine.find_table(*session.split(match[1]))
    inputs = []
    for values, location in _specifications(table, match[3]):
        inputs.append(partition_input(table, values, location or partition_location(table, values)))
    errors = register(session, table, inputs)
    if errors and not match[2]:
        raise QueryFailedError("FAILED", f"SemanticException: Partition already exists: {errors[0]}")
    return NOTHING


def drop(session: Session, match: re.Match[str]) -> Answer:
    """ALTER TABLE t DROP [IF EXISTS] PARTITION (k = 'v'), …; does not delete files."""
    table = session.engine.find_table(*session.split(match[1]))
    existing = {tuple(partition["Values"]) for partition in list_partitions(session.glue, table)}
    for values, _ in _specifications(table, match[3]):
        if tuple(values) not in existing:
            if match[2]:
                continue
            raise QueryFailedError("FAILED", f"SemanticException [Error 10006]: Partition not found {values}")
        session.call(
            "delete_partition", DatabaseName=table["DatabaseName"], TableName=table["Name"], PartitionValues=values
        )
    return NOTHING


def repair(session: Session, match: re.Match[str]) -> Answer:
    """MSCK REPAIR TABLE t: registers `key=value/` folders below its location; never removes a partition."""
    table = session.engine.find_table(*session.split(match[1]))
    keys = [key["Name"] for key in table.get("PartitionKeys") or []]
    known = {tuple(partition["Values"]) for partition in list_partitions(session.glue, table)}
    unknown = [values for values in _folders(session, table, keys) if values not in known]
    inputs = [partition_input(table, list(values), partition_location(table, list(values))) for values in unknown]
    register(session, table, inputs)
    names = ["/".join(f"{key}={value}" for key, value in zip(keys, values, strict=True)) for values in unknown]
    rows = [(f"Partitions not in metastore:\t{table['Name']}:{name}",) for name in names]
    rows += [(f"Repair: Added partition to metastore {table['Name']}:{name}",) for name in names]
    return Answer(columns=[("result", "varchar")], rows=rows)


def partition_location(table: dict[str, Any], values: list[str]) -> str:
    """Returns Hive's folder of a partition below its table."""
    pairs = zip(table["PartitionKeys"], values, strict=True)
    folder = "/".join(f"{key['Name']}={quote(value, safe=' -_.~')}" for key, value in pairs)
    return f"{table['StorageDescriptor']['Location'].rstrip('/')}/{folder}/"


def partition_input(table: dict[str, Any], values: list[str], location: str) -> dict[str, Any]:
    """Returns Glue's PartitionInput with the table's own formats and columns."""
    return {"Values": values, "StorageDescriptor": table["StorageDescriptor"] | {"Location": location}}


def register(session: Session, table: dict[str, Any], inputs: list[dict[str, Any]]) -> list[list[str]]:
    """Create partitions; returns the values of those that already exist."""
    exist: list[list[str]] = []
    for start in range(0, len(inputs), _BATCH):
        answer = session.call(
            "batch_create_partition",
            DatabaseName=table["DatabaseName"],
            TableName=table["Name"],
            PartitionInputList=inputs[start : start + _BATCH],
        )
        exist += [error["PartitionValues"] for error in answer.get("Errors", [])]
    return exist


def _specifications(table: dict[str, Any], clauses: str) -> list[tuple[list[str], str | None]]:
    """Returns values in the keys' order, and the location, of every PARTITION clause."""
    specifications, position = list[tuple[list[str], str | None]](), 0
    keys = [key["Name"].lower() for key in table.get("PartitionKeys") or []]
    while position < len(clauses):
        clause = _PARTITION.match(clauses, position)
        if clause is None:
            raise QueryFailedError("FAILED", f"ParseException: cannot read {clauses[position:][:60]!r}")
        given = {pair[1].lower(): pair[3] or pair[2].replace("''", "'") for pair in _PAIR.finditer(clause[1])}
        if sorted(given) != sorted(keys):
            raise QueryFailedError("FAILED", f"SemanticException: partition spec {given} must name the keys {keys}")
        specifications.append(([given[key] for key in keys], clause[2]))
        position = clause.end()
    return specifications


def _folders(session: Session, table: dict[str, Any], keys: list[str]) -> list[tuple[str, ...]]:
    bucket, _, prefix = table["StorageDescriptor"]["Location"].removeprefix("s3://").partition("/")
    prefix = prefix.rstrip("/") + "/"
    values_of_folders: dict[tuple[str, ...], None] = {}
    for page in session.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for item in page.get("Contents", []):
            folders = [folder.partition("=") for folder in item["Key"][len(prefix) :].split("/")[: len(keys)]]
            if keys and [name for name, _, _ in folders] == keys:
                values_of_folders[tuple(unquote(value) or NULL_PARTITION for _, _, value in folders)] = None
    return list(values_of_folders)
