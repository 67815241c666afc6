"""Which operation a request of a REST service calls, by its method and path: what X-Amz-Target says in the JSON protocol.

Only Lambda's are needed; S3's, which need query and headers too, are in `faults/operations.py`.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from rds_lake.localcloud.http.models import service_model

_PARAMETER = re.compile(r"\{(\w+)\+?\}")


def rest_operation(service: str, environ: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
    """The operation's name and the parameters in its path; an empty name where there is none such."""
    path = environ.get("PATH_INFO", "").encode("latin-1").decode(errors="replace").rstrip("/")
    for method, pattern, name in _templates(service):
        match = pattern.fullmatch(path) if method == environ["REQUEST_METHOD"] else None
        if match:
            return name, match.groupdict()
    return "", {}


def rest_params(in_path: Mapping[str, str], environ: Mapping[str, Any], body: bytes) -> dict[str, Any]:
    """All parameters of a request: of its body where that is a JSON object, its query and its path."""
    try:
        given = json.loads(body or b"{}")
    except ValueError:
        given = {}
    query = dict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True))
    return {**(given if isinstance(given, dict) else {}), **query, **in_path}


@functools.cache
def _templates(service: str) -> list[tuple[str, re.Pattern[str], str]]:
    """Of each operation: method, pattern of its path, name. Those with more words in the path come first."""
    model = service_model(service)
    found: list[tuple[str, str, str]] = []
    for name in model.operation_names:
        http = model.operation_model(name).http
        found.append((http["method"], http["requestUri"].partition("?")[0].rstrip("/"), name))
    found.sort(key=lambda entry: len(_PARAMETER.sub("", entry[1])), reverse=True)
    return [(method, re.compile(_pattern(path)), name) for method, path, name in found]


def _pattern(path: str) -> str:
    parts = _PARAMETER.split(path)
    return "".join(f"(?P<{part}>[^/]+)" if number % 2 else re.escape(part) for number, part in enumerate(parts))
