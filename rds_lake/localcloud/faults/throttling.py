"""Throttling: which operation an HTTP request calls, and AWS's refusal in the protocol of its service.

Only requests over HTTP are counted: what the local cloud asks of itself never reaches this gate.

What belongs here: recognising requests and answering them. Which calls are throttled is `faults.py`.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qs, parse_qsl
from xml.sax.saxutils import escape

import botocore.session
from botocore.exceptions import UnknownServiceError
from botocore.model import OperationModel, ServiceModel

from rds_lake.localcloud.faults.faults import Faults
from rds_lake.localcloud.http.app import LocalCloudApp, StartResponse, read_body, request_context
from rds_lake.localcloud.http.protocol import render_error

_PROTOCOLS = ("query", "json", "rest-xml")
_CODES = {"query": "Throttling", "json": "ThrottlingException", "rest-xml": "SlowDown"}
_MESSAGES = {"query": "Rate exceeded", "json": "Rate exceeded", "rest-xml": "Please reduce your request rate."}
# Reads and writes of DynamoDB's tables use up what is provisioned for the table.
_OWN_CODES = {
    "ProvisionedThroughputExceededException": "The level of configured provisioned throughput for the table was exceeded. "
    "Consider increasing your provisioning level with the UpdateTable API.",
}
# The control API is not AWS's.
_OURS = ("/_local/", "/moto-api/")
_FORM = "application/x-www-form-urlencoded"


def default_code(service: str, operation: str) -> str:
    """What AWS calls throttling of an operation: in the protocol of its service, or by a name of its own."""
    model = _model(service)
    named = {shape.name for shape in model.operation_model(operation).error_shapes} & set(_OWN_CODES)
    return next(iter(named), _CODES[model.protocol])


def problem_with(service: object, operation: object) -> str | None:
    """Why an operation cannot be throttled; None when it can."""
    try:
        model = _model(str(service))
    except UnknownServiceError:
        return f"service {service!r} is none boto3 knows"
    if model.protocol not in _PROTOCOLS or (model.protocol == "rest-xml" and service != "s3"):
        return f"{service} speaks {model.protocol}, which cannot be throttled here"
    if operation not in model.operation_names:
        return f"operation {operation!r} is none of {service}"
    return None


class ThrottleGate:
    """A WSGI application before another: refuses the calls that are to be throttled."""

    def __init__(self, app: LocalCloudApp, faults: Faults) -> None:
        self._app = app
        self._faults = faults

    def __call__(self, environ: dict[str, Any], start: StartResponse) -> Iterable[bytes]:
        if not self._faults.throttles or environ.get("PATH_INFO", "").startswith(_OURS):
            return self._app(environ, start)
        signed_as = request_context(environ).service
        code = self._faults.throttled(_service(signed_as), called_operation(signed_as, environ))
        if code is None:
            return self._app(environ, start)
        return refuse(signed_as, code, environ, start)


def called_operation(signed_as: str, environ: dict[str, Any]) -> str:
    """The operation a request calls; empty when it cannot be told."""
    target = environ.get("HTTP_X_AMZ_TARGET")
    if target:
        return target.rpartition(".")[2]
    if signed_as == "s3":
        return _s3_operation(environ)
    if environ.get("CONTENT_TYPE", "").startswith(_FORM):
        return dict(parse_qsl(read_body(environ).decode())).get("Action", "")
    return ""


def _s3_operation(environ: dict[str, Any]) -> str:
    """The operation with the most parts that the request has all of: path, required query and headers."""
    bucket, _, key = environ.get("PATH_INFO", "").lstrip("/").partition("/")
    place = environ["REQUEST_METHOD"], bool(bucket) + bool(key)
    query = set(parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True))
    headers = {name.removeprefix("HTTP_").replace("_", "-").lower() for name in environ if name.startswith("HTTP_")}
    fitting = [
        (len(parts), name) for where, parts, name in _s3_operations() if where == place and parts <= query | headers
    ]
    return max(fitting, key=lambda item: item[0], default=(0, ""))[1]


@functools.cache
def _s3_operations() -> list[tuple[tuple[str, int], frozenset[str], str]]:
    """Method and depth (service, bucket, object), required parts, name; of equals the first is the ordinary one."""
    found: list[tuple[tuple[str, int], frozenset[str], str]] = []
    model = _model("s3")
    for name in model.operation_names:
        operation = model.operation_model(name)
        path, _, literal = operation.http["requestUri"].partition("?")
        depth = {"/": 0, "/{Bucket}": 1, "/{Bucket}/{Key+}": 2}.get(path)
        # Deprecated operations have the shape of their successors.
        if depth is not None and not operation.deprecated:
            parts = frozenset(parse_qs(literal, keep_blank_values=True)) | _required_parts(operation)
            found.append(((operation.http["method"], depth), parts, name))
    return found


def _required_parts(operation: OperationModel) -> frozenset[str]:
    shape = operation.input_shape
    if shape is None:
        return frozenset()
    members = [shape.members[name].serialization for name in shape.required_members]
    return frozenset(
        member["name"].lower() if member["location"] == "header" else member["name"]
        for member in members
        if member.get("location") in ("querystring", "header")
    )


@functools.cache
def _model(service: str) -> ServiceModel:
    return botocore.session.get_session().get_service_model(service)


@functools.cache
def _service(signed_as: str) -> str:
    """The service behind the name in a signature: mostly the same."""
    session = botocore.session.get_session()
    if signed_as in session.get_available_services():
        return signed_as
    known = (name for name in session.get_available_services() if _model(name).signing_name == signed_as)
    return next(known, signed_as)


def refuse(
    signed_as: str,
    code: str,
    environ: dict[str, Any],
    start: StartResponse,
    *,
    message: str | None = None,
    status: str | None = None,
) -> list[bytes]:
    """Answer a request with an error in the protocol of its service; without message and status, throttling's."""
    # The connection is kept: what is left of this request must not become the next one.
    read_body(environ)
    protocol = _model(_service(signed_as)).protocol
    message = message or _OWN_CODES.get(code, _MESSAGES[protocol])
    content_type = "text/xml"
    if protocol == "json":
        content_type = "application/x-amz-json-1.1"
        body = json.dumps({"__type": code, "message": message}).encode()
    elif protocol == "query":
        body = render_error(code, message)
    else:
        status, content_type = status or "503 Slow Down", "application/xml"
        body = f"<Error><Code>{escape(code)}</Code><Message>{escape(message)}</Message></Error>".encode()
    # An answer to HEAD has no body: what would follow is read as the next answer.
    body = b"" if environ["REQUEST_METHOD"] == "HEAD" else body
    start(status or "400 Bad Request", [("Content-Type", content_type), ("Content-Length", str(len(body)))])
    return [body]
