"""A lake as it was at one moment, to go back to: for tests that try the same thing many times."""

import re
from dataclasses import dataclass
from typing import Any

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.s3.models import FakeKey, s3_backends

from rds_lake.stages.lake.pointer import find_pointer
from rds_lake_tests.support.world import World

_TABLE_INPUT = ("Name", "Description", "TableType", "Parameters", "PartitionKeys", "StorageDescriptor")
_TABLE_INPUT += ("ViewOriginalText", "ViewExpandedText")


@dataclass(frozen=True, slots=True)
class Morning:
    """Objects of the lake and of AWS's exports by (bucket, key), and Glue's tables and partitions of the source."""

    objects: dict[tuple[str, str], bytes]
    etags: dict[tuple[str, str], str]
    tables: dict[str, dict[str, Any]]
    partitions: dict[str, list[dict[str, Any]]]

    @classmethod
    def of(cls, world: World) -> "Morning":
        s3 = world.clients.client("s3")
        etags = _places(world)
        bodies = {place: s3.get_object(Bucket=place[0], Key=place[1])["Body"].read() for place in etags}
        return cls(bodies, etags, *_catalogue(world))

    def restore(self, world: World) -> None:
        """Everything as it was; what came since is gone. AWS's own list of exports is not touched."""
        s3, glue, database = world.clients.client("s3"), world.clients.client("glue"), _database(world)
        present = _places(world)
        for bucket, key in present:
            if (bucket, key) not in self.objects:
                s3.delete_object(Bucket=bucket, Key=key)
        for place, body in self.objects.items():
            if present.get(place) != self.etags[place]:
                s3.put_object(Bucket=place[0], Key=place[1], Body=body)
        tables, partitions = _catalogue(world)
        for name in tables:
            if name not in self.tables:
                glue.delete_table(DatabaseName=database, Name=name)
        for name, body in self.tables.items():
            write = glue.update_table if name in tables else glue.create_table
            if tables.get(name) != body:
                write(DatabaseName=database, TableInput=body)
            self._restore_partitions(glue, {"DatabaseName": database, "TableName": name}, partitions.get(name, []))

    def _restore_partitions(self, glue: Any, where: dict[str, str], found: list[dict[str, Any]]) -> None:
        wanted = self.partitions[where["TableName"]]
        if found == wanted:
            return
        if found:
            glue.batch_delete_partition(**where, PartitionsToDelete=[{"Values": p["Values"]} for p in found])
        if wanted:
            glue.batch_create_partition(**where, PartitionInputList=wanted)


def _database(world: World) -> str:
    return world.config.sources[0].name


def _places(world: World) -> dict[tuple[str, str], str]:
    """ETags of everything that is no answer of Athena's, read from the store itself: hundreds of listings take minutes."""
    store = s3_backends[DEFAULT_ACCOUNT_ID]["aws"]
    buckets = sorted({world.config.lake.bucket, world.config.lake.export_bucket or world.config.lake.bucket})
    return {
        (bucket, key): stored.etag
        for bucket in buckets
        for key, stored in sorted(store.buckets[bucket].keys.items())
        if isinstance(stored, FakeKey) and "/_athena/" not in key
    }


def _catalogue(world: World) -> tuple[dict[str, dict[str, Any]], dict[str, list[dict[str, Any]]]]:
    glue, database = world.clients.client("glue"), _database(world)
    pages = glue.get_paginator("get_tables").paginate(DatabaseName=database)
    tables = {t["Name"]: {k: t[k] for k in _TABLE_INPUT if k in t} for page in pages for t in page["TableList"]}
    partitions = {
        name: [
            {key: p[key] for key in ("Values", "StorageDescriptor")}
            for p in glue.get_partitions(DatabaseName=database, TableName=name)["Partitions"]
        ]
        for name in tables
    }
    return tables, partitions


def what_readers_see(world: World) -> dict[str, object]:
    """Objects, catalogue, snapshots and pointer: everything a reader or a later stage can find."""
    tables, partitions = _catalogue(world)
    return {
        # AWS names part files by a random UUID.
        "keys": sorted(re.sub(r"(part-\d+-)[0-9a-f-]{36}", r"\1uuid", "/".join(place)) for place in _places(world)),
        "tables": tables,
        "partitions": partitions,
        "snapshots": world.query("SELECT snapshot_date, rows, state, became_latest FROM _snapshots ORDER BY 1, 2"),
        "pointer": find_pointer(world.gateways.s3, world.gateways.layout, _database(world)),
    }
