"""Parses the bodies of `POST /_local/faults`; a bad body is refused with all its problems."""

from __future__ import annotations

from typing import Any, get_args

from pydantic import ValidationError

from rds_lake.localcloud.faults.kinds import FaultLists, Sentence
from rds_lake.localcloud.http.app import ApiError

Json = dict[str, Any]
_PHRASES = {
    "model_type": "is not an object",
    "string_type": "is not a text",
    "string_too_short": "is not a text",
    "string_pattern_mismatch": "is not an error code: use letters and digits",
}


def read_faults(body: Json) -> FaultLists:
    """Returns the faults of a body. ApiError 400 names every problem."""
    try:
        faults = FaultLists.model_validate(body)
    except ValidationError as error:
        raise ApiError(
            "InvalidParameterValue", "; ".join(_in_words(dict(problem)) for problem in error.errors())
        ) from error
    if not any(getattr(faults, name) for name in FaultLists.model_fields):
        known = ", ".join(FaultLists.model_fields)
        raise ApiError("InvalidParameterValue", f"the body has no fault; give {known}")
    return faults


def _in_words(problem: Json) -> str:
    """Returns one of pydantic's problems as text: `events[0]: seconds belong to a delay, not to drop`."""
    kind, number, *inner = *problem["loc"], *[None] * (2 - len(problem["loc"]))
    place, field = ("", str(kind)) if number is None else (f"{kind}[{number}]", ".".join(map(str, inner)))
    text = _phrase(problem, field, known=_known_fields(str(kind)) if place else FaultLists.model_fields)
    return f"{place}: {text}" if place else text


def _phrase(problem: Json, field: str, *, known: Any) -> str:
    type_, error = problem["type"], problem.get("ctx", {}).get("error")
    if isinstance(error, Sentence):
        return str(error)
    if type_ == "extra_forbidden":
        return f"{field!r} is unknown; known are {', '.join(known)}"
    if type_ == "missing":
        return f"{field} is missing"
    if type_ == "list_type":
        return f"{field} is not a list"
    text = str(error) if error else _PHRASES.get(type_, f"is wrong: {problem['msg']}")
    return f"{field} {problem['input']!r} {text}".lstrip()


def _known_fields(kind: str) -> Any:
    (model,) = get_args(FaultLists.model_fields[kind].annotation)
    return model.model_fields
