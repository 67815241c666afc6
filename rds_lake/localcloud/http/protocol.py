"""AWS's query protocol (form in, XML out), driven by botocore's own service models.

What belongs here: shapes to and from the wire. What does not: what an operation does.
"""

from __future__ import annotations

import functools
import uuid
from collections.abc import Callable
from typing import Any
from xml.sax.saxutils import escape

import botocore.session
from botocore.model import ServiceModel


@functools.cache
def _model(service: str) -> ServiceModel:
    return botocore.session.get_session().get_service_model(service)


def render_query_answer(
    service: str, action: str, form: dict[str, str], operation: Callable[[dict[str, Any]], dict[str, Any]]
) -> bytes:
    """Run an operation on the form's parameters and render its answer as XML."""
    model = _model(service).operation_model(action)
    params = _read(model.input_shape, "", form) or {}
    answer = operation(params)
    shape = model.output_shape
    namespace = _model(service).metadata.get("xmlNamespace", "")
    result = ""
    if shape is not None:
        result = _write(shape.serialization.get("resultWrapper", f"{action}Result"), shape, answer)
    return (
        f'<{action}Response xmlns="{namespace}">{result}<ResponseMetadata><RequestId>{uuid.uuid4()}</RequestId>'
        f"</ResponseMetadata></{action}Response>"
    ).encode()


def render_error(code: str, message: str) -> bytes:
    """An error as the query protocol sends it."""
    return (
        f"<ErrorResponse><Error><Type>Sender</Type><Code>{escape(code)}</Code><Message>{escape(message)}</Message></Error>"
        f"<RequestId>{uuid.uuid4()}</RequestId></ErrorResponse>"
    ).encode()


def _read(shape: Any, name: str, form: dict[str, str]) -> Any:
    """The value of a shape under a form name; None when the form does not mention it."""
    if shape is None:
        return None
    if shape.type_name == "structure":
        return _read_structure(shape, name, form)
    if shape.type_name == "list":
        return _read_list(shape, name, form)
    value = form.get(name)
    if value is None:
        return None
    if shape.type_name == "boolean":
        return value == "true"
    return int(value) if shape.type_name in ("integer", "long") else value


def _read_structure(shape: Any, name: str, form: dict[str, str]) -> dict[str, Any] | None:
    found: dict[str, Any] = {}
    for member, member_shape in shape.members.items():
        part = member_shape.serialization.get("name", member)
        value = _read(member_shape, f"{name}.{part}" if name else part, form)
        if value is not None:
            found[member] = value
    return found or None


def _read_list(shape: Any, name: str, form: dict[str, str]) -> list[Any] | None:
    """Lists come as `Name.member.1` or `Name.<LocationName>.1`, numbered from 1."""
    for base in (f"{name}.{shape.member.serialization.get('name', 'member')}", f"{name}.member", name):
        values: list[Any] = []
        while any(key == f"{base}.{len(values) + 1}" or key.startswith(f"{base}.{len(values) + 1}.") for key in form):
            values.append(_read(shape.member, f"{base}.{len(values) + 1}", form))
        if values:
            return values
    return None


def _write(name: str, shape: Any, value: Any) -> str:
    if value is None:
        return ""
    if shape.type_name == "structure":
        members = "".join(
            _write(member_shape.serialization.get("name", member), member_shape, value.get(member))
            for member, member_shape in shape.members.items()
        )
        return f"<{name}>{members}</{name}>"
    if shape.type_name == "list":
        item = shape.member.serialization.get("name", "member")
        return f"<{name}>{''.join(_write(item, shape.member, entry) for entry in value)}</{name}>"
    if shape.type_name == "boolean":
        value = "true" if value else "false"
    if shape.type_name == "timestamp":
        value = value.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
    return f"<{name}>{escape(str(value))}</{name}>"
