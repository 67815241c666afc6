"""Records in JSON that outlive a release, and that anybody may have written: read with suspicion, refused with a sentence.

    body = load_record(text, where="s3://…/2026-11-20.begun.json", known=(1, 2), remedy="delete it and …")
    try:
        window = value_of(Chain, body["chain"])
    except RECORD_ERRORS as error:
        raise damaged(where, error, remedy) from error

A record of a newer release is never called damaged: what would be advised about it then is to delete it.

What belongs here: JSON to typed values, for dataclasses of simple fields. What a record means is its own module's.
"""

from __future__ import annotations

import json
import re
import types
import typing
from collections.abc import Callable, Collection, Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any, Literal, TypeVar, cast

from rds_lake.errors import ManifestError

T = TypeVar("T")
# What reading a record that is not as it should be can raise; RecursionError of JSON that is nested too deep.
RECORD_ERRORS = (KeyError, IndexError, TypeError, ValueError, AttributeError, OverflowError, RecursionError)

# A bracket makes an object of some hundred bytes out of one or two. Manifests of 10,000 tables have half a million.
MOST_CONTAINERS = 2_000_000
_FILE = '{"key":'  # of a manifest's file, which is packed and gone before the next is read
_HALVES = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}")
_HALF = re.compile(r"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")
_BIGGEST = 1 << 63


def load_object(text: str | bytes, *, hook: Callable[[dict[str, Any]], Any] | None = None) -> dict[str, Any]:
    """The JSON object in the text; ValueError or RecursionError says why there is none that can be used.

    `hook` sees every object as it ends, and gives what stands for it.
    """
    told = text.decode() if isinstance(text, bytes) else text
    containers = told.count("{") + told.count("[") - told.count(_FILE)
    if containers > MOST_CONTAINERS:
        raise ValueError(f"{containers:,} objects and lists, of which no record has more than {MOST_CONTAINERS:,}")
    if _HALF.search(told) and _HALF.search(_HALVES.sub("", told.replace("\\\\", ""))):
        raise ValueError("half of a character, which no text can have")  # nothing could be written or asked for by it
    body = json.loads(told, object_hook=hook, parse_constant=_no_number)
    if not isinstance(body, dict):
        raise ValueError(f"a {type(body).__name__} instead of an object")
    return body


def _no_number(text: str) -> Any:
    raise ValueError(f"{text}, which is no JSON")


def load_record(
    text: str | bytes,
    *,
    where: str,
    known: Collection[int],
    remedy: str,
    first: int | None = None,
    hook: Callable[[dict[str, Any]], Any] | None = None,
) -> dict[str, Any]:
    """The record in `text`, of one of the `known` versions; `first`: what a record without a version is.

    ManifestError names the object and what to do: the remedy, or to update rds-lake for one of a newer release.
    """
    try:
        body = load_object(text, hook=hook)
    except RECORD_ERRORS as error:
        raise damaged(where, error, remedy) from error
    version = body.get("version", first)
    if type(version) is int and version > max(known):
        raise ManifestError(newer(where, version, known))
    if type(version) is not int or version not in known:
        raise damaged(where, ValueError(f"version {str(version)[:40]!r}"), remedy)
    return body


def newer(where: str, version: int, known: Collection[int]) -> str:
    """What to say of a record that a newer release wrote."""
    return (
        f"{where} has version {version}, which a newer release of rds-lake wrote; this one reads "
        f"{' and '.join(map(str, sorted(known)))}. It is left as it is: update rds-lake, then do it again"
    )


def damaged(where: str, error: Exception, remedy: str) -> ManifestError:
    """The error for a record that cannot be read."""
    why = "nested too deep" if isinstance(error, RecursionError) else repr(error)[:300]
    return ManifestError(f"{where} is damaged ({why}); {remedy}")


