"""SVV_EXTERNAL_SCHEMAS, _TABLES, _COLUMNS and _PARTITIONS: rows that are read from Glue when a statement names one of them.

(https://docs.aws.amazon.com/redshift/latest/dg/r_SVV_EXTERNAL_TABLES.html) Conditions on schema and table limit what is read.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from rds_lake.localcloud.athena.relations import list_partitions
from rds_lake.localcloud.athena.sql.pruning import Condition
from rds_lake.localcloud.redshift.spectrum.options import ExternalSchema
from rds_lake.localcloud.redshift.spectrum.relations import Spectrum

_PLACE = (
    "location",
    "input_format",
    "output_format",
    "serialization_lib",
    "serde_parameters",
    "compressed",
    "parameters",
)
_TABLE = ("schemaname", "tablename")
EXTERNAL_VIEWS: dict[str, tuple[str, ...]] = {
    "svv_external_schemas": ("esoid", "eskind", "schemaname", "esowner", "databasename", "esoptions"),
    "svv_external_databases": ("eskind", "databasename"),
    "svv_external_tables": (*_TABLE, "tabletype", *_PLACE),
    "svv_external_columns": (*_TABLE, "columnname", "external_type", "columnnum", "part_key", "is_nullable"),
    "svv_external_partitions": (*_TABLE, "values", *_PLACE),
}
_FIRST_ID = 100_000
Row = tuple[Any, ...]


def external_rows(spectrum: Spectrum, view: str, conditions: tuple[Condition, ...]) -> list[Row]:
    """Returns the rows of one of the views."""
    schemas = [each for each in spectrum.schemas() if _admits(conditions, "schemaname", each.name)]
    if view == "svv_external_schemas":
        return [
            (_FIRST_ID + n, 1, s.name, 100, s.database, json.dumps({"IAM_ROLE": s.role})) for n, s in enumerate(schemas)
        ]
    if view == "svv_external_databases":
        return [(1, name) for name in sorted({schema.database for schema in schemas})]
    make: Callable[[Spectrum, ExternalSchema, dict[str, Any]], Iterator[Row]] = _ROWS[view]
    wanted = [(schema, entry) for schema in schemas for entry in spectrum.entries(schema)]
    return [
        row
        for s, entry in wanted
        if _admits(conditions, "tablename", entry["Name"])
        for row in make(spectrum, s, entry)
    ]


def _admits(conditions: tuple[Condition, ...], column: str, value: str) -> bool:
    return all(c.admits(value, "string") for c in conditions if c.column == column)


def _tables(spectrum: Spectrum, schema: ExternalSchema, entry: dict[str, Any]) -> Iterator[Row]:
    yield schema.name, entry["Name"], entry.get("TableType", ""), *_place(entry)


def _columns(spectrum: Spectrum, schema: ExternalSchema, entry: dict[str, Any]) -> Iterator[Row]:
    columns, keys = entry["StorageDescriptor"]["Columns"], entry.get("PartitionKeys") or []
    for number, part in enumerate([*columns, *keys], 1):
        key = max(0, number - len(columns))
        yield schema.name, entry["Name"], part["Name"].lower(), part["Type"], number, key, ""


def _partitions(spectrum: Spectrum, schema: ExternalSchema, entry: dict[str, Any]) -> Iterator[Row]:
    if entry.get("PartitionKeys"):
        for partition in list_partitions(spectrum.glue(schema), entry):
            yield schema.name, entry["Name"], json.dumps(partition["Values"]), *_place(partition)


def _place(entry: dict[str, Any]) -> Row:
    store = entry["StorageDescriptor"]
    serde = store.get("SerdeInfo") or {}
    return (
        store.get("Location", ""), store.get("InputFormat", ""), store.get("OutputFormat", ""),
        serde.get("SerializationLibrary", ""), json.dumps(serde.get("Parameters") or {}), int(bool(store.get("Compressed"))),
        json.dumps(entry.get("Parameters") or {}),
    )  # fmt: skip


_ROWS = {"svv_external_tables": _tables, "svv_external_columns": _columns, "svv_external_partitions": _partitions}
