"""Settings out of YAML's values, with everything that is wrong with them at once.

pydantic checks every key by itself. Rules check keys together, and they run even where some keys are wrong by themselves; a
rule that needs one of those is left out.

What belongs here: that procedure, for any section of lake.yaml. Sentences are `config/text.py`.
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
    """A section as far as it can be read, and its problems.

    `settings` lacks the keys whose values are wrong: reading one raises AttributeError. They are for `judged` alone, unless
    there is no problem. None: the section is not a mapping.
    """

    settings: _S | None
    problems: tuple[str, ...] = ()


def read_settings(
    model: type[_S], raw: object, place: str, *, elsewhere: Elsewhere = lambda _: None, what: str = "keys"
) -> Read[_S]:
    """The section at `place`; `elsewhere` says of an unknown key where it belongs (`text.explain`)."""
    if not isinstance(raw, dict):
        return Read(None, (not_a_mapping(raw, place, what),))
    try:
        return Read(model.model_validate(raw))
    except ValidationError as error:
        details = _meant(error.errors(include_url=False))
    problems = [problem for detail in details if (problem := explain(detail, model, place, elsewhere))]
    return Read(_without(model, raw, {detail["loc"][0] for detail in details}), tuple(problems))


def _meant(details: list[ErrorDetails]) -> list[ErrorDetails]:
    """Without "too short" of lists whose items are wrong: pydantic counts the right ones alone."""
    places = [detail["loc"] for detail in details]
    return [
        detail
        for detail in details
        if detail["type"] != "too_short"
        or not any(len(loc) > len(detail["loc"]) and loc[: len(detail["loc"])] == detail["loc"] for loc in places)
    ]


def _without(model: type[_S], raw: Mapping[Any, Any], wrong: set[int | str]) -> _S:
    """The settings without the keys that are wrong."""
    right = {key: value for key, value in raw.items() if key in model.model_fields and key not in wrong}
    lacking = [key for key, field in model.model_fields.items() if field.is_required() and key in wrong]
    settings = model.model_validate(right | {key: (model.model_fields[key].examples or [None])[0] for key in lacking})
    for key in wrong & model.model_fields.keys():
        object.__delattr__(settings, str(key))  # frozen, but these are ours alone
        settings.model_fields_set.discard(str(key))
    return settings


def judged(rule: Callable[_P, Iterator[str]], *args: _P.args, **kwargs: _P.kwargs) -> Iterator[str]:
    """The rule's problems with settings that may lack keys; none where it needs a key that is lacking."""
    try:
        yield from rule(*args, **kwargs)
    except AttributeError as error:
        # A key that is lacking, and no other: an attribute that a rule misspells is an error in rds-lake.
        if not (isinstance(error.obj, Settings) and error.name in type(error.obj).model_fields):
            raise


def not_a_mapping(raw: object, place: str, what: str) -> str:
    """The sentence for a section that is something else."""
    if raw is None:
        return f"{place}: is empty; write {what} below it (docs/configuration.md describes them)"
    return f"{place}: must be a mapping of {what}, not {shown(raw)} (docs/configuration.md describes them)"
