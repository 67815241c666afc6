r"""Splits SQL text into code, texts, quoted names, comments and dollar-quoted bodies, without parsing it.

It serves to find the ends of statements, and the parameters. As in Redshift, a backslash escapes in texts, block comments
nest, and procedures are in `$$ … $$` or `$body$ … $body$`.
(https://docs.aws.amazon.com/redshift/latest/dg/c_stored_procedures.html)
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """The kind of a piece."""

    CODE = "code"
    TEXT = "text"
    NAME = "name"
    COMMENT = "comment"
    BODY = "body"
    END = "end"  # a semicolon between statements


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A piece and the line where it begins, from 1. `closed`: a text, name, comment or body has its end."""

    kind: Kind
    text: str
    line: int
    closed: bool = True


_BEGIN = re.compile(r"'|\"|--|/\*|(?<![\w$])\$(?:[A-Za-z_]\w*)?\$|;")
_TEXT = re.compile(r"'(?:[^'\\]|\\.|'')*(?P<end>'?)", re.DOTALL)
_NAME = re.compile(r'"(?:[^"]|"")*(?P<end>"?)', re.DOTALL)
_LINE = re.compile(r"--[^\n]*")
_EDGE = re.compile(r"/\*|\*/")


def pieces(sql: str) -> Iterator[Piece]:
    """Yields the pieces in order; joined, they are the text."""
    at, line = 0, 1
    while at < len(sql):
        match = _BEGIN.search(sql, at)
        begin = match.start() if match else len(sql)
        if begin > at:
            yield Piece(kind=Kind.CODE, text=sql[at:begin], line=line)
            line += sql.count("\n", at, begin)
        if match is None:
            return
        piece = _piece(sql, begin, match[0], line)
        yield piece
        line += piece.text.count("\n")
        at = begin + len(piece.text)


def _piece(sql: str, at: int, sign: str, line: int) -> Piece:
    if sign == ";":
        return Piece(kind=Kind.END, text=";", line=line)
    if sign in ("'", '"'):
        match = (_TEXT if sign == "'" else _NAME).match(sql, at)
        assert match is not None
        kind = Kind.TEXT if sign == "'" else Kind.NAME
        return Piece(kind=kind, text=match[0], line=line, closed=bool(match["end"]) and len(match[0]) > 1)
    if sign == "--":
        match = _LINE.match(sql, at)
        return Piece(kind=Kind.COMMENT, text=match[0] if match else sign, line=line)
    if sign == "/*":
        end = _comment_end(sql, at)
        return Piece(kind=Kind.COMMENT, text=sql[at : end or len(sql)], line=line, closed=end is not None)
    end = sql.find(sign, at + len(sign))
    text = sql[at:] if end < 0 else sql[at : end + len(sign)]
    return Piece(kind=Kind.BODY, text=text, line=line, closed=end >= 0)


def _comment_end(sql: str, at: int) -> int | None:
    depth = 0
    for edge in _EDGE.finditer(sql, at):
        depth += 1 if edge[0] == "/*" else -1
        if not depth:
            return edge.end()
    return None
