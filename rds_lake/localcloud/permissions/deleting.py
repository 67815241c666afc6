"""DeleteObjects: S3 decides about each key separately, and answers 200 with an error for each key that may not be deleted.

(https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html)
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable
from typing import Any
from xml.sax.saxutils import escape

from rds_lake.localcloud.http.app import StartResponse
from rds_lake.localcloud.permissions.needs import Call, Need
from rds_lake.localcloud.permissions.table.s3 import delete_objects

_OBJECT = re.compile(rb"<Object>.*?</Object>", re.DOTALL)
_END = b"</DeleteResult>"
_EMPTY = b'<?xml version="1.0" encoding="UTF-8"?><DeleteResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"></DeleteResult>'


def delete_permitted(
    app: Callable[..., Iterable[bytes]],
    environ: dict[str, Any],
    start: StartResponse,
    call: Call,
    refusal: Callable[[Need], str | None],
) -> Iterable[bytes]:
    """Let `app` delete the keys that may be deleted, and answer with an error for each of the others."""
    entries = _OBJECT.findall(call.body)
    needs = list(delete_objects(call))
    refusals = [refusal(need) for need in needs]
    if not any(refusals):
        return app(environ, start)
    kept = [entry for entry, refused in zip(entries, refusals, strict=True) if not refused]
    errors = b"".join(_error(need, refused) for need, refused in zip(needs, refusals, strict=True) if refused)
    answer, headers, status = _EMPTY, [("Content-Type", "application/xml")], "200 OK"
    if kept:
        status, headers, answer = _forwarded(app, environ, b"<Delete>" + b"".join(kept) + b"</Delete>")
    if _END in answer:
        answer = answer.replace(_END, errors + _END)
    headers = [(name, value) for name, value in headers if name.lower() != "content-length"]
    start(status, [*headers, ("Content-Length", str(len(answer)))])
    return [answer]


def _forwarded(
    app: Callable[..., Iterable[bytes]], environ: dict[str, Any], body: bytes
) -> tuple[str, list[tuple[str, str]], bytes]:
    answered: list[Any] = []

    def start(status: str, headers: list[tuple[str, str]], error: Any = None) -> None:
        answered[:] = [status, headers]

    changed = environ | {"wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))}
    answer = b"".join(app(changed, start))
    return answered[0], answered[1], answer


def _error(need: Need, refusal: str) -> bytes:
    key = need.resource.partition(":::")[2].partition("/")[2]
    return (
        f"<Error><Key>{escape(key)}</Key><Code>AccessDenied</Code><Message>{escape(refusal)}</Message></Error>"
    ).encode()
