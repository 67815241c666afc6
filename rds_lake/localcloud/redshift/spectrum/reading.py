"""A Glue table as Spectrum reads it: SQL over copies of its Parquet files.

Columns are matched by name; one that a file lacks is NULL. Partitions and their values come from Glue, and only those that a query
may need are read. A column that a file has in another physical type becomes a call of `error()`, which DuckDB evaluates only if
a query reads it. (https://docs.aws.amazon.com/redshift/latest/dg/c-spectrum-external-tables.html)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rds_lake.localcloud.athena.errors import QueryFailedError
from rds_lake.localcloud.athena.physical import Footer
from rds_lake.localcloud.athena.relations import NULL_PARTITION, FileCache, Reading, list_partitions, quote, text
from rds_lake.localcloud.redshift.errors import StatementFailedError, not_here
from rds_lake.localcloud.redshift.spectrum.columns import column_type, fitted, reads, shown_column
from rds_lake.localcloud.redshift.sql.macros import RAISED
from rds_lake.localcloud.redshift.sql.types import ColumnType

PATH, SIZE = "$path", "$size"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The location of files, and the values of their partition's keys as DuckDB's SQL."""

    location: str
    constants: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class External:
    """One table: Glue's entry, its columns and its keys with their types (None: a type that is not supported here)."""

    entry: Mapping[str, Any]
    columns: tuple[tuple[str, ColumnType | None], ...]
    keys: tuple[tuple[str, ColumnType | None], ...]

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> External:
        """Returns the table of Glue's entry. StatementFailedError for a view, and for files that are not Parquet."""
        if entry.get("TableType") == "VIRTUAL_VIEW":
            words = (
                f"External table {entry['DatabaseName']}.{entry['Name']} is a view of the Data Catalog (VIRTUAL_VIEW)"
            )
            raise StatementFailedError(f"{words}, which Redshift Spectrum cannot read")
        store = entry["StorageDescriptor"]
        serde = (store.get("SerdeInfo") or {}).get("SerializationLibrary", "")
        if "parquet" not in f"{serde} {store.get('InputFormat', '')}".lower():
            raise not_here(f"Spectrum reads Parquet only, and {entry['Name']} has {serde or 'no SerDe'}")
        typed = [tuple((part["Name"].lower(), column_type(part["Type"])) for part in parts)
                 for parts in (store["Columns"], entry.get("PartitionKeys") or ())]  # fmt: skip
        return cls(entry=entry, columns=typed[0], keys=typed[1])

    def sql(self, glue: Any, cache: FileCache, reading: Reading, *, pseudo: bool) -> str:
        """Returns the SELECT of its rows, with `$path` and `$size` if `pseudo`."""
        branches = [
            each for place in self._places(glue, reading) for each in self._branches(cache, place, pseudo=pseudo)
        ]
        empty = [f"CAST(NULL AS {_duck(kind)}) AS {quote(name)}" for name, kind in self.columns + self.keys]
        if pseudo:
            empty += [f"CAST(NULL AS VARCHAR) AS {quote(PATH)}", f"CAST(NULL AS BIGINT) AS {quote(SIZE)}"]
        return " UNION ALL ".join(branches) or f"SELECT {', '.join(empty)} WHERE false"

    def _places(self, glue: Any, reading: Reading) -> Iterator[Place]:
        if not self.keys:
            yield Place(location=self.entry["StorageDescriptor"]["Location"])
            return
        hive = [(key["Name"], key["Type"]) for key in self.entry["PartitionKeys"]]
        for partition in list_partitions(glue, dict(self.entry)):
            values = partition["Values"]
            if all(reading.admits(name, kind, value) for (name, kind), value in zip(hive, values, strict=True)):
                constants = tuple(
                    f"CAST({_constant(value)} AS {_duck(kind)}) AS {quote(name)}"
                    for (name, kind), value in zip(self.keys, values, strict=True)
                )
                yield Place(location=partition["StorageDescriptor"]["Location"], constants=constants)

    def _branches(self, cache: FileCache, place: Place, *, pseudo: bool) -> Iterator[str]:
        """Returns one SELECT per group of files that need the same expressions."""
        groups: dict[tuple[str, ...], list[str]] = {}
        for uri, path in cache.files(place.location):
            try:
                footer = Footer.read(uri, path)
            except QueryFailedError as error:
                raise StatementFailedError(f"Spectrum Scan Error. File '{uri}' is not a Parquet file") from error
            selected = tuple(self._column(footer, uri, name, kind) for name, kind in self.columns) + place.constants
            if pseudo:
                size = path.stat().st_size
                selected += (f"{text(uri)} AS {quote(PATH)}", f"CAST({size} AS BIGINT) AS {quote(SIZE)}")
            groups.setdefault(selected, []).append(text(str(path)))
        for selected, paths in groups.items():
            yield f"SELECT {', '.join(selected)} FROM read_parquet([{', '.join(paths)}], hive_partitioning=false)"

    def _column(self, footer: Footer, uri: str, name: str, kind: ColumnType | None) -> str:
        stored = footer.columns.get(name)
        duck = _duck(kind)
        if kind is None:
            value = _refusal(
                f"The local cloud's limit, not Redshift's: the type of the column {name} is not supported", duck
            )
        elif stored is None:
            value = f"CAST(NULL AS {duck})"
        elif isinstance(stored, dict) or not reads(kind, stored):
            shown = f"group {name}" if isinstance(stored, dict) else shown_column(stored)
            value = _refusal(
                f"Spectrum Scan Error. File '{uri}' has an incompatible Parquet schema for column '{uri}.{name}'. "
                f"Column type: {str(kind).upper()}, Parquet schema: {shown}", duck)  # fmt: skip
        else:
            column = quote(next(each for each in footer.names if each.lower() == name))
            text_ = f"decode({column})" if stored.logical_type.type == "NONE" else f"CAST({column} AS VARCHAR)"
            parameters = self.entry.get("Parameters") or {}
            value = fitted(text_, kind, parameters) if kind.is_text else f"CAST({column} AS {duck})"
        return f"{value} AS {quote(name)}"


def _duck(kind: ColumnType | None) -> str:
    return "VARCHAR" if kind is None else kind.duck


def _constant(value: str) -> str:
    return "NULL" if value == NULL_PARTITION else text(value)


def _refusal(words: str, duck: str) -> str:
    return f"CAST(error({text(RAISED + words)}) AS {duck})"
