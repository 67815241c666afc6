"""What the S3 stub answers: objects in dictionaries, bodies shared between copies, nothing checked.

Sockets, latency and the command: `s3_stub.py`.
"""

from __future__ import annotations

import json
import random
import re
from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, quote, unquote
from xml.sax.saxutils import escape, unescape

_KEY = re.compile(r"<Key>(.*?)</Key>", re.DOTALL)
_SLOW = "<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
_MODIFIED = "<LastModified>2026-11-20T03:00:00.000Z</LastModified>"
_COPIED = (
    f"<CopyObjectResult>{_MODIFIED}<ETag>&quot;%s&quot;</ETag><ChecksumCRC64NVME>%s</ChecksumCRC64NVME>"
    "<ChecksumType>FULL_OBJECT</ChecksumType></CopyObjectResult>"
)
_EXTRA = "<ChecksumAlgorithm>CRC64NVME</ChecksumAlgorithm><ChecksumType>FULL_OBJECT</ChecksumType>"


@dataclass(slots=True)
class Stored:
    """One object; `body` is shared between copies, `size` may say more than is stored."""

    size: int
    body: bytes
    tag: str
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class Bucket:
    """Objects by key, and the keys in order, sorted only when a listing wants them."""

    objects: dict[str, Stored] = field(default_factory=dict)
    _keys: list[str] | None = None

    def put(self, key: str, stored: Stored) -> None:
        if key not in self.objects and self._keys is not None:
            self._keys = None
        self.objects[key] = stored

    def remove(self, key: str) -> None:
        if self.objects.pop(key, None) is not None:
            self._keys = None

    def keys(self) -> list[str]:
        if self._keys is None:
            self._keys = sorted(self.objects)
        return self._keys


@dataclass(slots=True)
class Reply:
    """Status, body and further headers of an answer."""

    status: int = 200
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    length: int | None = None


