"""Finds the operation that a request calls, and AWS's throttling error for it."""

from __future__ import annotations

import functools
from typing import Any
from urllib.parse import parse_qs

from botocore.exceptions import UnknownServiceError
from botocore.model import OperationModel

from rds_lake.localcloud.http.app import read_body, read_form
from rds_lake.localcloud.http.models import service_model, service_of
from rds_lake.localcloud.http.rest import rest_call

_CODES = {"query": "Throttling", "json": "ThrottlingException", "rest-xml": "SlowDown"}
# Reads and writes of DynamoDB's tables, which use the table's provisioned capacity.
_CAPACITY_CODE = "ProvisionedThroughputExceededException"
_FORM = "application/x-www-form-urlencoded"


def default_code(service: str, operation: str) -> str:
    """Returns AWS's error code for throttling an operation: that of its service's protocol, or its own."""
    model = service_model(service)
    named = {shape.name for shape in model.operation_model(operation).error_shapes}
    return _CAPACITY_CODE if _CAPACITY_CODE in named else _CODES[model.protocol]


def problem_with(service: object, operation: object) -> str | None:
    """Returns why an operation cannot be throttled; None if it can."""
    try:
        model = service_model(str(service))
    except UnknownServiceError:
        return f"boto3 knows no service {service!r}"
    if model.protocol not in _CODES or (model.protocol == "rest-xml" and service != "s3"):
        return f"{service} speaks {model.protocol}, which cannot be throttled here"
    if operation not in model.operation_names:
        return f"{service} has no operation {operation!r}"
    return None


def called_operation(signed_as: str, environ: dict[str, Any]) -> str:
    """Returns the operation that a request calls; empty if it is not recognised."""
    target = environ.get("HTTP_X_AMZ_TARGET")
    if target:
        return target.rpartition(".")[2]
    if signed_as == "s3":
        return _s3_operation(environ)
    if environ.get("CONTENT_TYPE", "").startswith(_FORM):
        return dict(read_form(read_body(environ).decode())).get("Action", "")
    rest = rest_call(service_of(signed_as), environ["REQUEST_METHOD"], environ.get("PATH_INFO", ""))
    return rest.operation if rest else ""


def _s3_operation(environ: dict[str, Any]) -> str:
    """Returns the operation with the most required parts that the request has: path, query and headers."""
    bucket, _, key = environ.get("PATH_INFO", "").lstrip("/").partition("/")
    place = environ["REQUEST_METHOD"], bool(bucket) + bool(key)
    query, headers = environ.get("QUERY_STRING"), _s3_headers()
    given = [name for name, _ in read_form(query)] if query else []
    given += [headers[key] for key in environ.keys() & headers.keys()]
    return _s3_operation_of(place, frozenset(given))


@functools.lru_cache(maxsize=4096)
def _s3_operation_of(place: tuple[str, int], given: frozenset[str]) -> str:
    fitting = [(len(parts), name) for where, parts, name in _s3_operations() if where == place and parts <= given]
    return max(fitting, key=lambda item: item[0], default=(0, ""))[1]


@functools.cache
def _s3_headers() -> dict[str, str]:
    """Returns the headers that distinguish operations, by their WSGI names."""
    names = {part for _, parts, _ in _s3_operations() for part in parts}
    return {f"HTTP_{name.upper().replace('-', '_')}": name for name in names}


@functools.cache
def _s3_operations() -> list[tuple[tuple[str, int], frozenset[str], str]]:
    """Returns for each operation: method and depth (service, bucket, object), required parts, name; usual ones before equal ones."""
    operations: list[tuple[tuple[str, int], frozenset[str], str]] = []
    model = service_model("s3")
    for name in model.operation_names:
        operation = model.operation_model(name)
        path, _, literal = operation.http["requestUri"].partition("?")
        depth = {"/": 0, "/{Bucket}": 1, "/{Bucket}/{Key+}": 2}.get(path)
        # Deprecated operations have the shape of their successors.
        if depth is not None and not operation.deprecated:
            parts = frozenset(parse_qs(literal, keep_blank_values=True)) | _required_parts(operation)
            operations.append(((operation.http["method"], depth), parts, name))
    return operations


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
