"""Finds the operation that a request of a REST-JSON service (Lambda, AWS Backup) calls, and the parameters in its path.

https://smithy.io/2.0/spec/http-bindings.html
"""

from __future__ import annotations

import functools
import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote

from botocore.exceptions import UnknownServiceError
from botocore.model import OperationModel

from rds_lake.localcloud.http.models import service_model

_LABEL = re.compile(r"\{(\w+)(\+?)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class RestCall:
    """An operation, and the parameters that its path names."""

    operation: str
    params: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Form:
    operation: str
    method: str
    path: re.Pattern[str]
    literal: int
    labels: tuple[str, ...]


def rest_call(service: str, method: str, path: str) -> RestCall | None:
    """Returns the call of a method and a path; None if it is not an operation, or for services of other protocols."""
    for form in _forms(service):
        match = form.path.fullmatch(path) if form.method == method else None
        if match:
            return RestCall(
                operation=form.operation, params=dict(zip(form.labels, map(unquote, match.groups()), strict=True))
            )
    return None


def rest_params(call: RestCall, query: str, body: bytes) -> dict[str, Any]:
    """Returns all parameters of a request: of its body if that is a JSON object, its query and its path."""
    try:
        given = json.loads(body or b"{}")
    except ValueError:
        given = {}
    queried = dict(parse_qsl(query, keep_blank_values=True))
    return {**(given if isinstance(given, dict) else {}), **queried, **call.params}


@functools.cache
def _forms(service: str) -> list[_Form]:
    """Returns the forms of all paths, those with the most fixed text first: `…/code` before `…/{FunctionName}`."""
    try:
        model = service_model(service)
    except UnknownServiceError:
        return []
    if model.protocol != "rest-json":
        return []
    forms = (_form(model.operation_model(name)) for name in model.operation_names)
    return sorted(forms, key=lambda form: -form.literal)


def _form(operation: OperationModel) -> _Form:
    http, members = operation.http, operation.input_shape.members if operation.input_shape else {}
    named = {member.serialization.get("name", name): name for name, member in members.items()}
    path = http["requestUri"].partition("?")[0].rstrip("/")
    texts = _LABEL.split(path)
    # Of each three: literal text, the label's name, and whether the label takes slashes.
    pattern = re.escape(texts[0])
    for greedy, text in zip(texts[2::3], texts[3::3], strict=True):
        pattern += ("(.+)" if greedy else "([^/]+)") + re.escape(text)
    return _Form(
        operation=operation.name,
        method=http["method"],
        path=re.compile(f"{pattern}/?"),
        literal=sum(map(len, texts[0::3])),
        labels=tuple(named.get(label, label) for label in texts[1::3]),
    )
