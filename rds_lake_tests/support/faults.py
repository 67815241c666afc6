"""Faults between boto3 and AWS: refused, throttled and interrupted calls, and a record of all calls made.

They sit in botocore's own hooks, so that its parsing and its retries run as they do in production.
"""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from botocore.awsrequest import AWSResponse

_S3_ERROR = "<Error><Code>{code}</Code><Message>{message}</Message></Error>"
_QUERY_ERROR = "<ErrorResponse><Error><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"
_JSON_ERROR = '{{"__type": "{code}", "message": "{message}"}}'

# Everything that changes something in S3.
S3_WRITES = (
    "PutObject",
    "CopyObject",
    "DeleteObjects",
    "CreateMultipartUpload",
    "UploadPartCopy",
    "CompleteMultipartUpload",
)


class _Raw:
    """A response body in urllib3's form."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self, *args: Any, **kwargs: Any) -> Iterator[bytes]:
        yield self._body


@dataclass(slots=True)
class Faults:
    """Watches one client, and spoils the calls it was told to."""

    client: Any
    calls: list[tuple[str, str]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        service = self.client.meta.service_model.service_id.hyphenize()
        self.client.meta.events.register_first(f"before-send.{service}.*", self._record)

    def count(self, *operations: str) -> int:
        """How often the operations were sent, retries included."""
        counted = Counter(operation for operation, _ in self.calls)
        return sum(counted[operation] for operation in operations)

    def answer(
        self,
        operation: str,
        code: str,
        *,
        status: int = 400,
        message: str = "injected",
        times: int | None = None,
        matching: str = "",
    ) -> None:
        """Answer the operation with an error instead of sending it: every time, or only `times`."""
        left = [times]

        def reply(request: Any, **kwargs: Any) -> AWSResponse | None:
            with self._lock:
                if matching not in unquote(request.url) or left[0] == 0:
                    return None
                left[0] = None if left[0] is None else left[0] - 1
            body = self._shape().format(code=code, message=message).encode()
            headers: Any = {"Content-Type": "text/xml", "x-amzn-ErrorType": code, "Content-Length": str(len(body))}
            return AWSResponse(request.url, status, headers, _Raw(body))

        self._on(operation, reply)

    def interrupt(self, operations: tuple[str, ...], error: BaseException, *, at: int) -> None:
        """Raise before the `at`-th of these operations is sent, and before every later one: the process is dead."""
        seen = [0]

        def die(request: Any, **kwargs: Any) -> None:
            with self._lock:
                seen[0] += 1
                dead = seen[0] >= at
            if dead:
                raise error

        for operation in operations:
            self._on(operation, die)

    def _on(self, operation: str, handler: Callable[..., Any]) -> None:
        service = self.client.meta.service_model.service_id.hyphenize()
        self.client.meta.events.register(f"before-send.{service}.{operation}", handler)

    def _record(self, request: Any, event_name: str, **kwargs: Any) -> None:
        with self._lock:
            self.calls.append((event_name.rsplit(".", 1)[-1], unquote(request.url)))

    def _shape(self) -> str:
        protocol = self.client.meta.service_model.protocol
        return {"rest-xml": _S3_ERROR, "query": _QUERY_ERROR}.get(protocol, _JSON_ERROR)
