"""The JSON of manifests and export records; `manifest.py` shows an example.

What belongs here: converting values to text and back. A Dagster worker must have enough memory for a million files, so they are
written piece by piece, and packed while they are read.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from io import BytesIO
from typing import Any

from rds_lake.model.lake.data_files import DataFile, DataFiles
from rds_lake.model.lake.manifest import Manifest, TableManifest
from rds_lake.model.lake.record import ExportPart, ExportRecord
from rds_lake.model.records import RECORD_ERRORS, damaged, iso_text, load_record, read_record, render_record, value_of

VERSION = 1
IN_PLACE_VERSION = 2
_KNOWN = (VERSION, IN_PLACE_VERSION)
_FILE = {"key", "bytes", "rows"}
_REMEDY = (
    "restore an earlier version of the object. Without one, delete it and materialize `parquet` of the date again; where AWS's "
    "copy of the export is gone, materialize the date from `snapshot_export` on, which exports it, and is paid, again"
)


def render_manifest(manifest: Manifest) -> bytes:
    """Returns the manifest as JSON in UTF-8, one line per file; `parse_manifest` reads it.

    It is written in pieces: one structure of a million files would need more than a gigabyte besides the text.
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
        body = asdict(table.target) | {
            "location": table.location,
            "columns": [_without_none(asdict(column)) for column in table.columns],
            "schema_notes": list(table.schema_notes),
        }
        body |= {"home": table.home} if table.home else {}
        yield f'{"," if number else ""}\n{_text(body)[:-1]}, "files": ['
        for at, file in enumerate(table.files):
            known = {} if file.checksum is None else {"checksum": file.checksum}
            entry = {"key": file.key, "bytes": file.bytes, "rows": file.rows} | known
            yield f"{',' if at else ''}\n {_text(entry)}"
        yield "]}"
    yield "]}\n"


def _text(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, default=iso_text)


def parse_manifest(text: str | bytes, *, where: str) -> Manifest:
    """Returns the manifest in `text`. Raises ManifestError, which names the object (`where`) and what to do."""
    body = load_record(text, where=where, known=_KNOWN, remedy=_REMEDY, hook=_FilesPacked().hook)
    try:
        head = value_of(Manifest, _head(body))
        tables = tuple(_parse_table(table, number) for number, table in enumerate(_objects(body["tables"])))
    except RECORD_ERRORS as error:
        raise damaged(where, error, _REMEDY) from error
    return replace(head, tables=tables)


def _head(body: dict[str, Any]) -> dict[str, Any]:
    """Returns the manifest without its tables, in the shape of a `Manifest`."""
    for task in _list(body.get("earlier", [])):
        if not task or "/" in task or task in (".", ".."):  # it is a folder's name
            raise ValueError(f"earlier: {task!r} is not an export task")
    in_place = body["version"] == IN_PLACE_VERSION
    return body | {"export": _export(body["export"]), "tables": [], "in_place": in_place}


_TABLES = b', "tables": ['  # cannot occur inside a text of the head, where quotation marks are escaped


def parse_head(piece: bytes, *, where: str, whole: bool) -> Manifest | None:
    """Returns the manifest without its tables, from its first bytes; None if they end before the tables begin.

    `whole`: `piece` is the complete object.
    """
    head, tables, _ = piece.partition(_TABLES)
    if tables:
        return parse_manifest(head + b', "tables": []}', where=where)
    return replace(parse_manifest(piece, where=where), tables=()) if whole else None


def render_export_record(record: ExportRecord) -> str:
    """Returns the export record as JSON; `parse_export_record` reads it."""
    return render_record({"export": _record(record)}, version=VERSION)


def parse_export_record(text: str, *, where: str) -> ExportRecord:
    """Returns the export record in `text`; `where` names the object in the error."""
    remedy = "delete it and materialize `snapshot_export` again"
    return read_record(
        ExportRecord, text, where=where, known=_KNOWN, remedy=remedy, shaped=lambda body: _export(body["export"])
    )


class _FilesPacked:
    """Packs the files of a manifest while it is read: dictionaries for a million files would need half a gigabyte."""

    def __init__(self) -> None:
        self._files = DataFiles()

    def hook(self, body: dict[str, Any]) -> Any:
        """Replaces each file in a table's list by None, and the list by the packed files when the table is complete."""
        if _is_file(body):
            self._files.add(DataFile(**body))
            return None
        if "key" in body:  # an invalid file: fail now, before a million of them are kept in memory
            raise ValueError(f"not a valid file entry: {str(body)[:200]}")
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
    body = _without_none(asdict(record))
    del body["parts"]
    return body | ({"parts": [_part(part) for part in record.parts]} if record.parts else {})


def _part(part: ExportPart) -> dict[str, Any]:
    """Returns the part for JSON, without what a full export does not have."""
    body = {key: value for key, value in asdict(part).items() if value or key in ("items", "billed_bytes")}
    if part.steps:
        body["steps"] = [asdict(step) | {"window": [step.window.start, step.window.end]} for step in part.steps]
    return body


def _export(body: Any) -> dict[str, Any]:
    """Returns the export in the shape of an `ExportRecord`; in JSON a window is a list of two times."""
    parts = [
        part | {"steps": [_step(step) for step in _objects(part.get("steps", []))]}
        for part in _objects(body.get("parts", []))
    ]
    return body | {"parts": parts}


def _step(body: dict[str, Any]) -> dict[str, Any]:
    start, end = _list(body["window"])
    return body | {"window": {"start": start, "end": end}}


def _parse_table(body: dict[str, Any], number: int) -> TableManifest:
    files = body.pop("files")
    if not isinstance(files, DataFiles):
        raise TypeError(f"tables[{number}].files: {str(files)[:200]}")
    try:
        table = value_of(TableManifest, body | {"target": body, "schema_notes": body["schema_notes"]})
    except ValueError as error:
        raise ValueError(f"tables[{number}].{error}") from None
    return replace(table, files=files)


def _objects(value: Any) -> list[dict[str, Any]]:
    if not all(isinstance(inner, dict) for inner in _list(value)):
        raise TypeError(f"{str(value)[:200]} is not a list of objects")
    return value


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError(f"{str(value)[:200]} is not a list")
    return value