@dataclass(slots=True)
class Stub:
    """The objects and the settings."""

    latency: float = 0.0
    slow: float = 0.0
    seed: int = 1
    buckets: dict[str, Bucket] = field(default_factory=dict)
    uploads: dict[str, dict[int, tuple[Stored, int]]] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    dice: random.Random = field(default_factory=lambda: random.Random(1))

    def bucket(self, name: str) -> Bucket:
        return self.buckets.setdefault(name, Bucket())

    def answer(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Reply:
        path, _, text = target.partition("?")
        query = {name: values[0] for name, values in parse_qs(text, keep_blank_values=True).items()}
        if path.startswith("/_admin/"):
            return self.administer(path.removeprefix("/_admin/"), query)
        if self.slow and self.dice.random() < self.slow:
            self.counts["SlowDown"] += 1
            return Reply(503, _SLOW.encode())
        name, _, key = unquote(path[1:]).partition("/")
        operation = _operation(method, key, query, headers)
        self.counts[operation] += 1
        return getattr(self, f"do_{operation}")(name, key, query, headers, body)

    def administer(self, command: str, query: dict[str, str]) -> Reply:
        if command == "fill":
            bucket = self.bucket(query["bucket"])
            like = bucket.objects.get(query.get("like", ""))
            size = like.size if like else int(query["size"])
            stored = Stored(size, like.body if like else b"x" * min(size, 1024), "0" * 32)
            for number in range(int(query["count"])):
                bucket.put(query["prefix"].replace("@", f"{number:07}"), stored)
        elif command == "fill_numbers":
            stored = Stored(int(query["size"]), b"x" * int(query["size"]), "0" * 32)
            for number in range(int(query["start"]), int(query["stop"]), int(query["step"])):
                self.bucket(query["bucket"]).put(query["prefix"].replace("@", f"{number:07}"), stored)
        elif command == "set":
            self.latency, self.slow = float(query["latency"]) / 1000, float(query["slow"])
            self.dice = random.Random(self.seed)
        elif command == "clear":
            self.buckets.clear()
            self.counts.clear()
            self.uploads.clear()
        sizes = {name: len(bucket.objects) for name, bucket in self.buckets.items()}
        return Reply(body=json.dumps({"requests": self.counts, "objects": sizes}).encode())

    def do_List(self, name: str, key: str, query: dict[str, str], headers: Any, body: bytes) -> Reply:
        bucket, prefix = self.bucket(name), query.get("prefix", "")
        keys, most = bucket.keys(), int(query.get("max-keys", "1000"))
        start = query.get("continuation-token") or query.get("start-after") or ""
        at = bisect_left(keys, max(prefix, start + "\0" if start else ""))
        page: list[str] = []
        folders: list[str] = []
        between = query.get("delimiter")
        while at < len(keys) and len(page) + len(folders) < most and keys[at].startswith(prefix):
            end = keys[at].find(between, len(prefix)) if between else -1
            if between and end >= 0:
                folders.append(keys[at][: end + len(between)])
                at = bisect_left(keys, f"{folders[-1]}\U0010ffff")
            else:
                page.append(keys[at])
                at += 1
        more = at < len(keys) and keys[at].startswith(prefix)
        show = quote if query.get("encoding-type") == "url" else escape
        # One call for the page: the server must cost less than its clients.
        names = show("\n".join(page)).split("%0A" if show is quote else "\n") if page else []
        items = "".join(
            f"<Contents><Key>{name}</Key>{_MODIFIED}<ETag>&quot;{one.tag}&quot;</ETag>{_EXTRA}"
            f"<Size>{one.size}</Size><StorageClass>STANDARD</StorageClass></Contents>"
            for name, one in zip(names, map(bucket.objects.__getitem__, page), strict=True)
        )
        items += "".join(f"<CommonPrefixes><Prefix>{show(folder)}</Prefix></CommonPrefixes>" for folder in folders)
        token = f"<NextContinuationToken>{show(keys[at - 1])}</NextContinuationToken>" if more else ""
        encoding = "<EncodingType>url</EncodingType>" if show is quote else ""
        head = '<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        text = f"{head}<Name>{name}</Name>{encoding}<IsTruncated>{str(more).lower()}</IsTruncated>{token}{items}</ListBucketResult>"
        return Reply(body=text.encode())

    def do_Copy(self, name: str, key: str, query: dict[str, str], headers: dict[str, str], body: bytes) -> Reply:
        stored = self._source(headers)
        if stored is None:
            return _missing()
        wanted = headers.get("x-amz-copy-source-if-match", "").strip('"')
        if wanted and wanted != stored.tag:
            return Reply(412, b"<Error><Code>PreconditionFailed</Code></Error>")
        if stored.size > 5 * 1024**3:
            return Reply(400, b"<Error><Code>InvalidRequest</Code></Error>")
        kept = tuple((n, v) for n, v in headers.items() if n.startswith("x-amz-server-side"))
        carried = tuple((n, v) for n, v in stored.headers if n.startswith("x-amz-meta-"))
        self.bucket(name).put(key, Stored(stored.size, stored.body, stored.tag, kept + carried))
        return Reply(body=(_COPIED % (stored.tag, _checksum(stored))).encode())

    def do_Head(self, name: str, key: str, query: dict[str, str], headers: Any, body: bytes) -> Reply:
        stored = self.bucket(name).objects.get(key)
        if stored is None:
            return Reply(404)
        known = (("x-amz-checksum-crc64nvme", _checksum(stored)), ("x-amz-checksum-type", "FULL_OBJECT"))
        return Reply(headers=(*_about(stored), *known), length=stored.size)

    def do_Get(self, name: str, key: str, query: dict[str, str], headers: dict[str, str], body: bytes) -> Reply:
        stored = self.bucket(name).objects.get(key)
        if stored is None:
            return _missing()
        wanted = headers.get("range", "")
        if not wanted:
            return Reply(body=stored.body, headers=_about(stored))
        first, _, last = wanted.removeprefix("bytes=").partition("-")
        start = int(first) if first else max(0, len(stored.body) - int(last))
        part = stored.body[start : int(last) + 1 if first and last else None]
        span = ("Content-Range", f"bytes {start}-{start + len(part) - 1}/{stored.size}")
        return Reply(206, part, (*_about(stored), span))

    def do_Put(self, name: str, key: str, query: dict[str, str], headers: dict[str, str], body: bytes) -> Reply:
        if key:
            kept = tuple((n, v) for n, v in headers.items() if n.startswith(("x-amz-meta-", "x-amz-server-side")))
            body = _dechunk(body) if "aws-chunked" in headers.get("content-encoding", "") else body
            self.bucket(name).put(key, Stored(len(body), body, f"{hash(body) & (2**128 - 1):032x}", kept))
        return Reply(headers=(("ETag", '"0"'),))

    def do_Delete(self, name: str, key: str, query: dict[str, str], headers: Any, body: bytes) -> Reply:
        self.bucket(name).remove(key)
        return Reply(204)

    def do_DeleteMany(self, name: str, key: str, query: dict[str, str], headers: Any, body: bytes) -> Reply:
        text = body.decode()
        found = _KEY.findall(text)
        for escaped in found:
            self.bucket(name).remove(unescape(escaped, {"&quot;": '"', "&apos;": "'"}))
        # s5cmd waits for the name of what it had deleted.
        deleted = [] if "<Quiet>true" in text else [f"<Deleted><Key>{escaped}</Key></Deleted>" for escaped in found]
        return Reply(body=f"<DeleteResult>{''.join(deleted)}</DeleteResult>".encode())

    def do_Begin(self, name: str, key: str, query: dict[str, str], headers: Any, body: bytes) -> Reply:
        upload = f"upload-{len(self.uploads)}"
        self.uploads[upload] = {}
        text = f"<InitiateMultipartUploadResult><UploadId>{upload}</UploadId></InitiateMultipartUploadResult>"
        return Reply(body=text.encode())

    def do_CopyPart(self, name: str, key: str, query: dict[str, str], headers: dict[str, str], body: bytes) -> Reply:
        stored = self._source(headers)
        if stored is None:
            return _missing()
        first, _, last = headers["x-amz-copy-source-range"].removeprefix("bytes=").partition("-")
        self.uploads[query["uploadId"]][int(query["partNumber"])] = (stored, int(last) - int(first) + 1)
        return Reply(body=f"<CopyPartResult>{_MODIFIED}<ETag>&quot;{stored.tag}&quot;</ETag></CopyPartResult>".encode())

    def do_Complete(self, name: str, key: str, query: dict[str, str], headers: Any, body: bytes) -> Reply:
        parts = self.uploads.pop(query["uploadId"])
        stored = Stored(sum(size for _, size in parts.values()), parts[1][0].body, f"{parts[1][0].tag}-{len(parts)}")
        self.bucket(name).put(key, stored)
        text = f"<CompleteMultipartUploadResult><ETag>&quot;{stored.tag}&quot;</ETag></CompleteMultipartUploadResult>"
        return Reply(body=text.encode())

    def _source(self, headers: dict[str, str]) -> Stored | None:
        bucket, _, key = unquote(headers["x-amz-copy-source"]).lstrip("/").partition("/")
        return self.bucket(bucket).objects.get(key)


def _operation(method: str, key: str, query: dict[str, str], headers: dict[str, str]) -> str:
    if method == "PUT" and "x-amz-copy-source" in headers:
        return "CopyPart" if "uploadId" in query else "Copy"
    if method == "POST":
        return "DeleteMany" if "delete" in query else "Begin" if "uploads" in query else "Complete"
    if method == "GET" and not key:
        return "List"
    return method.capitalize()


def _about(stored: Stored) -> tuple[tuple[str, str], ...]:
    return (("ETag", f'"{stored.tag}"'), ("Last-Modified", "Fri, 20 Nov 2026 03:00:00 GMT"), *stored.headers)


def _checksum(stored: Stored) -> str:
    return f"{stored.tag[:10]}=="


def _missing() -> Reply:
    return Reply(404, b"<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message></Error>")


def _dechunk(body: bytes) -> bytes:
    parts: list[bytes] = []
    while body:
        head, _, rest = body.partition(b"\r\n")
        size = int(head.partition(b";")[0], 16)
        if not size:
            break
        parts.append(rest[:size])
        body = rest[size + 2 :]
    return b"".join(parts)
