"""Turns pydantic's errors about single keys of lake.yaml into sentences.

What belongs here: every sentence about a single key. `document/` finds its line and column.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date
from difflib import get_close_matches
from typing import Any, TypeAlias, get_args

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from rds_lake.config.document.syntax import foreign_space

_SHOWN = 100

# For an unknown key, returns a sentence about where it belongs; "" if it must not be reported; None if no section has it.
Elsewhere: TypeAlias = Callable[[str], str | None]

# Beginning of pydantic's error type (https://docs.pydantic.dev/latest/errors/validation_errors/) -> what the value must be.
_MUST_BE = {
    "bool": "true or false",
    "int": "a whole number",
    "float": "a number",
    "finite": "a finite number",
    "decimal": "a number",
    "date": "a date, such as 2026-01-31",
    "time": "a time of day, such as '03:30'",
    "dict": "a mapping of keys to values",
    "mapping": "a mapping of keys to values",
    "tuple": "a list, as [a, b] or with a leading `- ` for each item",
    "list": "a list, as [a, b] or with a leading `- ` for each item",
    "model": "a mapping of keys to values",
}
_BOUNDS = {
    "greater_than": ("more than", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "less_than": ("less than", "lt"),
    "less_than_equal": ("at most", "le"),
}
# Patterns in the settings -> the required form in words.
_FORMS = {
    r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$": "the name of a bucket: 3 to 63 lower-case letters, digits, dots and hyphens",
    r"^[0-9]{12}$": "the number of an AWS account: 12 digits, in quotes",
    r"^[A-Za-z0-9_-]{1,80}$": "the name of a queue, not its URL or ARN: at most 80 letters, digits, _ and -",
    r"^[a-zA-Z0-9._-]{1,128}$": "the name of a workgroup: at most 128 letters, digits, dots, _ and -",
    r"^[A-Za-z0-9_-]{1,120}$": "the name of a Glue job: at most 120 letters, digits, _ and -",
    r"^[a-z][a-z0-9_]{0,62}$": "a lower-case letter and then at most 62 lower-case letters, digits and _",
    r"^[A-Za-z][A-Za-z0-9-]{0,62}$": "an identifier as RDS has it, not an ARN or host name: a letter, and then at most 62 letters, "
    "digits and hyphens",
    r"^[^.]+\.(.*[^.])?[^.]$": "`database.schema`",
}


def explain(detail: ErrorDetails, model: type[BaseModel], place: str, elsewhere: Elsewhere) -> str:
    """Returns one pydantic error of the section at `place` as a sentence with the key's path and the remedy.

    Returns "" if `elsewhere` returns "" for an unknown key.
    """
    keys = [str(part) for part in detail["loc"]]
    where = ".".join([place, *_written(keys)])
    match detail["type"]:
        case "extra_forbidden":
            said = elsewhere(keys[-1]) if len(keys) == 1 else None
            return (
                unknown_key(where, keys[-1], _keys_at(model, keys[:-1]))
                if said is None
                else said and f"{where}: {said}"
            )
        case "missing":
            return f"{where}: is required; add it (docs/configuration.md describes it)"
        case "too_short":
            return f"{where}: must not be empty; add what belongs there (docs/configuration.md describes it)"
        case "invalid_key":
            return f"{where}: a key must be a word, not {shown(detail['input'])}; correct it or put it in quotes"
        case "value_error":
            return f"{where}: {detail['msg'].removeprefix('Value error, ')}"
        case _ if detail["input"] is None or detail["input"] == "":
            return f"{where}: has no value; write one, or remove the key (docs/configuration.md describes it)"
        case _:
            return f"{where}: {_wrong_value(detail)}"


def _wrong_value(detail: ErrorDetails) -> str:
    kind, value, context = detail["type"], shown(detail["input"]), detail.get("ctx", {})
    if kind == "literal_error":
        return _not_a_choice(detail["input"], str(context["expected"]))
    if kind in _BOUNDS:
        words, key = _BOUNDS[kind]
        return f"must be {words} {context[key]:g}, not {value}"
    if kind == "string_pattern_mismatch":
        form = _FORMS.get(context["pattern"])
        return f"must be {form}, not {value}" if form else f"{value} does not have the form {context['pattern']}"
    if kind in ("string_too_short", "string_too_long"):
        words, key = ("least", "min_length") if kind == "string_too_short" else ("most", "max_length")
        return f"must have at {words} {context[key]} characters, not {value}"
    if kind == "string_type":
        return f"must be text, not {value}{_remedy(detail['input'])}"
    if must := _MUST_BE.get(kind.partition("_")[0]):
        return f"must be {must}, not {value}"
    return f"{value} cannot be used here (docs/configuration.md describes the key)"


def _not_a_choice(value: object, expected: str) -> str:
    """Returns the problem of a value that is not allowed. `expected`: pydantic's list, `'newest' or 'first'`."""
    choices = [word.strip("' ") for part in expected.split(" or ") for word in part.split(",")]
    words = " or ".join([*filter(None, [", ".join(choices[:-1])]), choices[-1]])
    nearest = get_close_matches(str(value).lower(), choices, n=1)
    return f"must be {words}, not {shown(value)}{f'; did you mean `{nearest[0]}`?' if nearest else ''}"


def _remedy(value: object) -> str:
    """Returns the advice to use quotes if YAML read the text as a boolean, number or date; otherwise empty."""
    return "; put it in quotes" if isinstance(value, bool | int | float | date) else ""


def unknown_key(place: str, key: str, known: Iterable[str]) -> str:
    """Returns the problem of an unknown key, with the most similar known key."""
    if foreign := foreign_space(key):
        return f"{place}: unknown key, with {foreign}"
    if nearest := get_close_matches(key.lower(), list(known), n=1):
        return f"{place}: unknown key; did you mean `{nearest[0]}`? Remove it or correct its spelling"
    return f"{place}: unknown key; remove it or correct its spelling (docs/configuration.md lists all)"


def shown(value: object) -> str:
    """Returns the value as YAML writes it, shortened for a message."""
    words = {True: "true", False: "false"}
    text = "null" if value is None else words[value] if isinstance(value, bool) else repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _written(keys: list[str]) -> list[str]:
    """Returns the path of keys as in lake.yaml, without pydantic's tags of types (`shared.MaxDrop`)."""
    return [key for key in keys if key not in ("[part]", "[by view]", "[key]")]


def _keys_at(model: type[BaseModel], keys: list[str]) -> Iterable[str]:
    """Returns the known keys of the section at the path `keys` below the model."""
    for key in keys:
        field: Any = model.model_fields.get(key)
        types = (field.annotation, *get_args(field.annotation)) if field else ()
        below = [kind for kind in types if isinstance(kind, type) and issubclass(kind, BaseModel)]
        if not below:
            return ()
        model = below[0]
    return model.model_fields
