"""Accepts HTTP requests of programs on this machine, and refuses requests of web pages.

Every web page in a browser on this machine can send requests to a port of 127.0.0.1. Four rules refuse them, each of which is
independent of the others:

    Host            is this machine's own name: a foreign name that was pointed at 127.0.0.1 (DNS rebinding) is refused
    Origin          and Sec-Fetch-Site of another page are refused, preflights with them; no answer carries a CORS header
    /_local/* calls that change something are `Content-Type: application/json`: no form can send that, and a script only
                    after a preflight (https://fetch.spec.whatwg.org/#cors-safelisted-request-header)
    AWS's calls     are signed in the Authorization header, which no page can send without a preflight either

The signature itself is not checked: any credentials are accepted. The local cloud's requests to itself do not pass this gate
(`loop.py`).

What belongs here: which requests are answered. Answering them is `app.py`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from typing import Any

from rds_lake.localcloud.http.app import LocalCloudApp, StartResponse, request_context
from rds_lake.localcloud.http.refusals import refuse

_HOSTS = ("127.0.0.1", "localhost", "[::1]")
# Names below `localhost` are this machine's own; clients of S3 put a bucket's name there.
_OWN_SUFFIX = ".localhost"
_SIGNED = re.compile(r"AWS4-HMAC-SHA256\s+.*Credential=[^/\s]+/\d{8}/[^/\s]+/[^/\s]+/aws4_request")
_CONTROL, _MOTO = "/_local/", "/moto-api"
_JSON = "application/json"
# A service of the JSON protocol, for the form of errors.
_UNSIGNED_JSON = "dynamodb"
_FORBIDDEN = "403 Forbidden"


class PageGate:
    """A WSGI application before another (`inner`): refuses what the module's docstring lists. `app` knows the routes."""

    def __init__(self, inner: Callable[..., Iterable[bytes]], app: LocalCloudApp) -> None:
        self._inner = inner
        self._app = app

    def __call__(self, environ: dict[str, Any], start: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        foreign = _foreign(environ)
        if path.startswith(_CONTROL):
            return self._control(environ, start, foreign)
        if foreign is not None:
            return _refuse_call(environ, start, "AccessDenied", foreign)
        if path == _MOTO or path.startswith(f"{_MOTO}/"):
            return _answer(start, 404, "moto's own control API is not served here: use POST /_local/reset and its like")
        if not _SIGNED.match(environ.get("HTTP_AUTHORIZATION", "")):
            return _refuse_unsigned(environ, start)
        return self._inner(environ, _without_cors(start))

    def _control(self, environ: dict[str, Any], start: StartResponse, foreign: str | None) -> Iterable[bytes]:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        if foreign is not None:
            return _answer(start, 403, foreign)
        if method not in ("GET", "HEAD") and _media_type(environ) != _JSON:
            return _answer(
                start,
                415,
                f"{method} {path} needs the header `Content-Type: {_JSON}`, which no web page can send unasked: "
                f"curl -H 'Content-Type: {_JSON}' -d '{{…}}'",
            )
        if (method, path) not in self._app.routes:
            known = ", ".join(f"{verb} {route}" for verb, route in sorted(self._app.routes))
            return _answer(start, 404, f"{method} {path} does not exist; the local cloud has {known}")
        return self._inner(environ, _without_cors(start))


def _foreign(environ: dict[str, Any]) -> str | None:
    """Returns why the request may come from a web page; None if it comes from a program on this machine."""
    host = environ.get("HTTP_HOST", "")
    name = re.sub(r":\d*$", "", host).lower()
    if name not in _HOSTS and not name.endswith(_OWN_SUFFIX):
        return f"the Host header {host!r} is not this machine: call the local cloud by 127.0.0.1 or localhost"
    if "HTTP_ORIGIN" in environ:
        return f"a web page of {environ['HTTP_ORIGIN']!r} asks: the local cloud answers programs only"
    if environ.get("HTTP_SEC_FETCH_SITE", "none") != "none":
        return "a web page asks: the local cloud answers programs only"
    return None


def _media_type(environ: dict[str, Any]) -> str:
    return environ.get("CONTENT_TYPE", "").split(";")[0].strip().lower()


def _refuse_unsigned(environ: dict[str, Any], start: StartResponse) -> list[bytes]:
    message = (
        "The request is not signed: the local cloud accepts calls with an AWS4 signature in the Authorization header, by any "
        "credentials (rds-lake local env prints some); no presigned URLs, no anonymous ones."
    )
    code = "MissingAuthenticationToken" if _service(environ) == _UNSIGNED_JSON else "AccessDenied"
    return _refuse_call(environ, start, code, message)


def _refuse_call(environ: dict[str, Any], start: StartResponse, code: str, message: str) -> list[bytes]:
    return refuse(_service(environ), code, environ, start, message=message, status=_FORBIDDEN)


def _service(environ: dict[str, Any]) -> str:
    """Returns the service whose protocol a refusal uses; for an unsigned request, only JSON's protocol is recognised."""
    unsigned = "HTTP_X_AMZ_TARGET" in environ and not environ.get("HTTP_AUTHORIZATION")
    return _UNSIGNED_JSON if unsigned else request_context(environ).service


def _without_cors(start: StartResponse) -> StartResponse:
    """Remove moto's CORS headers, which allow every Origin, so that no web page can read an answer."""

    def started(status: str, headers: list[tuple[str, str]], error: Any = None) -> Any:
        kept = [(name, value) for name, value in headers if not name.lower().startswith("access-control-")]
        return start(status, kept, error)

    return started


def _answer(start: StartResponse, status: int, message: str) -> list[bytes]:
    body = json.dumps({"error": message, "code": "AccessDenied" if status != 404 else "NotFound"}).encode()
    start(f"{status} ERROR", [("Content-Type", _JSON), ("Content-Length", str(len(body)))])
    return [body]
