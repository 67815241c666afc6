"""Errors in the protocol of a request's service, for requests that reach no operation."""

from __future__ import annotations

import json
from typing import Any
from xml.sax.saxutils import escape

from rds_lake.localcloud.http.app import StartResponse, read_body
from rds_lake.localcloud.http.models import service_model, service_of
from rds_lake.localcloud.http.protocol import render_error


def refuse(
    signed_as: str, code: str, environ: dict[str, Any], start: StartResponse, *, message: str, status: str
) -> list[bytes]:
    """Answer a request with an error. `signed_as`: the service in its signature; `status`: `403 Forbidden`."""
    # Read the rest of this request, so that the connection can be used for the next one.
    read_body(environ)
    protocol = service_model(service_of(signed_as)).protocol
    # CloudWatch has several protocols, of which boto3 uses JSON.
    if protocol in ("json", "rest-json") or "HTTP_X_AMZ_TARGET" in environ:
        content_type, body = "application/x-amz-json-1.1", json.dumps({"__type": code, "message": message}).encode()
    elif protocol == "query":
        content_type, body = "text/xml", render_error(code, message)
    elif protocol == "ec2":
        content_type = "text/xml"
        error = f"<Error><Code>{escape(code)}</Code><Message>{escape(message)}</Message></Error>"
        body = f"<Response><Errors>{error}</Errors></Response>".encode()
    else:
        content_type = "application/xml"
        body = f"<Error><Code>{escape(code)}</Code><Message>{escape(message)}</Message></Error>".encode()
    # An answer to HEAD has no body: a client would read it as the next answer.
    body = b"" if environ["REQUEST_METHOD"] == "HEAD" else body
    start(status, [("Content-Type", content_type), ("Content-Length", str(len(body))), ("x-amzn-ErrorType", code)])
    return [body]
