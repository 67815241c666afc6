"""AWS's query protocol (form in, XML out), with moto's parser and serializer and botocore's models."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Any
from xml.sax.saxutils import escape

from botocore.validate import ParamValidator
from moto.core.parse import QueryParser
from moto.core.serialize import AttributePickerContext, QuerySerializer, SerializationContext

from rds_lake.localcloud.http.models import service_model

Json = dict[str, Any]


class BadRequestError(ValueError):
    """A form that does not fit the operation's model; the text names every problem."""


def render_query_answer(service: str, action: str, form: dict[str, str], operation: Callable[[Json], Json]) -> bytes:
    """Run an operation on the form's parameters and return its answer as XML. BadRequestError if they do not fit."""
    model = service_model(service).operation_model(action)
    try:
        params = QueryParser(model).parse({"values": form})  # type: ignore[typeddict-item]
    except ValueError as error:
        raise BadRequestError(f"{action} cannot be read: {error}") from error
    if model.input_shape is not None:
        problems = ParamValidator().validate(params, model.input_shape)
        if problems.has_errors():
            raise BadRequestError(f"{action}: {problems.generate_report()}")
    context = SerializationContext(request_id=str(uuid.uuid4()))
    body = QuerySerializer(model, context, value_picker=_value).serialize(operation(params))["body"]
    return body.encode() if isinstance(body, str) else body


def render_error(code: str, message: str) -> bytes:
    """Returns an error in the query protocol."""
    return (
        f"<ErrorResponse><Error><Type>Sender</Type><Code>{escape(code)}</Code><Message>{escape(message)}</Message></Error>"
        f"<RequestId>{uuid.uuid4()}</RequestId></ErrorResponse>"
    ).encode()


def _value(context: AttributePickerContext) -> Any:
    """Returns a member of an answer. RDS's times have milliseconds."""
    value = context.obj.get(context.key)
    if isinstance(value, datetime):
        return value.replace(microsecond=value.microsecond // 1000 * 1000)
    return value
