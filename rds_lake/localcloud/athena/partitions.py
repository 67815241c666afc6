"""Statements about partitions: ALTER TABLE … ADD | DROP PARTITION, MSCK REPAIR TABLE.

sqlglot reads these as opaque commands, hence the patterns.

What belongs here: registering folders as partitions. Reading them is `relations.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from rds_lake.localcloud.athena.errors import QueryFailedError
from rds_lake.localcloud.loop import InProcessClients

_CLAUSE = re.compile(r"PARTITION\s*\(([^)]*)\)(?:\s*LOCATION\s*'([^']+)')?", re.IGNORECASE)
_PAIR = re.compile(r"[`\"]?(\w+)[`\"]?\s*=\s*'([^']*)'")


def alter_partitions(
    clients: InProcessClients, table: dict[str, Any], *, verb: str, clauses: str, tolerant: bool
) -> None:
    """Add or drop the partitions the clauses name; `tolerant`: IF [NOT] EXISTS was said."""
    glue = clients.client("glue")
    names = {"DatabaseName": table["DatabaseName"], "TableName": table["Name"]}
    wanted = list(_clauses(table, clauses))
    if not wanted:
        raise QueryFailedError("FAILED", "ParseException: no PARTITION (…) clause")
    if verb.lower() == "drop":
        values = [{"Values": values} for values, _ in wanted]
        errors = glue.batch_delete_partition(**names, PartitionsToDelete=values).get("Errors")
    else:
        inputs = [
            {"Values": values, "StorageDescriptor": table["StorageDescriptor"] | {"Location": location}}
            for values, location in wanted
        ]
        errors = glue.batch_create_partition(**names, PartitionInputList=inputs).get("Errors")
    if errors and not tolerant:
        detail = errors[0]["ErrorDetail"]
        raise QueryFailedError("FAILED", f"SemanticException: {detail['ErrorCode']}: {detail.get('ErrorMessage', '')}")


def _clauses(table: dict[str, Any], text: str) -> Iterator[tuple[list[str], str]]:
    """Values in the order of the keys, and the location, of every clause."""
    keys = [key["Name"] for key in table.get("PartitionKeys", [])]
    for clause in _CLAUSE.finditer(text):
        stated = {name.lower(): value for name, value in _PAIR.findall(clause[1])}
        if set(stated) != set(keys):
            raise QueryFailedError("FAILED", f"SemanticException: partition spec {sorted(stated)} does not fit {keys}")
        values = [stated[key] for key in keys]
        yield values, clause[2] or _hive_folder(table, keys, values)


def _hive_folder(table: dict[str, Any], keys: list[str], values: list[str]) -> str:
    root = table["StorageDescriptor"]["Location"].rstrip("/")
    return "/".join([root, *(f"{key}={value}" for key, value in zip(keys, values, strict=True))]) + "/"


def repair_table(clients: InProcessClients, table: dict[str, Any]) -> list[str]:
    """Register every `key=value/` folder that is no partition yet; never drops one. The folders that were added."""
    glue, s3 = clients.client("glue"), clients.client("s3")
    keys = [key["Name"] for key in table.get("PartitionKeys", [])]
    root = table["StorageDescriptor"]["Location"].rstrip("/") + "/"
    bucket, _, prefix = root.removeprefix("s3://").partition("/")
    found: set[tuple[str, ...]] = set()
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for item in page.get("Contents", []):
            folders = item["Key"].removeprefix(prefix).split("/")[: len(keys)]
            pairs = [folder.partition("=") for folder in folders]
            if [name for name, _, _ in pairs] == keys and all(separator for _, separator, _ in pairs):
                found.add(tuple(value for _, _, value in pairs))
    names = {"DatabaseName": table["DatabaseName"], "TableName": table["Name"]}
    pages = glue.get_paginator("get_partitions").paginate(**names)
    known = {tuple(partition["Values"]) for page in pages for partition in page["Partitions"]}
    for values in sorted(found - known):
        storage = table["StorageDescriptor"] | {"Location": _hive_folder(table, keys, list(values))}
        glue.create_partition(**names, PartitionInput={"Values": list(values), "StorageDescriptor": storage})
    return ["/".join(values) for values in sorted(found - known)]
