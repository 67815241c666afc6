"""The same S3 operation on thousands of objects: by `Wire` if there is one, otherwise by boto3 in threads.

Requests that the wire does not complete - an error, an object above CopyObject's limit - are repeated through boto3, so
boto3's errors, retries and redirects apply to them. An error of one object is returned for that object; the others continue.

What belongs here: copies, tails, heads and deletes in bulk. `listing.py` lists folders; the main user is
`stages/databases/relocation/relocate.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from rds_lake.aws.clients import CONNECTIONS
from rds_lake.aws.s3.connection import Answer
from rds_lake.aws.s3.copying import CopyLimits
from rds_lake.aws.s3.deletes import DELETED_AT_ONCE, all_deleted, delete_request
from rds_lake.aws.s3.gateway import S3Gateway
from rds_lake.aws.s3.listing import Listing, Report
from rds_lake.aws.s3.objects import ObjectHead, checksum_in
from rds_lake.aws.s3.sign import S3Request, encoded
from rds_lake.aws.s3.wire import Wire, unanswered
from rds_lake.errors import ConfigError, RdsLakeError
from rds_lake.threads import cancelling_threads

T = TypeVar("T")
Done = Callable[[int, Any], None]
EXPORT_LEVELS = 2  # levels of folders in an export's folder: database and table
_DELETES = 8  # requests at once
_QUEUED = 10_000  # positions in the threads' queue at once: a future takes a kilobyte
_CHECKSUM = re.compile(rb"<(Checksum\w+)>([^<]+)</")


@dataclass(frozen=True, slots=True)
class CopyOrder:
    """One copy inside S3, from (bucket, key) to (bucket, key)."""

    source: tuple[str, str]
    target: tuple[str, str]
    bytes: int


@dataclass(frozen=True, slots=True)
class ManyS3:
    """Bulk operations over one gateway. `done` is called once for each position, with its value or an RdsLakeError.

    `parallel` limits boto3's threads and the wire's requests.
    """

    s3: S3Gateway
    parallel: int

    @classmethod
    def of(cls, s3: S3Gateway) -> ManyS3:
        """Returns an instance over the gateway's connections, with as many requests at once as the gateway allows."""
        return cls(s3, s3.wire.most if s3.wire else CONNECTIONS)

    def copy(self, orders: Sequence[CopyOrder], *, kms_key: str | None, limits: CopyLimits, done: Done) -> None:
        """Copy every object. The value is the copy's checksum, None if S3's answer has none."""
        encryption = {"x-amz-server-side-encryption": "aws:kms"} if kms_key else {}
        if kms_key:
            encryption["x-amz-server-side-encryption-aws-kms-key-id"] = kms_key

        def request(position: int) -> S3Request | None:
            order = orders[position]
            if order.bytes > limits.threshold_bytes:
                return None
            source = encoded("/".join(order.source))
            return S3Request("PUT", *order.target, {"x-amz-copy-source": source} | encryption, about=position)

        def slowly(position: int) -> str | None:
            order = orders[position]
            return self.s3.copy(order.source, order.target, size=order.bytes, kms_key=kms_key, limits=limits)

        self._each(len(orders), request, _copied, slowly, done)

    def heads(self, places: Sequence[tuple[str, str]], *, done: Done) -> None:
        """Returns size and checksum of every object, None for an object that does not exist."""

        def request(position: int) -> S3Request:
            return S3Request("HEAD", *places[position], {"x-amz-checksum-mode": "ENABLED"}, about=position)

        self._each(len(places), request, _head, lambda position: self.s3.find_head(*places[position]), done)

    def tails(self, bucket: str, keys: Sequence[str], *, length: Callable[[int], int], read: Callable[[int, bytes], T | None],
              slowly: Callable[[int], T], done: Done) -> None:  # fmt: skip
        """Returns the last `length` bytes of every object, parsed by `read`; if `read` returns None, `slowly` is called."""

        def request(position: int) -> S3Request:
            return S3Request("GET", bucket, keys[position], {"range": f"bytes=-{length(position)}"}, about=position)

        def tail(position: int, answer: Answer) -> T | None:
            # 200: the whole object, which some servers (rclone) return although a range was requested.
            return read(position, answer.body) if answer.status in (200, 206) else None

        self._each(len(keys), request, tail, slowly, done)

    def delete(self, bucket: str, keys: Sequence[str]) -> None:
        """Delete objects, 1,000 per request. Errors as `S3Gateway.delete`, which repeats requests that the wire did not complete."""
        self.s3.deletable.require(bucket, keys)
        left: list[str] = []

        def answered(request: S3Request, answer: Answer | None) -> None:
            if answer is not None and answer.status == 0:
                raise unanswered(request)
            if answer is None or answer.status != 200 or not all_deleted(answer.body):
                left.extend(request.about)

        def requests() -> Iterable[S3Request]:
            for start in range(0, len(keys), DELETED_AT_ONCE):
                batch = keys[start : start + DELETED_AT_ONCE]
                request = delete_request(bucket, batch)
                if request is None:
                    left.extend(batch)
                else:
                    yield request

        wire = self.s3.wire
        if wire is not None:  # S3 counts every key, not every request
            wire.limited(min(self.parallel, _DELETES)).send_all(requests(), answered)
        self.s3.delete(bucket, keys if wire is None else left)

    def sizes(self, bucket: str, prefixes: Iterable[str], *, report: Report) -> None:
        """Report every object under the prefixes as (key, size) to `report`, page by page, in key order within a prefix.

        No list is kept. An error that `report` raises ends the listing.
        """
        Listing(self.s3, self._wire(), self._threads, bucket, report).whole(prefixes)

    def sizes_below(self, bucket: str, prefix: str, *, levels: int, report: Report) -> None:
        """As `sizes`, for one prefix, in order only within each folder of this depth: a million keys in seconds."""
        Listing(self.s3, self._wire(), self._threads, bucket, report).by_folder(prefix, levels)

    def listed(self, bucket: str, prefixes: Iterable[str]) -> list[tuple[str, int]]:
        """Returns every object under the prefixes as (key, size)."""
        items: list[tuple[str, int]] = []
        self.sizes(bucket, prefixes, report=items.extend)
        return items

    def listed_below(self, bucket: str, prefix: str) -> list[tuple[str, int]]:
        """Returns every object of an export or a table as (key, size), in no order."""
        items: list[tuple[str, int]] = []
        self.sizes_below(bucket, prefix, levels=EXPORT_LEVELS, report=items.extend)
        return items

    def _each(
        self,
        count: int,
        request: Callable[[int], S3Request | None],
        outcome_of: Callable[[int, Answer], Any],
        slowly: Callable[[int], Any],
        done: Done,
    ) -> None:
        """Complete every position by the wire, and the others by `slowly` in threads."""
        wire = self._wire()
        left = list(range(count)) if wire is None else _by_wire(wire, count, request, outcome_of, done)
        with cancelling_threads(self._threads, "s3") as pool:
            for start in range(0, len(left), _QUEUED):
                some = left[start : start + _QUEUED]
                tried = pool.map(lambda position: _guarded(lambda: slowly(position)), some)
                for position, outcome in zip(some, tried, strict=True):
                    done(position, outcome)

    @property
    def _threads(self) -> int:
        return min(self.parallel, CONNECTIONS)

    def _wire(self) -> Wire | None:
        return self.s3.wire.limited(self.parallel) if self.s3.wire else None


