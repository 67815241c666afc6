"""Merges the lake's tables into a file of dbt sources: facts about the lake are updated, everything else is kept (pure).

    written and kept up to date     data_type; asset_key below the source's name; descriptions in the form that is written here
    written if missing              every other key: name, schema, database, quote, freshness, loaded_at_query, description
    never changed                   everything else, and entries of tables and columns that the lake no longer has

What belongs here: the keys, as data. The content of the lake is `described.py`; text is `yaml_edit.py`.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from rds_lake.errors import ConfigError

_OUR_TABLE = re.compile(r"`[^`]*`, typed, as of the snapshot date that is published\.")
_OUR_COLUMN = re.compile(r"In the database: .*")


@dataclass(frozen=True, slots=True, kw_only=True)
class DbtColumn:
    """A column of a view. `type`: Athena's type."""

    name: str
    type: str
    description: str
    quote: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DbtTable:
    """A view. `columns`: None if unknown; `asset_key`: None if Dagster has no asset for it."""

    name: str
    original: str
    columns: tuple[DbtColumn, ...] | None = None
    asset_key: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DbtSource:
    """A source of the lake, which is one schema. `config`: of freshness. `database`: None for dbt's default."""

    name: str
    description: str
    tables: tuple[DbtTable, ...]
    database: str | None = None
    config: dict[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """The merged document, and messages that a person should read."""

    document: Any
    notes: tuple[str, ...]


def merge(document: Any, sources: Sequence[DbtSource], *, where: str) -> Merged:
    """Returns the document with the sources merged in. ConfigError if it is not a dbt properties file."""
    made: Any = copy.deepcopy(document) if document is not None else {"version": 2}
    if not isinstance(made, dict) or not isinstance(made.get("sources") or [], list):
        raise ConfigError(
            f"{where} was not changed: it has no list under `sources:`, so it is not a file of dbt sources"
        )
    entries: list[Any] = made.get("sources") or []
    notes: list[str] = []
    for source in sources:
        entry = next(
            (listed for listed in _mappings(entries) if listed.get("schema", listed.get("name")) == source.name), None
        )
        if entry is None:
            entry = {"name": source.name}
            entries.append(entry)
        notes += _merge_source(entry, source)
    made["sources"] = entries
    return Merged(document=made, notes=tuple(notes))


def _merge_source(entry: dict[str, Any], source: DbtSource) -> Iterator[str]:
    added = {"description": source.description, "database": source.database, "schema": source.name}
    for key, value in added.items():
        if value is not None:
            entry.setdefault(key, value)
    yield from _merge_freshness(entry, source)
    tables = entry.get("tables") or []
    known = {_identifier(table): table for table in _mappings(tables)}
    for table in source.tables:
        table_entry = known.get(table.name)
        if table_entry is None:
            table_entry = {"name": table.name}
            tables.append(table_entry)
        yield from _merge_table(table_entry, table, source.name)
    if tables:
        entry["tables"] = tables
    has = {table.name for table in source.tables}
    gone = sorted(name for name in known if name not in has)
    yield from (f"{source.name}.{name} is not in the lake; its entry in the file was kept" for name in gone)


def _merge_freshness(entry: dict[str, Any], source: DbtSource) -> Iterator[str]:
    config = entry.get("config") or {}
    for key, value in source.config.items():
        same = ("loaded_at_field", "loaded_at_query") if key.startswith("loaded_at") else (key,)
        written = [place[name] for place in (entry, config) for name in same if name in place]
        if not written:
            config[key] = value
        elif key == "freshness" and written[0] != value:
            yield f"{source.name}: `freshness` in the file is {written[0]}, lake.yaml says {value}; the file was not changed"
    if config:
        entry["config"] = config


def _merge_table(entry: dict[str, Any], table: DbtTable, source: str) -> Iterator[str]:
    _describe(entry, _table_description(table.original), _OUR_TABLE)
    if table.asset_key is not None:
        _merge_asset_key(entry, list(table.asset_key), source)
    if table.columns is None:
        return
    columns = entry.get("columns") or []
    known = {str(column.get("name", "")).lower(): column for column in _mappings(columns)}
    for column in table.columns:
        column_entry: dict[str, Any] | None = known.get(column.name)
        if column_entry is None:
            column_entry = {"name": column.name}
            columns.append(column_entry)
        if column_entry.get("data_type", column.type) != column.type:
            yield f"{source}.{table.name}.{column.name}: {column_entry['data_type']} became {column.type}"
        column_entry["data_type"] = column.type
        _describe(column_entry, column.description, _OUR_COLUMN)
        if column.quote:
            column_entry.setdefault("quote", True)
    entry["columns"] = columns
    has = {column.name for column in table.columns}
    gone = sorted(name for name in known if name not in has)
    yield from (
        f"{source}.{table.name} has no column {name} in the lake; its entry in the file was kept" for name in gone
    )


def _merge_asset_key(entry: dict[str, Any], key: list[str], source: str) -> None:
    """Write the key to `config.meta`, where dagster-dbt reads it, or to `meta` if the file uses that; keep a person's own key."""
    place = entry if "dagster" in (entry.get("meta") or {}) else entry.setdefault("config", {})
    if place is None:
        place = entry["config"] = {}
    for name in ("meta", "dagster"):
        place[name] = place.get(name) or {}
        place = place[name]
    if (place.get("asset_key") or [source])[0] == source:
        place["asset_key"] = key


def _describe(entry: dict[str, Any], text: str, generated: re.Pattern[str]) -> None:
    written = entry.get("description")
    if written is None or generated.fullmatch(str(written)):
        entry["description"] = text


def _table_description(original: str) -> str:
    # dbt reads descriptions as Jinja, and a name in a database may be anything.
    return f"`{plain(original)}`, typed, as of the snapshot date that is published."


def column_description(original: str | None) -> str:
    """Returns a sentence with the database's type of the column."""
    return f"In the database: {plain(original or 'not in this snapshot, NULL')}"


def plain(text: str) -> str:
    """Returns the text on one line, without characters that Jinja or Markdown would interpret."""
    return re.sub(r"\{(?=[{%#])", "{ ", " ".join(text.split()).replace("`", "'"))


def _identifier(table: dict[str, Any]) -> str:
    return str(table.get("identifier") or table.get("name") or "")


def _mappings(entries: Sequence[Any]) -> list[dict[str, Any]]:
    return [entry for entry in entries if isinstance(entry, dict)]
