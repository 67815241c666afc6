"""Reads the settings of one section of lake.yaml from YAML's values, and collects all problems.

pydantic checks each key separately. Rules check several keys together. They run even if some keys are invalid; a rule that
needs an invalid key is skipped.

What belongs here: this procedure, for any section. The sentences are in `config/text.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, ParamSpec, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from rds_lake.config.lake import Settings
from rds_lake.config.text import Elsewhere, explain, shown

_P = ParamSpec("_P")
_S = TypeVar("_S", bound=Settings)


@dataclass(frozen=True, slots=True)
class Read(Generic[_S]):
    """The valid keys of a section, and its problems.

    `settings` does not have the keys with invalid values: reading one raises AttributeError. If there are problems, only `judged`
    may use it. It is None if the section is not a mapping.
    """

    settings: _S | None
    problems: tuple[str, ...] = ()


def read_settings(
    model: type[_S], raw: object, place: str, *, elsewhere: Elsewhere = lambda _: None, what: str = "keys"
) -> Read[_S]:
    """Returns the section at `place`. `elsewhere` returns the section to which an unknown key belongs (`text.Elsewhere`)."""
    if not isinstance(raw, dict):
        return Read(None, (not_a_mapping(raw, place, what),))
    try:
        return Read(model.model_validate(raw))
    except ValidationError as error:
        details = _meant(error.errors(include_url=False))
    problems = [problem for detail in details if (problem := explain(detail, model, place, elsewhere))]
    return Read(_without(model, raw, {detail["loc"][0] for detail in details}), tuple(problems))


def _meant(details: list[ErrorDetails]) -> list[ErrorDetails]:
    """Removes "too short" errors of lists with invalid items, because pydantic counts only the valid items."""
    places = [detail["loc"] for detail in details]
    return [
        detail
        for detail in details
        if detail["type"] != "too_short"
        or not any(len(loc) > len(detail["loc"]) and loc[: len(detail["loc"])] == detail["loc"] for loc in places)
    ]


def _without(model: type[_S], raw: Mapping[Any, Any], wrong: set[int | str]) -> _S:
    """Returns the settings without the invalid keys."""
    right = {key: value for key, value in raw.items() if key in model.model_fields and key not in wrong}
    lacking = [key for key, field in model.model_fields.items() if field.is_required() and key in wrong]
    settings = model.model_validate(right | {key: (model.model_fields[key].examples or [None])[0] for key in lacking})
    for key in wrong & model.model_fields.keys():
        object.__delattr__(settings, str(key))  # frozen, but only this function has the object yet
        settings.model_fields_set.discard(str(key))
    return settings


def judged(rule: Callable[_P, Iterator[str]], *args: _P.args, **kwargs: _P.kwargs) -> Iterator[str]:
    """Yields the problems that the rule finds; the rule ends at the first key that the settings do not have."""
    try:
        yield from rule(*args, **kwargs)
    except AttributeError as error:
        # Only a missing key is ignored: an attribute that is no key of the settings is an error in rds-lake.
        if not (isinstance(error.obj, Settings) and error.name in type(error.obj).model_fields):
            raise


def not_a_mapping(raw: object, place: str, what: str) -> str:
    """Returns the problem of a section that is not a mapping."""
    if raw is None:
        return f"{place}: is empty; write {what} below it (docs/configuration.md describes them)"
    return f"{place}: must be a mapping of {what}, not {shown(raw)} (docs/configuration.md describes them)"
