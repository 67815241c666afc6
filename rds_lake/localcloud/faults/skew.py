"""AWS's clock: as in AWS, a request that was signed too long before or after its time is refused.

S3 allows 15 minutes, the others 5. Requests without a signature's time (the control API's) pass.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from rds_lake.localcloud.http.app import StartResponse, request_context
from rds_lake.localcloud.http.refusals import refuse

_STAMP = "%Y%m%dT%H%M%SZ"
_S3_SKEW, _SKEW = timedelta(minutes=15), timedelta(minutes=5)
_SIGNATURE_CODES = {"rds": "SignatureDoesNotMatch", "sns": "SignatureDoesNotMatch"}


def utc_now() -> datetime:
    """Returns the machine's time."""
    return datetime.now(UTC)


class ClockGate:
    """A WSGI middleware that refuses requests whose signing time differs too much from `now`."""

    def __init__(self, app: Callable[..., Iterable[bytes]], now: Callable[[], datetime] = utc_now) -> None:
        self._app = app
        self._now = now

    def __call__(self, environ: dict[str, Any], start: StartResponse) -> Iterable[bytes]:
        signed = _signed_at(environ)
        service, now = request_context(environ).service, self._now()
        allowed = _S3_SKEW if service == "s3" else _SKEW
        if signed is None or abs(now - signed) <= allowed:
            return self._app(environ, start)
        if service == "s3":
            message = "The difference between the request time and the current time is too large."
            return refuse(service, "RequestTimeTooSkewed", environ, start, message=message, status="403 Forbidden")
        code = _SIGNATURE_CODES.get(service, "InvalidSignatureException")
        return refuse(service, code, environ, start, message=_message(signed, now), status="403 Forbidden")


def _signed_at(environ: dict[str, Any]) -> datetime | None:
    return _moment(environ.get("HTTP_X_AMZ_DATE", ""))


@functools.lru_cache(maxsize=64)  # many requests are signed in the same second
def _moment(stamp: str) -> datetime | None:
    try:
        return datetime.strptime(stamp, _STAMP).replace(tzinfo=UTC)
    except ValueError:
        return None


def _message(signed: datetime, now: datetime) -> str:
    if signed < now:
        return (
            f"Signature expired: {signed:{_STAMP}} is now earlier than {now - _SKEW:{_STAMP}} ({now:{_STAMP}} - 5 min.)"
        )
    return f"Signature not yet current: {signed:{_STAMP}} is still later than {now + _SKEW:{_STAMP}} ({now:{_STAMP}} + 5 min.)"
