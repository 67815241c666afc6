"""The keys that AWS writes under an export task's folder.

    https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ExportSnapshot.html

    <folder>export_info_<task>.json
    <folder>export_tables_info_<task>_from_1_to_12.json
    <folder>shop/public.orders/1/part-00000-<uuid>-c000.gz.parquet     today's layout, index from 1
    <folder>shop/public.orders/1/_SUCCESS
    <folder>shop/public.orders/part-00000-<uuid>-c000.gz.parquet       the older layout, no index folder

Keys are parsed from the right, because the prefix may have any depth and table names contain dots.

What belongs here: classifying one key. `info.export_folder` returns the folder of a table.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedData:
    """A Parquet file. `folder`: `database/schema.table` as AWS writes it; `index`: 0 in the older layout."""

    folder: str
    index: int
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SuccessMarker:
    """`_SUCCESS`: AWS finished this index folder."""

    folder: str
    index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InfoFile:
    """`export_info_<task>.json`."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TablesInfoFile:
    """`export_tables_info_<task>_from_<first>_to_<last>.json`; tables are counted from 1."""

    name: str
    first: int
    last: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignKey:
    """A key that does not match AWS's layout."""

    key: str


ExportKey = ExportedData | SuccessMarker | InfoFile | TablesInfoFile | ForeignKey

_TABLES_INFO = re.compile(r"export_tables_info_.+_from_(\d{1,9})_to_(\d{1,9})\.json", re.ASCII)
_INDEX = re.compile(r"\d{1,9}", re.ASCII)
_SUCCESS = "_SUCCESS"


def parse_export_key(key: str, folder: str) -> ExportKey:
    """Returns the kind of the key, for any key; `folder` ends with a slash."""
    if not key.startswith(folder) or not folder.endswith("/"):
        return ForeignKey(key=key)
    parts = key.removeprefix(folder).split("/")
    if len(parts) == 1:
        return _info_file(key, parts[0])
    return _table_file(key, parts)


def _info_file(key: str, name: str) -> ExportKey:
    if match := _TABLES_INFO.fullmatch(name):
        return TablesInfoFile(name=name, first=int(match[1]), last=int(match[2]))
    if name.startswith("export_info_") and name.endswith(".json"):
        return InfoFile(name=name)
    return ForeignKey(key=key)


def _table_file(key: str, parts: list[str]) -> ExportKey:
    *folders, name = parts
    indexed = len(folders) == 3 and _INDEX.fullmatch(folders[2]) is not None
    if not (indexed or len(folders) == 2) or not all(folders) or "." not in folders[1]:
        return ForeignKey(key=key)
    folder, index = "/".join(folders[:2]), int(folders[2]) if indexed else 0
    if name == _SUCCESS:
        return SuccessMarker(folder=folder, index=index)
    if name.endswith(".parquet"):
        return ExportedData(folder=folder, index=index, name=name)
    return ForeignKey(key=key)
