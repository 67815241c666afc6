"""The router: passes a request to the operation that the local cloud has for it, else to moto, in one process.

Service and Region come from the SigV4 credential scope, JSON operations from `X-Amz-Target`, those of RDS and
CloudFormation from the form's `Action`. Operations that are not registered fall through to moto's own WSGI application
(docs/decisions/0001).
"""

from __future__ import annotations

import functools
import io
import json
import re
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

from moto.moto_server.werkzeug_app import DomainDispatcherApplication

from rds_lake.localcloud.http.account import ACCOUNT, REGION
from rds_lake.localcloud.http.protocol import BadRequestError, render_error, render_query_answer
from rds_lake.localcloud.http.quick_moto import make_moto_quick, quick_backend_app
from rds_lake.localcloud.http.rest import rest_call, rest_params

_SCOPE = re.compile(r"Credential=([^/\s]+)/\d+/([^/]+)/([^/]+)/")
_OK_STATUSES = range(200, 300)
_QUERY_SERVICES = ("rds", "cloudformation", "redshift")
_REST_SERVICES = ("lambda",)
# Their state is in the local cloud, so that moto's answers would be wrong.
_OURS_ALONE = ("cloudformation", "redshift")
_JSON_TYPE = "application/x-amz-json-1.1"

make_moto_quick()

Json = dict[str, Any]
StartResponse = Callable[..., Any]
JsonOperation = Callable[["RequestContext", Json], Json]
AroundMoto = Callable[["RequestContext", Json, Callable[[], "Answer"]], "Answer"]
RestOperation = Callable[["RestRequest", Callable[[], "Answer"]], "Answer"]


class ApiError(Exception):
    """An answer in AWS's error shape."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestContext:
    """Account, Region and service of a request. `key`: the access key that signed it."""

    account: str
    region: str
    service: str
    key: str = ""


@dataclass(slots=True, kw_only=True)
class Answer:
    """An HTTP response that can still be changed."""

    status: str
    headers: list[tuple[str, str]]
    body: bytes

    @property
    def ok(self) -> bool:
        return self.status.startswith("2")

    def replace_body(self, body: bytes) -> None:
        """Replace the body, and remove headers that were computed from the old one."""
        stale = ("content-length", "x-amz-crc32")
        self.headers = [(name, value) for name, value in self.headers if name.lower() not in stale]
        self.headers.append(("Content-Length", str(len(body))))
        self.body = body


@dataclass(frozen=True, slots=True, kw_only=True)
class RestRequest:
    """A request of a REST service. `params`: path, query and members of a JSON body; `headers`: by lower-case names."""

    context: RequestContext
    params: Json
    headers: dict[str, str]
    body: bytes


_UNSIGNED = RequestContext(account=ACCOUNT, region=REGION, service="s3")


class _Dispatcher(DomainDispatcherApplication):
    """moto's dispatcher with a cache of the service of each host, for which moto lists its own folder twice per request."""

    def __init__(self) -> None:
        super().__init__(quick_backend_app)
        self._backends: dict[str | None, Any] = {}

    def get_backend_for_host(self, host: str | None) -> Any:
        """Returns the service of a host name, cached."""
        if host not in self._backends:
            self._backends[host] = super().get_backend_for_host(host)
        return self._backends[host]


