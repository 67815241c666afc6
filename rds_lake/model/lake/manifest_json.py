"""The JSON of manifests and export records; `manifest.py` shows what it looks like.

What belongs here: values to text and back. A million files have to fit a Dagster worker, so they are written piece by piece
and packed while they are read.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import date, datetime
from io import BytesIO
from typing import Any

from rds_lake.model.dynamodb.chain import Window, render_base
from rds_lake.model.lake.data_files import DataFile, DataFiles
from rds_lake.model.lake.manifest import AwsCopy, Manifest, TableManifest
from rds_lake.model.lake.record import ExportPart, ExportRecord, ExportStep
from rds_lake.model.lake.records import RECORD_ERRORS, damaged, load_record, value_of
from rds_lake.model.tables.table import Column, TableTarget

VERSION = 1
IN_PLACE_VERSION = 2
_KNOWN = (VERSION, IN_PLACE_VERSION)
_FILE = {"key", "bytes", "rows"}
_REMEDY = "delete it and materialize `parquet` of the date again"


def render_manifest(manifest: Manifest) -> bytes:
    """The manifest as JSON text in UTF-8, a line per file; `parse_manifest` is its exact inverse.

    Written piece by piece: of a million files, one structure of all would take more than a gigabyte besides the text.
    """
    out = BytesIO()
    for piece in _pieces(manifest):
        out.write(piece.encode())
    return out.getvalue()


def _pieces(manifest: Manifest) -> Iterator[str]:
    body: dict[str, Any] = {"version": IN_PLACE_VERSION if manifest.in_place else VERSION}
    body |= {"lake_bucket": manifest.lake_bucket, "export": _record(manifest.export)}
    if manifest.superseded:
        body["superseded"] = [asdict(copy) for copy in manifest.superseded]
    if manifest.earlier:
        body["earlier"] = list(manifest.earlier)
    yield f'{_text(body)[:-1]}, "tables": ['
    for number, table in enumerate(manifest.tables):
        told = asdict(table.target) | {
            "location": table.location,
            "columns": [_without_none(asdict(column)) for column in table.columns],
            "schema_notes": list(table.schema_notes),
        }
        told |= {"home": table.home} if table.home else {}
        yield f'{"," if number else ""}\n{_text(told)[:-1]}, "files": ['
        for at, file in enumerate(table.files):
            known = {} if file.checksum is None else {"checksum": file.checksum}
            entry = {"key": file.key, "bytes": file.bytes, "rows": file.rows} | known
            yield f"{',' if at else ''}\n {_text(entry)}"
        yield "]}"
    yield "]}\n"


def _text(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False)


def parse_manifest(text: str | bytes, *, where: str) -> Manifest:
    """The manifest in `text`; `where` names the object in the error."""
    body = load_record(text, where=where, known=_KNOWN, remedy=_REMEDY, hook=_FilesPacked().hook)
    try:
        return Manifest(
            export=_parse_record(body["export"]),
            lake_bucket=value_of(str, body["lake_bucket"]),
            tables=tuple(_parse_table(table) for table in _listed(body["tables"])),
            in_place=body["version"] == IN_PLACE_VERSION,
            superseded=value_of(tuple[AwsCopy, ...], body.get("superseded", [])),
            earlier=tuple(_task(name) for name in value_of(tuple[str, ...], body.get("earlier", []))),
        )
    except RECORD_ERRORS as error:
        raise damaged(where, error, _REMEDY) from error


_TABLES = b', "tables": ['  # no text within the head can hold it: a quotation mark in a text is escaped


def parse_head(piece: bytes, *, where: str, whole: bool) -> Manifest | None:
    """The manifest without its tables, from its first bytes; None when they end before the tables begin.

    `whole`: the bytes are all there is.
    """
    head, tables, _ = piece.partition(_TABLES)
    if tables:
        return parse_manifest(head + b', "tables": []}', where=where)
    return replace(parse_manifest(piece, where=where), tables=()) if whole else None


def render_export_record(record: ExportRecord) -> str:
    """The export record as JSON text; `parse_export_record` is its exact inverse."""
    return json.dumps({"version": VERSION, "export": _record(record)}, indent=1)


def parse_export_record(text: str, *, where: str) -> ExportRecord:
    """The export record in `text`; `where` names the object in the error."""
    remedy = "delete it and materialize `snapshot_export` again"
    body = load_record(text, where=where, known=_KNOWN, remedy=remedy)
    try:
        return _parse_record(body["export"])
    except RECORD_ERRORS as error:
        raise damaged(where, error, remedy) from error


class _FilesPacked:
    """Packs the files of a manifest while it is read: a dictionary of each of a million would take half a gigabyte."""

    def __init__(self) -> None:
        self._files = DataFiles()

    def hook(self, body: dict[str, Any]) -> Any:
        """A file becomes None in its table's list, which becomes the files themselves when the table is read."""
        if _is_file(body):
            self._files.add(DataFile(**body))
            return None
        if "key" in body:  # else a million of them would be kept, and what is no file be called damaged afterwards
            raise ValueError(f"a file that is none: {str(body)[:200]}")
        if isinstance(listed := body.get("files"), list):
            if all(file is None for file in listed) and len(listed) == len(self._files):
                body["files"] = self._files
            self._files = DataFiles()
        return body


