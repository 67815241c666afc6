"""Pages of ListObjectsV2 read without botocore, whose parser takes 64 s of CPU per million keys.

What belongs here: the request for a page and what its answer says.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

from botocore.compat import unquote_str

from rds_lake.aws.s3_sign import S3Request

_SPACE = re.compile(rb' xmlns="[^"]*"')


@dataclass(frozen=True, slots=True)
class Page:
    """Keys with their sizes, and the token of the next page, None at the end."""

    items: list[tuple[str, int]]
    token: str | None


def page_request(bucket: str, prefix: str, token: str | None = None, *, about: Any = None) -> S3Request:
    """The request for the first page, or the one the token belongs to; the query is in the order signatures want."""
    start = f"continuation-token={quote(token, safe='~')}&" if token else ""
    query = f"{start}encoding-type=url&list-type=2&prefix={quote(prefix, safe='~')}"
    return S3Request("GET", bucket, "", query=query, about=about)


def parse_page(body: bytes) -> Page:
    """What a page says. Keys come URL-encoded, since XML cannot hold every character a key can."""
    # Without its namespace every tag is compared as it is written.
    root = ElementTree.fromstring(_SPACE.sub(b"", body, count=1))  # noqa: S314 - S3's own answer, as in botocore
    items: list[tuple[str, int]] = []
    token: str | None = None
    for child in root:
        if child.tag == "Contents":
            key, size = "", 0
            for part in child:
                if part.tag == "Key":
                    key = part.text or ""
                elif part.tag == "Size":
                    size = int(part.text or 0)
            items.append((unquote_str(key) if "%" in key or "+" in key else key, size))
        elif child.tag == "NextContinuationToken":
            token = child.text
    return Page(items, token)
