"""Glue's limits for values in requests, from botocore's model of the service.

moto accepts everything. AWS refuses in every operation a column's type beyond 131,072 characters, a view's text beyond 409,600,
names beyond 256, and control characters in most texts (https://docs.aws.amazon.com/glue/latest/webapi/API_Column.html and the pages
of other structures).

What belongs here: comparing a request with the model. `moto/fixes.py` says which operations are compared.
"""

from __future__ import annotations

import re
from typing import Any

from botocore.model import Shape

from rds_lake.localcloud.http.app import ApiError
from rds_lake.localcloud.http.models import service_model

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_CONTROL_AND_LINES = re.compile(r"[\x00-\x08\x0a-\x1f\ud800-\udfff\ufffe\uffff]")


def check_request(operation: str, params: dict[str, Any]) -> None:
    """ApiError, as AWS words it, with every value that is too long, too short, or has forbidden characters."""
    shape = service_model("glue").operation_model(operation).input_shape
    wrong: list[str] = []
    todo: list[tuple[Shape | None, Any, str]] = [(shape, params, "")]
    while todo:
        shape, value, place = todo.pop()
        if shape is None or value is None:
            continue
        if (constraint := _broken(shape, value)) is not None:
            wrong.append(f"Value at '{place}' failed to satisfy constraint: Member must {constraint}")
        todo.extend(reversed(_inside(shape, value, place)))
    if wrong:
        errors = f"{len(wrong)} validation error{'s' if len(wrong) > 1 else ''} detected: "
        raise ApiError("ValidationException", errors + "; ".join(wrong))


def _inside(shape: Any, value: Any, place: str) -> list[tuple[Shape | None, Any, str]]:
    prefix = f"{place}." if place else ""
    if shape.type_name == "structure" and isinstance(value, dict):
        return [
            (shape.members.get(name), part, f"{prefix}{name[:1].lower()}{name[1:]}") for name, part in value.items()
        ]
    if shape.type_name == "list" and isinstance(value, list):
        return [(shape.member, part, f"{prefix}{number}.member") for number, part in enumerate(value, 1)]
    if shape.type_name == "map" and isinstance(value, dict):
        keys = [(shape.key, key, f"{place}.key") for key in value]
        return keys + [(shape.value, part, f"{prefix}{key}") for key, part in value.items()]
    return []


def _broken(shape: Any, value: Any) -> str | None:
    """Returns the constraint that a value violates, None if it violates none."""
    if not isinstance(value, str | list):
        return None
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if most is not None and len(value) > most:
        return f"have length less than or equal to {most}, and has {len(value)}"
    if least is not None and len(value) < least:
        return f"have length greater than or equal to {least}"
    pattern = shape.metadata.get("pattern", "")
    if isinstance(value, str) and "\\u0020-\\uD7FF" in pattern:
        # The pattern is for Java, in UTF-16. Its meaning: no control characters, and line ends only if it contains them.
        forbidden = _CONTROL if "\\r\\n" in pattern else _CONTROL_AND_LINES
        if forbidden.search(value):
            return f"satisfy regular expression pattern: {pattern}"
    return None