def _is_file(body: dict[str, Any]) -> bool:
    return (
        _FILE <= body.keys() <= _FILE | {"checksum"}
        and isinstance(body["key"], str)
        and all(type(body[name]) is int and 0 <= body[name] < 1 << 63 for name in ("bytes", "rows"))
        and isinstance(body.get("checksum"), str | None)
    )


def _without_none(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


def _record(record: ExportRecord) -> dict[str, Any]:
    body = {
        key: value.isoformat() if isinstance(value, date) else value
        for key, value in _without_none(asdict(record)).items()
    }
    del body["parts"]
    return body | ({"parts": [_part(part) for part in record.parts]} if record.parts else {})


def _part(part: ExportPart) -> dict[str, Any]:
    """What a full export has not is left out."""
    body = {key: value for key, value in asdict(part).items() if value or key in ("items", "billed_bytes")}
    if part.base is not None:
        body["base"] = render_base(part.base)
    if part.steps:
        body["steps"] = [
            asdict(step) | {"window": [step.window.start.isoformat(), step.window.end.isoformat()]}
            for step in part.steps
        ]
    return body


def _parse_record(body: Any) -> ExportRecord:
    if not isinstance(body, dict):
        raise TypeError(f"export: {str(body)[:200]}")
    told: dict[str, Any] = body
    record = value_of(ExportRecord, told | {"parts": []})
    return replace(record, parts=tuple(_parse_part(part) for part in _listed(told.get("parts", []))))


def _parse_part(body: dict[str, Any]) -> ExportPart:
    part = value_of(ExportPart, body | {"steps": []})
    return replace(part, steps=tuple(_parse_step(step) for step in _listed(body.get("steps", []))))


def _parse_step(body: dict[str, Any]) -> ExportStep:
    start, end = value_of(tuple[datetime, ...], body["window"])
    told = value_of(ExportStep, body | {"window": {"start": start.isoformat(), "end": end.isoformat()}})
    return replace(told, window=Window(start=start, end=end))


def _parse_table(body: dict[str, Any]) -> TableManifest:
    return TableManifest(
        target=value_of(TableTarget, body),
        location=value_of(str, body["location"]),
        columns=value_of(tuple[Column, ...], body["columns"]),
        files=_parsed_files(body["files"]),
        schema_notes=value_of(tuple[str, ...], body["schema_notes"]),
        home=value_of(str, body.get("home", "")),
    )


def _listed(found: Any) -> list[dict[str, Any]]:
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise TypeError(f"{str(found)[:200]} is no list of objects")
    return found


def _task(name: str) -> str:
    """The name of an export task, which is a folder's: nothing else may be taken for one."""
    if not name or "/" in name or name in (".", ".."):
        raise ValueError(f"earlier: {name!r} is no export task")
    return name


def _parsed_files(files: Any) -> DataFiles:
    if not isinstance(files, DataFiles):
        raise TypeError(f"files: {str(files)[:200]}")
    return files
