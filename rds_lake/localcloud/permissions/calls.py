"""Parses a WSGI request into a Call."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from typing import Any

from rds_lake.localcloud.http.app import RequestContext, read_body, read_form
from rds_lake.localcloud.http.rest import rest_call, rest_params
from rds_lake.localcloud.permissions.needs import Call
from rds_lake.localcloud.permissions.stored import Stored

_OWN_SUFFIX = ".localhost"
_WITH_BODY = ("DeleteObjects",)
# Only the rights of writes depend on headers.
_WITH_HEADERS = ("PUT", "POST")
_HEADERS = ("HTTP_X_AMZ_", "HTTP_IF_")


def in_path(environ: dict[str, Any]) -> dict[str, Any]:
    """Returns the request with its bucket in the path, if the client put it before `.localhost` in the Host header."""
    host = environ.get("HTTP_HOST", "").partition(":")[0]
    if not host.endswith(_OWN_SUFFIX):
        return environ
    return environ | {"PATH_INFO": f"/{host.removesuffix(_OWN_SUFFIX)}{environ.get('PATH_INFO', '')}"}


def read_call(
    environ: dict[str, Any], context: RequestContext, *, service: str, operation: str, stored: Stored
) -> Call:
    """Returns the call of a request. An unreadable body has no parameters: the operation itself refuses it."""
    known: dict[str, Any] = {
        "service": service,
        "operation": operation,
        "region": context.region,
        "account": context.account,
        "stored": stored,
    }
    if service == "s3":
        body = read_body(environ) if operation in _WITH_BODY else b""
        headers = _headers(environ) if environ["REQUEST_METHOD"] in _WITH_HEADERS else {}
        return Call(params=_s3_params(environ), headers=headers, body=body, **known)
    if "HTTP_X_AMZ_TARGET" in environ:
        return Call(params=_json_params(read_body(environ)), **known)
    rest = rest_call(service, environ["REQUEST_METHOD"], environ.get("PATH_INFO", ""))
    if rest is not None:
        # No right depends on the payload of an invocation.
        body = b"" if (service, operation) == ("lambda", "Invoke") else read_body(environ)
        return Call(params=rest_params(rest, environ.get("QUERY_STRING", ""), body), **known)
    return Call(params=dict(read_form(read_body(environ).decode(errors="replace"))), **known)


def _s3_params(environ: Mapping[str, Any]) -> dict[str, str]:
    """Returns bucket and key, in WSGI's latin-1 form of UTF-8, and the parameters of the query."""
    path = environ.get("PATH_INFO", "")
    if not path.isascii():
        path = path.encode("latin-1").decode(errors="replace")
    bucket, _, key = path.lstrip("/").partition("/")
    query = environ.get("QUERY_STRING")
    named = {"Bucket": bucket, "Key": key}
    return dict(read_form(query)) | named if query else named


def _headers(environ: Mapping[str, Any]) -> dict[str, str]:
    return {_header(name): value for name, value in environ.items() if name.startswith(_HEADERS)}


@functools.lru_cache(maxsize=256)
def _header(name: str) -> str:
    return name.removeprefix("HTTP_").replace("_", "-").lower()


def _json_params(body: bytes) -> dict[str, Any]:
    try:
        params = json.loads(body or b"{}")
    except ValueError:
        return {}
    return params if isinstance(params, dict) else {}
