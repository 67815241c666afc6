"""Reads JSON objects and arrays as rows of texts, by the names of columns or by a JSONPaths file.

(https://docs.aws.amazon.com/redshift/latest/dg/copy-usage_notes-copy-from-json.html)
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pyarrow as pa

from rds_lake.localcloud.redshift.errors import StatementFailedError
from rds_lake.localcloud.redshift.loading.delimited import Line, opened, unreadable
from rds_lake.localcloud.redshift.loading.objects import LoadedFile, Stores, read_object
from rds_lake.localcloud.redshift.loading.options import Copy

_MOST_BYTES = 4 * 1024 * 1024
_STEP = re.compile(r"\.([^.\[\]'\"*?@]+)|\[\s*'([^'*]+)'\s*\]|\[\s*\"([^\"*]+)\"\s*\]|\[\s*(\d+)\s*\]")
_SPACE = re.compile(r"[\s]*")
Path = tuple[str | int, ...]


class _Number(str):
    """A number with the digits of the file."""


_DECODER = json.JSONDecoder(parse_float=_Number, parse_int=_Number)
Picking = Callable[[Any], list[str | None]]


def picking(copy: Copy, columns: Sequence[str], stores: Stores) -> Picking:
    """Returns a function from an object or array to the columns' texts, which raises ValueError if the document is not a row."""
    if copy.json.startswith("s3://"):
        paths = _paths(copy, stores)
        if paths is not None:
            if len(paths) != len(columns):
                raise StatementFailedError(
                    f"Number of jsonpaths and the number of columns should match. JSONPath size: {len(paths)}, Number of columns in "
                    f"table or column list: {len(columns)}"
                )
            return lambda document: [_text(_at(document, path)) for path in paths]
    elif copy.json not in ("auto", "auto ignorecase"):
        raise StatementFailedError(f"Invalid JSON option '{copy.json}': 'auto', 'auto ignorecase' or a JSONPaths file")
    ignorecase = copy.json == "auto ignorecase"

    def by_name(document: Any) -> list[str | None]:
        if not isinstance(document, dict):
            raise ValueError("Invalid JSONPath format: Member is not an object.")
        named = {key.lower(): value for key, value in document.items()} if ignorecase else document
        return [_text(named.get(column)) for column in columns]

    return by_name


def _paths(copy: Copy, stores: Stores) -> list[Path] | None:
    """Returns the paths of a JSONPaths file; None if it has no list `jsonpaths`: then COPY works as with `auto`."""
    content = read_object(stores(copy.role, "s3", copy.region), copy.json, mandatory=True) or b""
    try:
        listed = json.loads(content)
    except ValueError as error:
        raise StatementFailedError(f"JSONPath file {copy.json} is not JSON: {error}") from error
    if not isinstance(listed, dict) or not isinstance(listed.get("jsonpaths"), list):
        return None
    return [_steps(path) for path in listed["jsonpaths"]]


def _steps(path: str) -> Path:
    rest, steps = path.removeprefix("$"), list[str | int]()
    while rest and path.startswith("$"):
        match = _STEP.match(rest)
        if match is None:
            break
        steps.append(int(match[4]) if match[4] else match[1] or match[2] or match[3])
        rest = rest[match.end() :]
    if rest or not steps:
        raise StatementFailedError(f"Invalid JSONPath format: {path}")
    return tuple(steps)


def _at(value: Any, path: Path) -> Any:
    for step in path:
        if isinstance(step, int):
            value = value[step] if isinstance(value, list) and step < len(value) else None
        else:
            value = value.get(step) if isinstance(value, dict) else None
    return value


def _text(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str) else _written(value)


def _written(value: Any) -> str:
    """Returns a nested value as JSON, its numbers with the digits of the file."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(key, ensure_ascii=False)}:{_written(v)}" for key, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(_written(each) for each in value) + "]"
    return str(value) if isinstance(value, _Number) else json.dumps(value, ensure_ascii=False)


def rows_of_json(copy: Copy, file: LoadedFile, pick: Picking) -> Iterator[Line]:
    """Returns one row per root-level object or array, with the line where it begins."""
    try:
        text = (
            opened(copy, file).read().decode(copy.encoding, "surrogateescape" if copy.encoding == "utf-8" else "strict")
        )
    except (OSError, EOFError, pa.ArrowException) as error:
        raise unreadable(copy, file) from error
    except UnicodeDecodeError as error:
        raise StatementFailedError(f"{file.url}: invalid {copy.encoding} at byte {error.start}") from error
    at, line = 0, 1
    while True:
        begin = _SPACE.match(text, at).end()  # type: ignore[union-attr]
        line += text.count("\n", at, begin)
        if begin >= len(text):
            return
        try:
            document, at = _DECODER.raw_decode(text, begin)
        except ValueError:
            yield Line(url=file.url, number=line, values=[], raw=text[begin : begin + 1024], bad="Invalid value.")
            return
        raw = text[begin : min(at, begin + 1024)].encode("utf-8", "replace").decode()
        bad, values = "", list[str | None]()
        try:
            values = pick(document)
        except ValueError as error:
            bad = str(error)
        if at - begin > _MOST_BYTES:
            bad = f"Overflow, Row size {at - begin} exceeds {_MOST_BYTES} bytes"
        if line > copy.ignoreheader:
            yield Line(url=file.url, number=line, values=values, raw=raw, bad=bad)
        line += text.count("\n", begin, at)
