"""Reads pages of ListObjectsV2 without botocore, whose parser needs 64 s of CPU per million keys.

A page is read by two searches, for `<Key>` and `<Size>`. A page that is not exactly as S3 writes it - another number of keys than
of objects, an entity in a key - is read by an XML parser instead.

What belongs here: the request for a page, and the content of its answer.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree
from xml.sax.saxutils import unescape

from botocore.compat import unquote_str

from rds_lake.aws.s3.sign import S3Request

_SPACE = re.compile(rb' xmlns="[^"]*"')
_KEYS = re.compile(rb"<Key>([^<]*)</Key>")
_SIZES = re.compile(rb"<Size>(\d+)</Size>")
_FOLDERS = re.compile(rb"<CommonPrefixes><Prefix>([^<]*)</Prefix></CommonPrefixes>")
_TOKEN = re.compile(rb"<NextContinuationToken>([^<]+)</NextContinuationToken>")
_ENCODED = b"<EncodingType>url</EncodingType>"
_CUT = b"<IsTruncated>true<"
_BETWEEN = "\n"  # not in any key: S3 encodes it as %0A


@dataclass(frozen=True, slots=True)
class Page:
    """Keys with their sizes, and the token of the next page, None at the end.

    `whole` is False, without items, if the page is truncated. `folders`: the prefixes, with trailing slash, that a page `by_folder`
    has instead of the keys below them.
    """

    items: list[tuple[str, int]]
    token: str | None
    whole: bool = True
    folders: tuple[str, ...] = ()


def page_request(
    bucket: str, prefix: str, token: str | None = None, *, after: str = "", by_folder: bool = False, about: Any = None
) -> S3Request:
    """Returns the request for the first page, for the first page after a key, or for the page of the token.

    The query is in the order that signatures need.
    """
    asked = {
        "continuation-token": token,
        "delimiter": "/" if by_folder else None,
        "encoding-type": "url",
        "list-type": "2",
        "prefix": prefix,
        "start-after": after or None,
    }
    query = "&".join(f"{name}={quote(value, safe='~')}" for name, value in asked.items() if value is not None)
    return S3Request("GET", bucket, "", query=query, about=about)


def parse_page(body: bytes) -> Page:
    """Returns the content of a page. Keys are URL-encoded, because XML cannot express every character of a key."""
    token = _TOKEN.search(body)
    # A page that announces more pages without a token: treated as the last one, it would lose tables without an error.
    if not body.rstrip().endswith(b"</ListBucketResult>") or (token is None and _CUT in body):
        return Page([], None, whole=False)
    try:
        items = _plain_items(body)
        items = _any_items(body) if items is None else items
        folders = _folders(body)
    except (ElementTree.ParseError, ValueError):
        return Page([], None, whole=False)
    return Page(items, unescape(token[1].decode()) if token else None, folders=folders)


def _plain_items(body: bytes) -> list[tuple[str, int]] | None:
    """Returns the items if every object has one plain key and one size; otherwise None."""
    keys = _BETWEEN.join([key.decode() for key in _KEYS.findall(body)])
    sizes = _SIZES.findall(body)
    if "&" in keys or "%0A" in keys or "%0a" in keys or b"<!" in body:
        return None
    # One call for the page: a call per key would cost as much as everything else.
    names = _decoded(keys, body).split(_BETWEEN) if keys else []
    if not len(names) == len(sizes) == body.count(b"<Contents>"):
        return None
    return list(zip(names, map(int, sizes), strict=True))


def _any_items(body: bytes) -> list[tuple[str, int]]:
    # Without the namespace, tags are compared as written.
    root = ElementTree.fromstring(_SPACE.sub(b"", body, count=1))  # noqa: S314 - S3's own answer, as in botocore
    return [
        (_decoded(child.findtext("Key") or "", body), int(child.findtext("Size") or 0))
        for child in root
        if child.tag == "Contents"
    ]


def _folders(body: bytes) -> tuple[str, ...]:
    """Returns the folders. ValueError if they are not as S3 writes them: one element each."""
    folders = _FOLDERS.findall(body)
    if len(folders) != body.count(b"<CommonPrefixes"):
        raise ValueError("folders of a listing")
    return tuple(_decoded(unescape(folder.decode()), body) for folder in folders)


def _decoded(text: str, body: bytes) -> str:
    """Returns the decoded keys. A server that does not support the encoding does not name it in the answer."""
    return unquote_str(text) if _ENCODED in body else text
