"""Makes the loads of a plan: those of lake.yaml, and those that a JSON adds or selects.

A JSON may name files below the places that lake.yaml names for the warehouse (`input:`, and the `files:` of its loads), and no
others: a user who can put a JSON there must not be able to read every bucket that Redshift's role reaches.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.config.warehouse import LoadOfFiles, LoadOfTable, WarehouseSettings
from rds_lake.config.warehouses.files import file_problems
from rds_lake.model.warehouse.input import InputTable
from rds_lake.model.warehouse.plan import Column, FileFormat, Files, LakeTable, Load, LoadBy
from rds_lake.model.warehouse.values import PUBLISHED
from rds_lake.stages.lake.lake import Lake
from rds_lake.stages.lake.pointer import find_pointer

# The maximum of files of a JSON, in all its tables, that are looked up in S3 before a warehouse is created: one call for each, in
# the tick of a sensor. The others are looked up when the loads are prepared.
_LOOKED_FOR = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadPlanner:
    """Makes the loads. `place`: the URI of the JSON, None without one."""

    config: LakeConfig
    settings: WarehouseSettings
    lake: Lake
    place: str | None
    _published: dict[str, date | None] = field(default_factory=dict)
    _manifests: dict[tuple[str, date], bool] = field(default_factory=dict)
    _looked_up: dict[str, bool] = field(default_factory=dict)

    def plan(self, tables: Sequence[InputTable], problems: list[str]) -> tuple[Load, ...]:
        """Returns all loads, first those of lake.yaml, then those of the JSON; adds problems to `problems`."""
        named = {
            table.table_name: (f"$.tables[{at}]", table) for at, table in enumerate(tables) if not table.is_left_out
        }
        own = {load.table_name: load for load in self.settings.loads}
        loads: list[Load | None] = []
        for at, load in enumerate(self.settings.loads):
            if load.table_name not in named:
                where = f"lake.yaml: warehouse {self.settings.name!r}: loads.{at}"
                loads.append(self._of_lake_yaml(load, where, problems))
        for name, (where, table) in named.items():
            loads.append(self._of_input(table, own.get(name), where, problems))
        return tuple(load for load in loads if load is not None)

    def _of_lake_yaml(self, load: LoadOfTable | LoadOfFiles, where: str, problems: list[str]) -> Load | None:
        if isinstance(load, LoadOfTable):
            source, _, table = load.table.partition(".")
            by = LoadBy(load.load or self.settings.load)
            return self._table(load.table_name, source, table, load.date, by, where, problems)
        return Load(name=load.name, origin=_files(load, load.files), by=LoadBy.COPY)

    def _of_input(
        self, table: InputTable, own: LoadOfTable | LoadOfFiles | None, where: str, problems: list[str]
    ) -> Load | None:
        if table.files is None:
            return self._of_lake(table, own, where, problems)
        settings = own if isinstance(own, LoadOfFiles) else None
        lacking = [key for key in ("format", "columns") if getattr(table, key) is None and settings is None]
        if lacking:
            problems.append(
                f"{where}: lake.yaml has no load of files named {table.table_name!r}, so the JSON must give {' and '.join(lacking)}"
            )
            return None
        uris = self._uris(table.files, where, problems)
        given = {
            "format": table.format or (settings.format if settings else None),
            "columns": tuple(column.model_dump() for column in table.columns)
            if table.columns
            else (settings.columns if settings else ()),
            "delimiter": table.delimiter or (settings.delimiter if settings else None),
            "header_lines": table.header_lines
            if "header_lines" in table.model_fields_set
            else (settings.header_lines if settings else 0),
        }
        # The URIs were checked by `_uris`, which reports their problems in more detail.
        merged = LoadOfFiles.model_validate({"name": table.table_name, "files": ("s3://none/none",)} | given)
        problems += [f"{where}.{problem}" for problem in file_problems(merged)]
        return Load(name=table.table_name, origin=_files(merged, uris), by=LoadBy.COPY)

    def _of_lake(
        self, table: InputTable, own: LoadOfTable | LoadOfFiles | None, where: str, problems: list[str]
    ) -> Load | None:
        named = {load.table.partition(".")[0] for load in self.settings.loads if isinstance(load, LoadOfTable)}
        if table.schema_ not in named:
            # The role of Redshift may read what lake.yaml names, and nothing else.
            known = ", ".join(sorted(named)) or "there is none"
            problems.append(
                f"{where}.schema: {table.schema_!r} is not a source whose tables this warehouse loads ({known}); add one of its "
                "tables to `loads:` in lake.yaml"
            )
            return None
        by = LoadBy(own.load if isinstance(own, LoadOfTable) and own.load else self.settings.load)
        day = table.date or PUBLISHED
        return self._table(table.table_name, table.schema_ or "", table.table, day, by, where, problems)

    def _uris(self, names: Sequence[str], where: str, problems: list[str]) -> tuple[str, ...]:
        folder = (self.place or "").rpartition("/")[0]
        allowed = [place for place in (self.settings.input, *self._named_places()) if place]
        uris: list[str] = []
        for at, name in enumerate(names):
            uri = name if name.startswith("s3://") else f"{folder}/{name}"
            if not any(is_at(uri, place) for place in allowed) or ".." in uri.split("/"):
                problems.append(
                    f"{where}.files[{at}]: {uri} is not below a place that lake.yaml names for this warehouse "
                    f"({', '.join(allowed) or 'there is none'}); move the file, or name its folder in `loads:`"
                )
            elif not uri.endswith("/") and not self._is_there(uri):
                problems.append(f"{where}.files[{at}]: {uri} does not exist; upload it, then upload the JSON again")
            uris.append(uri)
        return tuple(uris)

    def _named_places(self) -> list[str]:
        return [uri for load in self.settings.loads if isinstance(load, LoadOfFiles) for uri in load.files]

    def _is_there(self, uri: str) -> bool:
        """Whether the file exists; True for files beyond those that are looked up."""
        if uri not in self._looked_up:
            if len(self._looked_up) >= _LOOKED_FOR:
                return True
            bucket, _, key = uri.removeprefix("s3://").partition("/")
            self._looked_up[uri] = self.lake.s3.find_head(bucket, key) is not None
        return self._looked_up[uri]

    def _table(
        self, name: str, source: str, table: str, day: str, by: LoadBy, where: str, problems: list[str]
    ) -> Load | None:
        known = {each.name: each for each in self.config.sources}
        if source not in known:
            problems.append(f"{where}: no source is named {source!r}; lake.yaml has {', '.join(known)}")
            return None
        chosen_date = self._published_date(source) if day == PUBLISHED else date.fromisoformat(day)
        if chosen_date is None:
            problems.append(f"{where}: nothing of {source} is published yet; materialize its newest date first")
            return None
        if day != PUBLISHED and not self._has_manifest(source, chosen_date):
            problems.append(
                f"{where}: the lake has no {chosen_date} of {source}; materialize `{source}/parquet` of it, or choose another date"
            )
            return None
        return Load(name=name, origin=LakeTable(source=source, table=table, snapshot_date=chosen_date), by=by)

    def _published_date(self, source: str) -> date | None:
        if source not in self._published:
            pointer = find_pointer(self.lake.s3, self.lake.layout, source)
            self._published[source] = pointer.snapshot_date if pointer else None
        return self._published[source]

    def _has_manifest(self, source: str, day: date) -> bool:
        if (source, day) not in self._manifests:
            layout = self.lake.layout
            there = self.lake.s3.find_head(layout.bucket, layout.manifest_key(source, day))
            self._manifests[source, day] = there is not None
        return self._manifests[source, day]


def is_at(uri: str, place: str) -> bool:
    """Whether the URI is the place, or in it if the place is a folder."""
    return uri == place or (place.endswith("/") and uri.startswith(place))


def _files(load: LoadOfFiles, uris: Sequence[str]) -> Files:
    return Files(
        uris=tuple(uris),
        format=FileFormat(load.format),
        columns=tuple(Column(name=column.name, type=column.type) for column in load.columns),
        delimiter=load.delimiter,
        header_lines=load.header_lines,
    )
