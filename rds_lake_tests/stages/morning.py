"""A lake as it was at one moment, to go back to: for tests that try the same thing many times.

It is taken from the local cloud's own memory and put back there. By calls of AWS, going back took longer than most of what is
tried, and was less exact: objects got other dates, and Glue's tables other versions.
"""

import re
import tempfile
import threading
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from moto.glue.models import FakeDatabase, glue_backends
from moto.s3.models import FakeKey, s3_backends

from rds_lake.localcloud.http.account import ACCOUNT, REGION
from rds_lake.stages.lake.pointer import find_pointer
from rds_lake_tests.support.world import World

_TABLE_INPUT = ("Name", "Description", "TableType", "Parameters", "PartitionKeys", "StorageDescriptor")
_TABLE_INPUT += ("ViewOriginalText", "ViewExpandedText")
# What every object of moto's has for itself.
_OWN = ("_value_buffer", "lock")


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object of S3 with all that moto knows of it. `stored`: moto's own, which is closed once it is deleted or replaced."""

    stored: FakeKey
    known: dict[str, Any]
    body: bytes

    @classmethod
    def of(cls, stored: FakeKey) -> "StoredObject":
        stored.etag  # noqa: B018 - computed at the first look, and kept
        return cls(stored, {name: value for name, value in vars(stored).items() if name not in _OWN}, stored.value)

    def again(self) -> FakeKey:
        """The same object, to be stored once more."""
        made: Any = FakeKey.__new__(FakeKey)
        vars(made).update(self.known)
        made.lock = threading.Lock()
        made._value_buffer = tempfile.SpooledTemporaryFile(self.known["_max_buffer_size"])  # noqa: SIM115 - moto closes it
        made.value = self.body
        return made


@dataclass(frozen=True, slots=True)
class Morning:
    """Objects of the lake and of AWS's exports by (bucket, key), and the source's database of Glue; None: there is none yet."""

    objects: dict[tuple[str, str], StoredObject]
    database: FakeDatabase | None

    @classmethod
    def of(cls, world: World) -> "Morning":
        objects = {place: StoredObject.of(stored) for place, stored in _stored(world).items()}
        return cls(objects, deepcopy(_databases().get(_database(world))))

    def restore(self, world: World) -> None:
        """Everything as it was; what came since is gone, uploads of killed processes too. AWS's list of exports is not touched."""
        for name in _buckets(world):
            s3_backends[ACCOUNT]["aws"].buckets[name].multiparts.clear()
        present = _stored(world)
        for place in present:
            if place not in self.objects:
                _put(place, [])
        for place, one in self.objects.items():
            if present.get(place) is not one.stored:
                _put(place, [one.again()])
        _databases().pop(_database(world), None)
        if self.database is not None:
            _databases()[self.database.name] = deepcopy(self.database)


def _put(place: tuple[str, str], versions: list[FakeKey]) -> None:
    """What is stored under a key; moto's objects that were there are closed."""
    keys = s3_backends[ACCOUNT]["aws"].buckets[place[0]].keys
    keys.setlist(place[1], versions)
    if not versions:
        dict.pop(keys, place[1])


def _databases() -> dict[str, FakeDatabase]:
    return glue_backends[ACCOUNT][REGION].databases


def _database(world: World) -> str:
    return world.config.sources[0].name


def _buckets(world: World) -> list[str]:
    return sorted({world.config.lake.bucket, world.config.lake.export_bucket or world.config.lake.bucket})


def _stored(world: World) -> dict[tuple[str, str], FakeKey]:
    """Everything in the lake's buckets that is no answer of Athena's."""
    found: dict[tuple[str, str], FakeKey] = {}
    for name in _buckets(world):
        bucket = s3_backends[ACCOUNT]["aws"].buckets[name]
        assert not bucket.is_versioned, f"of {name} the newest versions alone would be kept"
        assert not dict(bucket.multiparts), f"{name} has uploads under way, which would not be kept"
        for key, stored in sorted(bucket.keys.items()):
            if isinstance(stored, FakeKey) and "/_athena/" not in key:
                found[name, key] = stored
    return found


def catalogued(world: World) -> tuple[dict[str, dict[str, Any]], dict[str, list[dict[str, Any]]]]:
    """The tables of the source's database by name, and the partitions of each."""
    database = _databases().get(_database(world))
    tables = dict(database.tables) if database is not None else {}
    bodies = {name: table.as_dict() for name, table in tables.items()}
    return (
        {name: {key: body[key] for key in _TABLE_INPUT if key in body} for name, body in bodies.items()},
        {
            name: [{key: one.partition_input[key] for key in ("Values", "StorageDescriptor")} for one in partitions]
            for name, table in tables.items()
            for partitions in [list(table.partitions.values())]
        },
    )


def what_readers_see(world: World) -> dict[str, object]:
    """Objects, catalogue, snapshots and pointer: everything a reader or a later stage can find."""
    tables, partitions = catalogued(world)
    return {
        # AWS names part files by a random UUID.
        "keys": sorted(re.sub(r"(part-\d+-)[0-9a-f-]{36}", r"\1uuid", "/".join(place)) for place in _stored(world)),
        "tables": tables,
        "partitions": partitions,
        "snapshots": world.query("SELECT snapshot_date, rows, state, became_latest FROM _snapshots ORDER BY 1, 2"),
        "pointer": find_pointer(world.gateways.s3, world.gateways.layout, _database(world)),
    }
