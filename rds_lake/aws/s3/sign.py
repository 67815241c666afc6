"""Signature Version 4 for the few S3 requests that are made by the thousand, in a twentieth of botocore's time.

botocore decides how a bucket is addressed (virtual host, path style, FIPS, a local endpoint): once per bucket it builds a
request that a hook stops from being sent. Presigned URLs do not show it, because they name the global endpoint.

What belongs here: making the URL path and the signed headers of a request; `batch.py` sends them.
https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
"""

from __future__ import annotations

import hashlib
import hmac
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from botocore.credentials import ReadOnlyCredentials

from rds_lake.aws.translate import aws_errors
from rds_lake.errors import RdsLakeError

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

_EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()
_PROBE = "rds-lake-probe"
_HELD_SECONDS = 1.0
_PLAIN = re.compile(r"[A-Za-z0-9_.~-]*").fullmatch


@dataclass(frozen=True, slots=True)
class Place:
    """The address of a bucket's keys: `https`, host, port, the Host header, and the path before the key."""

    secure: bool
    host: str
    port: int
    authority: str
    path: str


@dataclass(frozen=True, slots=True)
class S3Request:
    """A request. `query` is already sorted and encoded; header names are in lower case."""

    method: str
    bucket: str
    key: str
    headers: dict[str, str] = field(default_factory=dict)
    query: str = ""
    body: bytes = b""
    about: Any = None  # identifies the request for its sender


def encoded(key: str) -> str:
    """Returns a key as S3 expects it in a path and in x-amz-copy-source."""
    folder, slash, name = key.rpartition("/")
    return f"{_encoded_part(folder)}{slash}{name if _PLAIN(name) else quote(name, safe='/~')}"


@lru_cache(maxsize=4096)
def _encoded_part(folder: str) -> str:
    """Cached, because thousands of keys have the same folders."""
    return quote(folder, safe="/~")


class HeldKeys:
    """Credentials, or the error that prevents their renewal, cached for a second.

    In the last quarter of an hour before they expire, botocore tries to renew them at every access: thousands of signatures a
    second would cause as many attempts.
    """

    def __init__(self, ask: Callable[[], ReadOnlyCredentials], clock: Callable[[], float] = time.monotonic) -> None:
        self._ask, self._clock = ask, clock
        self._until = 0.0
        self._held: ReadOnlyCredentials | RdsLakeError | None = None

    def __call__(self) -> ReadOnlyCredentials:
        """Returns the credentials. ConfigError if they cannot be renewed, UnavailableError if that can be tried again."""
        if self._held is None or self._clock() >= self._until:
            try:
                with aws_errors("s3", "credentials"):
                    self._held = self._ask()
            except RdsLakeError as error:
                self._held = error
            self._until = self._clock() + _HELD_SECONDS
        if isinstance(self._held, RdsLakeError):
            raise self._held
        return self._held

    def forget(self) -> None:
        self._held = None


class S3Signer:
    """Signs for one Region. `keys` returns the current credentials, so that botocore renews expiring ones."""

    def __init__(
        self,
        *,
        keys: Callable[[], ReadOnlyCredentials],
        region: str,
        place_of: Callable[[str], Place],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._keys, self._region, self._place_of, self._now = HeldKeys(keys), region, place_of, now
        self._places: dict[str, Place] = {}
        self._derived: tuple[tuple[str, str], bytes] = (("", ""), b"")
        self._second: tuple[datetime | None, str] = (None, "")

    @classmethod
    def of(cls, client: S3Client, keys: Callable[[], ReadOnlyCredentials]) -> S3Signer:
        """Returns a signer that addresses buckets as the client does."""
        return cls(keys=keys, region=client.meta.region_name, place_of=lambda bucket: _place(client, bucket))

    def renew(self) -> None:
        """Read the credentials again: S3 reports that those of the last signature have expired."""
        self._keys.forget()

    def place(self, bucket: str) -> Place:
        """Returns the address of the bucket's keys."""
        if bucket not in self._places:
            with aws_errors("s3", "GetObject", about=f"s3://{bucket}"):  # signed, and so in need of credentials
                self._places[bucket] = self._place_of(bucket)
        return self._places[bucket]

    def sign(self, request: S3Request) -> tuple[str, dict[str, str]]:
        """Returns the target (path and query) and all headers of the request."""
        place, keys = self.place(request.bucket), self._keys()
        stamp = self._stamp()
        path = f"{place.path}{encoded(request.key)}"
        content = hashlib.sha256(request.body).hexdigest() if request.body else _EMPTY_SHA256
        headers = {"host": place.authority, "x-amz-content-sha256": content, "x-amz-date": stamp}
        headers |= request.headers
        if keys.token:
            headers["x-amz-security-token"] = keys.token
        names = sorted(headers)
        signed = ";".join(names)
        canonical = "".join([f"{name}:{headers[name]}\n" for name in names])
        whole = f"{request.method}\n{path}\n{request.query}\n{canonical}\n{signed}\n{content}"
        scope = f"{stamp[:8]}/{self._region}/s3/aws4_request"
        text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(whole.encode()).hexdigest()}"
        signature = hmac.digest(self._derive(keys.secret_key or "", stamp[:8]), text.encode(), "sha256").hex()
        headers["authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={keys.access_key}/{scope}, SignedHeaders={signed}, Signature={signature}"
        )
        return (f"{path}?{request.query}" if request.query else path), headers

    def _stamp(self) -> str:
        """Returns the second as text; computed once a second."""
        now = self._now().replace(microsecond=0)
        known, stamp = self._second
        if known != now:
            stamp = now.strftime("%Y%m%dT%H%M%SZ")
            self._second = (now, stamp)
        return stamp

    def _derive(self, secret: str, day: str) -> bytes:
        """Returns the day's signing key. The whole tuple is replaced at once, so threads never see parts of two days."""
        known, derived = self._derived
        if known != (secret, day):
            derived = f"AWS4{secret}".encode()
            for part in (day, self._region, "s3", "aws4_request"):
                derived = hmac.digest(derived, part.encode(), "sha256")
            self._derived = ((secret, day), derived)
        return derived


_PROBING = threading.Lock()  # the hook belongs to the client: two threads would remove each other's hook


class _Reached(Exception):
    """Stops botocore before it sends the probe, and has the probe's URL."""


def _place(client: S3Client, bucket: str) -> Place:
    def stop(request: Any, **_: Any) -> None:
        if request.url.endswith(_PROBE):
            raise _Reached(request.url)

    with _PROBING:
        client.meta.events.register("before-send.s3.GetObject", stop, unique_id=_PROBE)
        try:
            client.get_object(Bucket=bucket, Key=_PROBE)
        except _Reached as reached:
            return _parsed(str(reached))
        finally:
            client.meta.events.unregister("before-send.s3.GetObject", stop, unique_id=_PROBE)
    raise AssertionError("botocore sent the probe although its hook raised")


def _parsed(url: str) -> Place:
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    return Place(
        secure=secure,
        host=parts.hostname or "",
        port=parts.port or (443 if secure else 80),
        authority=parts.netloc,
        path=parts.path.removesuffix(_PROBE),
    )