def value_of(kind: type[T], value: Any) -> T:
    """The value, read as `kind`: a dataclass of simple fields, or a type a field of one may have.

    Dates and times are ISO texts, times with their zone. Keys that `kind` does not have are left. ValueError says which
    field is what instead.
    """
    return cast("T", _reader(kind)(value))


class _WrongError(ValueError):
    """`path` grows from the inside out."""

    def __init__(self, says: str, path: str = "") -> None:
        super().__init__(f"{path.removeprefix('.') or 'the record'} is {says}")
        self.says, self.path = says, path


def _wrong(value: Any, wanted: str) -> _WrongError:
    return _WrongError(f"{str(value)[:80]!r}, not {wanted}")


Reader = Callable[[Any], Any]


def _text(value: Any) -> str:
    if type(value) is not str:
        raise _wrong(value, "a text")
    return value


def _whole(value: Any) -> int:
    if type(value) is not int or not -_BIGGEST <= value < _BIGGEST:
        raise _wrong(value, "a whole number")
    return value


def _flag(value: Any) -> bool:
    if type(value) is not bool:
        raise _wrong(value, "true or false")
    return value


def _day(value: Any) -> date:
    try:
        return date.fromisoformat(_text(value))
    except ValueError as error:
        raise _wrong(value, "a date") from error


def _moment(value: Any) -> datetime:
    try:
        found = datetime.fromisoformat(_text(value))
    except ValueError as error:
        raise _wrong(value, "a time") from error
    if found.tzinfo is None:
        raise _wrong(value, "a time with its zone")
    return found


_SIMPLE: dict[Any, Reader] = {str: _text, int: _whole, bool: _flag, date: _day, datetime: _moment}


@lru_cache(maxsize=256)
def _reader(kind: Any) -> Reader:
    """How values of the type are read. TypeError for types that no record has."""
    if kind in _SIMPLE:
        return _SIMPLE[kind]
    if is_dataclass(kind):
        return _dataclass(kind)
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, typing.Union) and len(arguments) == 2 and type(None) in arguments:
        inner = _reader(next(one for one in arguments if one is not type(None)))
        return lambda value: None if value is None else inner(value)
    if origin is tuple and arguments[1:] == (Ellipsis,):
        return _list(_reader(arguments[0]))
    if origin is Mapping and arguments[0] is str:
        return _mapping(_reader(arguments[1]))
    if origin is Literal:
        return _choice(arguments)
    raise TypeError(f"no record has fields of {kind}")


def _list(inner: Reader) -> Reader:
    def read(value: Any) -> tuple[Any, ...]:
        if type(value) is not list:
            raise _wrong(value, "a list")
        return tuple(_inside(inner, one, f"[{number}]") for number, one in enumerate(value))

    return read


def _mapping(inner: Reader) -> Reader:
    def read(value: Any) -> dict[str, Any]:
        if type(value) is not dict:
            raise _wrong(value, "an object")
        return {key: _inside(inner, one, f".{key[:80]}") for key, one in value.items()}

    return read


def _choice(wanted: tuple[Any, ...]) -> Reader:
    def read(value: Any) -> Any:
        if type(value) is not str or value not in wanted:
            raise _wrong(value, f"one of {', '.join(map(str, wanted))}")
        return value

    return read


def _inside(inner: Reader, value: Any, step: str) -> Any:
    try:
        return inner(value)
    except _WrongError as error:
        raise _WrongError(error.says, f"{step}{error.path}") from None


def _dataclass(kind: Any) -> Reader:
    hints = typing.get_type_hints(kind)
    known = [(one.name, _reader(hints[one.name])) for one in fields(kind) if one.init]
    needed = {
        one.name for one in fields(kind) if one.default is MISSING and one.default_factory is MISSING and one.init
    }

    def read(value: Any) -> Any:
        if type(value) is not dict:
            raise _wrong(value, "an object")
        if missing := needed - value.keys():
            raise _WrongError("missing", f".{min(missing)}")
        return kind(**{name: _inside(inner, value[name], f".{name}") for name, inner in known if name in value})

    return read
