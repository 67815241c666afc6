"""Reads and validates JSON records in S3, which other releases may have written and other people can change.

    chain = read_record(JobSet, text, where="s3://…/x.runs", known=(1,), remedy="delete it and …")

returns a `JobSet`, or raises ManifestError with the object's name, all its problems and the remedy. A record of a newer release is
never called damaged, because the remedy would delete a record that the newer release needs.

pydantic validates the values with the dataclasses that the stages use. Three of its rules are stricter here: integers fit into
64 bits, times have a time zone, and a text of digits is not a time.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar, cast

from rds_lake.errors import ManifestError, NewerRecordError

if TYPE_CHECKING:
    from pydantic_core import SchemaValidator

T = TypeVar("T")
# The errors that reading a damaged record can raise; RecursionError if JSON is nested too deep.
RECORD_ERRORS = (KeyError, IndexError, TypeError, ValueError, AttributeError, OverflowError, RecursionError)

# A bracket, one or two bytes of JSON, becomes an object of some hundred bytes. Manifests of 10,000 tables have half a million.
MOST_CONTAINERS = 2_000_000
_FILE = '{"key":'  # a file in a manifest: it is packed and freed before the next one is read
_HALVES = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}")
_HALF = re.compile(r"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")
_BIGGEST = 1 << 63
_SHOWN = 80  # characters of a wrong value that an error shows
_PROBLEMS = 5  # problems of one record that an error lists


def load_object(text: str | bytes, *, hook: Callable[[dict[str, Any]], Any] | None = None) -> dict[str, Any]:
    """Returns the JSON object in the text. Raises ValueError or RecursionError with the reason if there is none.

    `hook` receives every object when it ends, and returns its replacement.
    """
    decoded = text.decode() if isinstance(text, bytes) else text
    containers = decoded.count("{") + decoded.count("[") - decoded.count(_FILE)
    if containers > MOST_CONTAINERS:
        raise ValueError(f"{containers:,} objects and lists, of which no record has more than {MOST_CONTAINERS:,}")
    if _HALF.search(decoded) and _HALF.search(_HALVES.sub("", decoded.replace("\\\\", ""))):
        raise ValueError("half of a character, which no text can have")  # it cannot be encoded as UTF-8
    body = json.loads(decoded, object_hook=hook, parse_constant=_no_number)
    if not isinstance(body, dict):
        raise ValueError(f"a {type(body).__name__} instead of an object")
    return body


def _no_number(text: str) -> Any:
    raise ValueError(f"{text}, which is not JSON")


def load_record(
    text: str | bytes,
    *,
    where: str,
    known: Collection[int],
    remedy: str,
    first: int | None = None,
    hook: Callable[[dict[str, Any]], Any] | None = None,
) -> dict[str, Any]:
    """Returns the JSON object of a record of one of the `known` versions; `first`: the version of a record without one.

    Raises ManifestError with the object and the remedy; NewerRecordError if rds-lake must be updated.
    """
    try:
        body = load_object(text, hook=hook)
    except RECORD_ERRORS as error:
        raise damaged(where, error, remedy) from error
    version = body.get("version", first)
    if type(version) is int and version > max(known):
        raise NewerRecordError(newer(where, version, known))
    if type(version) is not int or version not in known:
        raise damaged(where, ValueError(f"version {str(version)[:40]!r}"), remedy)
    return body


def read_record(
    kind: type[T],
    text: str | bytes,
    *,
    where: str,
    known: Collection[int],
    remedy: str,
    first: int | None = None,
    shaped: Callable[[dict[str, Any]], Any] = lambda body: body,
) -> T:
    """Returns the record in `text` as a `kind`. Raises ManifestError as `load_record` does.

    `shaped` converts the JSON object to the shape of `kind` if they differ; it may raise any of RECORD_ERRORS.
    """
    body = load_record(text, where=where, known=known, remedy=remedy, first=first)
    try:
        return value_of(kind, shaped(body))
    except RECORD_ERRORS as error:
        raise damaged(where, error, remedy) from error


def newer(where: str, version: int, known: Collection[int]) -> str:
    """Returns the message about a record that a newer release wrote."""
    return (
        f"{where} has version {version}, which a newer release of rds-lake wrote; this release reads "
        f"{' and '.join(map(str, sorted(known)))}. It was not changed: update rds-lake, then try again"
    )


def damaged(where: str, error: Exception, remedy: str) -> ManifestError:
    """Returns the error for a record that cannot be read."""
    why = "nested too deep" if isinstance(error, RecursionError) else repr(error)
    return ManifestError(
        f"{where} is damaged ({str(error)[:600] if type(error) is ValueError else why[:300]}); {remedy}"
    )


def value_of(kind: type[T], value: Any) -> T:
    """Returns the JSON value as a `kind`: a dataclass, or any type of a dataclass's field.

    Nothing is converted: `1` is not a text; `"1"` and `true` are not numbers. Dates and times are ISO texts, times with
    a zone. Keys that `kind` does not have are ignored. Raises ValueError with the value and the expected type of each
    wrong field.
    """
    from pydantic import (
        ValidationError,  # not at the top: this module is also used on Spark clusters, without pydantic
    )

    try:
        return cast("T", _validator(kind).validate_json(json.dumps(value), strict=True))
    except ValidationError as error:
        problems = [_problem(each["loc"], each["msg"], each["input"]) for each in error.errors(include_url=False)]
        more = f" and {len(problems) - _PROBLEMS} more" if len(problems) > _PROBLEMS else ""
        raise ValueError("; ".join(problems[:_PROBLEMS]) + more) from None


def _problem(path: tuple[int | str, ...], message: str, value: Any) -> str:
    steps = "".join(f"[{step}]" if isinstance(step, int) else f".{step[:_SHOWN]}" for step in path)
    field = steps.removeprefix(".") or "the record"
    return f"{field} is missing" if message == "Field required" else f"{field}: {message}, not {str(value)[:_SHOWN]!r}"


@lru_cache(maxsize=256)
def _validator(kind: Any) -> SchemaValidator:
    from pydantic import TypeAdapter
    from pydantic_core import SchemaValidator

    return SchemaValidator(_narrowed(TypeAdapter(kind).core_schema))


def _narrowed(schema: Any) -> Any:
    """Returns pydantic's schema (https://docs.pydantic.dev/latest/api/pydantic_core_schema/) with this module's three rules."""
    if isinstance(schema, list):
        return [_narrowed(inner) for inner in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("type") == "int":
        return schema | {"ge": -_BIGGEST, "lt": _BIGGEST}
    if schema.get("type") == "datetime":
        return {
            "type": "function-after",
            "function": {"type": "no-info", "function": _moment},
            "schema": {"type": "str"},
        }
    return {key: value if key == "default" else _narrowed(value) for key, value in schema.items()}


def _moment(text: str) -> datetime:
    from pydantic_core import PydanticCustomError

    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise PydanticCustomError("moment", "Input should be a time") from None
    if moment.tzinfo is None:
        raise PydanticCustomError("moment", "Input should be a time with its zone")
    return moment


def render_record(body: Any, *, version: int) -> str:
    """Returns the JSON text of a record; its dates and times become ISO texts."""
    return json.dumps({"version": version} | body, indent=1, default=iso_text)


def iso_text(value: Any) -> str:
    """For `json.dumps(default=…)`: returns a date or time as ISO text. Raises TypeError for anything else."""
    if not hasattr(value, "isoformat"):
        raise TypeError(f"{value!r} is not JSON")
    return value.isoformat()
