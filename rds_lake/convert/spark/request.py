"""The request of the Spark job, and its result: two JSON objects in S3.

    request.json  {"version": 1, "inputs": [{"uri": "s3://…/a.json.gz", "bytes": 3, "items": 1, "md5": "…"}], "target": "s3://…/",
                   "result": "s3://…/result.json", "format": "parquet", "keys": ["pk"], …}
    result.json   {"version": 1, "converted": {"columns": [["id", "bigint", "Id", ["N"]], …], "files": …}, "unverified": []}
                  {"version": 1, "headline": "…", "problems": ["…"]}

It needs neither Arrow nor Spark, because rds-lake and the job both import it.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from rds_lake.convert.rules.columns import Numbers
from rds_lake.convert.rules.converted import Converted, ConvertedColumn, ConvertedFile
from rds_lake.convert.rules.tree import Limits
from rds_lake.errors import ConversionError
from rds_lake.model.records import RECORD_ERRORS, damaged, load_record, value_of

VERSION = 1
_REMEDY = "delete it and materialize `parquet` again"
SparkFormat = Literal["parquet", "orc"]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobInput:
    """A file of the export, from its manifest. A value of None is not checked. `md5` is base64."""

    uri: str
    bytes: int | None = None
    items: int | None = None
    md5: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRequest:
    """One table to convert. `target`: the URI of a folder, ending with a slash, whose content is replaced.

    `result`: the URI of the result file. `known`: the types that earlier dates saw in the table.
    """

    inputs: tuple[JobInput, ...]
    target: str
    result: str
    format: SparkFormat = "parquet"
    compression: Literal["snappy", "zstd"] = "snappy"
    numbers: Numbers = "exact"
    keys: tuple[str, ...] = ()
    limits: Limits = field(default_factory=Limits)
    known: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobResult:
    """The converted table. `unverified`: URIs of files too large for the job to check their MD5; their CRC was checked."""

    converted: Converted
    unverified: tuple[str, ...] = ()


def render_request(request: JobRequest) -> str:
    """Returns the request as JSON; `parse_request` is its exact inverse."""
    return json.dumps({"version": VERSION} | asdict(request))


def parse_request(text: str) -> JobRequest:
    """Returns the request in `text`. ManifestError if it is not valid."""
    where = "the request of the Spark job"
    body = _body(text, where)
    try:
        if type(body["inputs"]) is not list:
            raise TypeError(f"inputs: {str(body['inputs'])[:200]}")
        inputs = tuple(_input(file) for file in body.pop("inputs"))
        return JobRequest(**body | {"inputs": inputs, "keys": tuple(body["keys"]), "limits": Limits(**body["limits"])})
    except RECORD_ERRORS as error:
        raise damaged(where, error, _REMEDY) from error


def _input(body: dict[str, Any]) -> JobInput:
    """Parsed by hand, and not by `value_of`: the job reads it on a cluster without pydantic."""
    file = JobInput(**body)
    if type(file.uri) is not str or not isinstance(file.md5, str | None):
        raise TypeError(f"{str(body)[:200]} is not a file")
    if not all(size is None or (type(size) is int and 0 <= size < 1 << 63) for size in (file.bytes, file.items)):
        raise ValueError(f"{str(body)[:200]} is not a file")
    return file


def render_result(result: JobResult) -> str:
    """Returns the result as JSON; `parse_result` is its exact inverse."""
    return json.dumps({"version": VERSION} | asdict(result))


def render_failure(error: ConversionError) -> str:
    """Returns the error of the input as JSON; `parse_result` raises it again."""
    return json.dumps({"version": VERSION, "headline": error.headline, "problems": error.problems})


def parse_result(text: str, *, where: str) -> JobResult:
    """Returns the result in `text`. Raises the job's own ConversionError, or ManifestError if the text is not valid."""
    body = _body(text, where)
    try:
        if "headline" in body:
            failure = ConversionError(value_of(str, body["headline"]), value_of(tuple[str, ...], body["problems"]))
        else:
            return _result(body)
    except RECORD_ERRORS as error:
        raise damaged(where, error, _REMEDY) from error
    raise failure


def _result(body: dict[str, Any]) -> JobResult:
    made = body["converted"]
    pairs = {name: tuple((str(path), str(text)) for path, text in made[name]) for name in ("text", "renamed")}
    numbers = {name: value_of(int, made[name]) for name in ("items", "again", "left") if name in made}
    whole = Converted(
        **made
        | pairs
        | numbers
        | {
            "columns": value_of(tuple[ConvertedColumn, ...], made["columns"]),
            "files": value_of(tuple[ConvertedFile, ...], made["files"]),
        }
    )
    return JobResult(converted=whole, unverified=value_of(tuple[str, ...], body["unverified"]))


def _body(text: str, where: str) -> dict[str, Any]:
    body = load_record(text, where=where, known=(VERSION,), remedy=_REMEDY)
    return {name: value for name, value in body.items() if name != "version"}