def _by_wire(
    wire: Wire,
    count: int,
    request: Callable[[int], S3Request | None],
    outcome_of: Callable[[int, Answer], Any],
    done: Done,
) -> list[int]:
    """Send a request for every position; returns the positions without a request or without a plain answer."""
    left: list[int] = []

    def answered(request: S3Request, answer: Answer | None) -> None:
        if answer is not None and answer.status == 0:
            done(request.about, unanswered(request))
            return
        outcome = _UNDECIDED if answer is None else _guarded(lambda: outcome_of(request.about, answer))
        if outcome is _UNDECIDED or outcome is None:
            left.append(request.about)
        else:
            done(request.about, None if outcome is _NOTHING else outcome)

    def requests() -> Iterable[S3Request]:
        for position in range(count):
            made = request(position)
            if made is None:
                left.append(position)
            else:
                yield made

    wire.send_all(requests(), answered)
    return left


_UNDECIDED = object()  # the answer does not say
_NOTHING = object()  # answered, without a value


def _guarded(work: Callable[[], Any]) -> Any:
    try:
        return work()
    except ConfigError:
        raise  # credentials, certificates: every object would fail with it
    except RdsLakeError as error:
        return error


def _copied(_: int, answer: Answer) -> Any:
    if b"<CopyObjectResult" not in answer.body:
        return _UNDECIDED
    checksums = {name.decode(): value.decode(errors="replace") for name, value in _CHECKSUM.findall(answer.body)}
    return checksum_in(checksums) or _NOTHING


def _head(_: int, answer: Answer) -> Any:
    names = {name.removeprefix("x-amz-").replace("-", ""): value for name, value in answer.headers.items()}
    if answer.status != 200 or not names.get("contentlength", "").isdigit():
        return _UNDECIDED
    checksums = {
        f"Checksum{name.removeprefix('checksum').upper()}": value
        for name, value in names.items()
        if name.startswith("checksum") and name != "checksumtype"
    }
    checksum = checksum_in(checksums | {"ChecksumType": names.get("checksumtype")})
    return ObjectHead(bytes=int(names["contentlength"]), checksum=checksum)