class LocalCloudApp:
    """The WSGI application. Planes register their operations in its dictionaries."""

    def __init__(self) -> None:
        self.moto = _Dispatcher()
        # "AmazonAthena.StartQueryExecution" -> operation
        self.json_operations: dict[str, JsonOperation] = {}
        # "AWSGlue.GetTable" -> function that changes the request's body for moto, or refuses it
        self.json_requests: dict[str, JsonOperation] = {}
        # "DynamoDB_20120810.PutItem" -> function called instead of moto, with a function that returns moto's answer
        self.json_around: dict[str, AroundMoto] = {}
        # ("lambda", "Invoke") -> function called instead of moto, with a function that returns moto's answer
        self.rest_operations: dict[tuple[str, str], RestOperation] = {}
        # ("rds", "StartExportTask") -> operation, shaped as botocore's model
        self.query_operations: dict[tuple[str, str], JsonOperation] = {}
        # ("POST", "/_local/snapshots") -> control operation: body in, status and body out
        self.routes: dict[tuple[str, str], Callable[[Json], tuple[int, Json]]] = {}
        # Called by /_local/reset, in order, before moto is reset
        self.reset_callbacks: list[Callable[[], None]] = []

    def __call__(self, environ: Json, start: StartResponse) -> Iterable[bytes]:
        route = self.routes.get((environ["REQUEST_METHOD"], environ.get("PATH_INFO", "")))
        if route is not None:
            return self._control(route, environ, start)
        context = request_context(environ)
        target = environ.get("HTTP_X_AMZ_TARGET")
        if target in self.json_operations:
            return self._json(self.json_operations[target], context, environ, start)
        if target in self.json_requests:
            return self._rewritten(self.json_requests[target], context, environ, start)
        if target in self.json_around:
            return self._around(self.json_around[target], context, environ, start)
        if context.service in _REST_SERVICES:
            return self._rest(context, environ, start)
        if context.service in _QUERY_SERVICES and environ["REQUEST_METHOD"] == "POST":
            return self._query(context, environ, start)
        return self.moto(environ, start)

    def _control(self, route: Callable[[Json], tuple[int, Json]], environ: Json, start: StartResponse) -> list[bytes]:
        try:
            body = json.loads(read_body(environ) or b"{}")
            if not isinstance(body, dict):
                raise ApiError("InvalidParameterValue", "the body must be a JSON object")
            status, answer = route(body)
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            status, answer = 400, {"error": f"the body is not JSON: {error}"}
        except ApiError as error:
            status, answer = error.status, {"error": error.message, "code": error.code}
        return _send(start, status, "application/json", json.dumps(answer).encode())

    def _json(
        self, operation: JsonOperation, context: RequestContext, environ: Json, start: StartResponse
    ) -> list[bytes]:
        try:
            answer = operation(context, _json_body(environ))
        except ApiError as error:
            return _send_json_error(start, error)
        return _send(start, 200, _JSON_TYPE, json.dumps(answer, default=_json_value).encode())

    def _rewritten(
        self, rewrite: JsonOperation, context: RequestContext, environ: Json, start: StartResponse
    ) -> Iterable[bytes]:
        try:
            body = json.dumps(rewrite(context, _json_body(environ))).encode()
        except ApiError as error:
            return _send_json_error(start, error)
        environ["wsgi.input"], environ["CONTENT_LENGTH"] = io.BytesIO(body), str(len(body))
        return self.moto(environ, start)

    def _around(
        self, operation: AroundMoto, context: RequestContext, environ: Json, start: StartResponse
    ) -> list[bytes]:
        try:
            answer = operation(context, _json_body(environ), lambda: self.moto_answer(environ))
        except ApiError as error:
            return _send_json_error(start, error)
        start(answer.status, answer.headers)
        return [answer.body]

    def _rest(self, context: RequestContext, environ: Json, start: StartResponse) -> Iterable[bytes]:
        call = rest_call(context.service, environ["REQUEST_METHOD"], environ.get("PATH_INFO", ""))
        operation = self.rest_operations.get((context.service, call.operation)) if call else None
        if call is None or operation is None:
            return self.moto(environ, start)
        body = read_body(environ)
        headers = {
            key[5:].replace("_", "-").lower(): value for key, value in environ.items() if key.startswith("HTTP_")
        }
        params = rest_params(call, environ.get("QUERY_STRING", ""), body)
        request = RestRequest(context=context, params=params, headers=headers, body=body)
        try:
            answer = operation(request, lambda: self.moto_answer(environ))
        except ApiError as error:
            return _send_json_error(start, error)
        start(answer.status, answer.headers)
        return [answer.body]

    def moto_answer(self, environ: Json) -> Answer:
        """Returns moto's complete answer to a request."""
        answer = Answer(status="", headers=[], body=b"")

        def start(status: str, headers: list[tuple[str, str]], error: Any = None) -> None:
            answer.status, answer.headers = status, headers

        answer.body = b"".join(self.moto(environ, start))
        return answer

    def _query(self, context: RequestContext, environ: Json, start: StartResponse) -> Iterable[bytes]:
        form = dict(read_form(read_body(environ).decode(errors="replace")))
        action = form.get("Action", "")
        operation = self.query_operations.get((context.service, action))
        if operation is None and context.service in _OURS_ALONE:
            words = f"The local cloud's limit, not AWS's: {context.service} has no {action} here."
            return _send(start, 400, "text/xml", render_error("ValidationError", words))
        if operation is None:
            return self.moto(environ, start)
        try:
            body = render_query_answer(context.service, action, form, lambda params: operation(context, params))
            return _send(start, 200, "text/xml", body)
        except BadRequestError as error:
            return _send(start, 400, "text/xml", render_error("ValidationError", str(error)))
        except ApiError as error:
            return _send(start, error.status, "text/xml", render_error(error.code, error.message))


def request_context(environ: Json) -> RequestContext:
    """Returns account, Region and service of a request; an unsigned one is for S3 in us-east-1."""
    header = environ.get("HTTP_AUTHORIZATION", "")
    # The credential scope, which clients write first, is the same all day, while signatures differ: only the scope is cached.
    return _context_of(header.partition(",")[0]) or _context_of(header) or _UNSIGNED


@functools.lru_cache(maxsize=1024)
def _context_of(header: str) -> RequestContext | None:
    match = _SCOPE.search(header)
    if match is None:
        return None
    key, region, service = match.groups()
    return RequestContext(account=ACCOUNT, region=region, service=service, key=key)


@functools.lru_cache(maxsize=256)
def read_form(text: str) -> tuple[tuple[str, str], ...]:
    """Returns names and values of a form or a query: `Action=DescribeDBInstances&Version=2014-10-31`. Cached."""
    return tuple(parse_qsl(text, keep_blank_values=True))


def read_body(environ: Json) -> bytes:
    """Returns the request's body, which moto can still read."""
    length = int(environ.get("CONTENT_LENGTH") or 0)
    body = environ["wsgi.input"].read(length) if length else b""
    environ["wsgi.input"] = io.BytesIO(body)
    return body


def _json_body(environ: Json) -> Json:
    """Returns the body of a request in the JSON protocol. ApiError SerializationException, as in AWS, if it is not a JSON object."""
    try:
        body = json.loads(read_body(environ) or b"{}")
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ApiError("SerializationException", f"the body is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise ApiError("SerializationException", f"the body is a JSON {type(body).__name__}, not an object")
    return body


def _send_json_error(start: StartResponse, error: ApiError) -> list[bytes]:
    body = {"__type": error.code, "message": error.message, "Message": error.message}
    return _send(start, error.status, _JSON_TYPE, json.dumps(body).encode(), ("x-amzn-ErrorType", error.code))


def _send(start: StartResponse, status: int, content_type: str, body: bytes, *more: tuple[str, str]) -> list[bytes]:
    headers = [
        ("Content-Type", content_type),
        ("Content-Length", str(len(body))),
        ("x-amzn-RequestId", str(uuid.uuid4())),
        *more,
    ]
    start(f"{status} {'OK' if status in _OK_STATUSES else 'ERROR'}", headers)
    return [body]


def _json_value(value: object) -> float:
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")
