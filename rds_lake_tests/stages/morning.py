"""A lake as it was at one moment, to go back to: for tests that try the same thing many times."""

import re
from dataclasses import dataclass
from typing import Any

from rds_lake.stages.pointer import find_pointer
from rds_lake_tests.world import World

_TABLE_INPUT = ("Name", "Description", "TableType", "Parameters", "PartitionKeys", "StorageDescriptor")
_TABLE_INPUT += ("ViewOriginalText", "ViewExpandedText")


@dataclass(frozen=True, slots=True)
class Morning:
    """Objects of the lake's bucket, and Glue's tables and partitions of the source."""

    objects: dict[str, bytes]
    tables: dict[str, dict[str, Any]]
    partitions: dict[str, list[dict[str, Any]]]

    @classmethod
    def of(cls, world: World) -> "Morning":
        s3 = world.clients.client("s3")
        bodies = {key: s3.get_object(Bucket="acme-lake", Key=key)["Body"].read() for key in _keys(world)}
        tables, partitions = _catalogue(world)
        return cls(bodies, tables, partitions)

    def restore(self, world: World) -> None:
        """Everything as it was; what came since is gone."""
        s3, glue = world.clients.client("s3"), world.clients.client("glue")
        for key in _keys(world):
            if key not in self.objects:
                s3.delete_object(Bucket="acme-lake", Key=key)
        for key, body in self.objects.items():
            s3.put_object(Bucket="acme-lake", Key=key, Body=body)
        tables, partitions = _catalogue(world)
        for name in tables:
            if name not in self.tables:
                glue.delete_table(DatabaseName="shop", Name=name)
        for name, body in self.tables.items():
            write = glue.update_table if name in tables else glue.create_table
            if tables.get(name) != body:
                write(DatabaseName="shop", TableInput=body)
            self._restore_partitions(glue, name, partitions.get(name, []))

    def _restore_partitions(self, glue: Any, table: str, found: list[dict[str, Any]]) -> None:
        where = {"DatabaseName": "shop", "TableName": table}
        if found == self.partitions[table]:
            return
        if found:
            glue.batch_delete_partition(**where, PartitionsToDelete=[{"Values": p["Values"]} for p in found])
        if self.partitions[table]:
            glue.batch_create_partition(**where, PartitionInputList=self.partitions[table])


def _keys(world: World) -> list[str]:
    return [key for key in world.keys() if "/_athena/" not in key]


def _catalogue(world: World) -> tuple[dict[str, dict[str, Any]], dict[str, list[dict[str, Any]]]]:
    glue = world.clients.client("glue")
    pages = glue.get_paginator("get_tables").paginate(DatabaseName="shop")
    tables = {t["Name"]: {k: t[k] for k in _TABLE_INPUT if k in t} for page in pages for t in page["TableList"]}
    partitions = {
        name: [
            {key: p[key] for key in ("Values", "StorageDescriptor")}
            for p in glue.get_partitions(DatabaseName="shop", TableName=name)["Partitions"]
        ]
        for name in tables
    }
    return tables, partitions


def what_readers_see(world: World) -> dict[str, object]:
    """Objects, catalogue, snapshots and pointer: everything a reader or a later stage can find."""
    tables, partitions = _catalogue(world)
    return {
        # AWS names part files by a random UUID.
        "keys": [re.sub(r"(part-\d+-)[0-9a-f-]{36}", r"\1uuid", key) for key in _keys(world)],
        "tables": tables,
        "partitions": partitions,
        "snapshots": world.query("SELECT snapshot_date, rows, became_latest FROM _snapshots ORDER BY 1, 3"),
        "pointer": find_pointer(world.gateways.s3, world.gateways.layout, "shop"),
    }
