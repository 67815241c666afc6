"""Splits a `.sql` file into statements with lines, and fills in its parameters.

A parameter is written `{{name}}` and becomes a text in quotes, so it cannot change the statement around it; the statement
itself casts a number or date, as `{{day}}::date`. Within quotes it is refused, in a comment it stays.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from rds_lake.sql.quoting import redshift_literal
from rds_lake.sql.warehouse.pieces import Kind, Piece, pieces

MOST_BYTES = 100 * 1024  # of a statement, https://docs.aws.amazon.com/redshift/latest/mgmt/data-api.html
_PARAMETER = re.compile(r"\{\{\s*(\w+)\s*\}\}")
_WORDS = {Kind.TEXT: "text", Kind.NAME: "quoted name", Kind.COMMENT: "comment", Kind.BODY: "dollar-quoted body"}


@dataclass(frozen=True, slots=True, kw_only=True)
class FileStatement:
    """A statement and the line of its first word in the file, from 1."""

    sql: str
    line: int


def split(sql: str) -> tuple[FileStatement, ...]:
    """Returns the statements without semicolons; those that are only comments are left out."""
    statements: list[FileStatement] = []
    statement_pieces: list[Piece] = []
    for piece in (*pieces(sql), Piece(kind=Kind.END, text=";", line=0)):
        if piece.kind is not Kind.END:
            statement_pieces.append(piece)
            continue
        statement = _statement(statement_pieces)
        if statement is not None:
            statements.append(statement)
        statement_pieces = []
    return tuple(statements)


def _statement(parts: list[Piece]) -> FileStatement | None:
    while parts and (parts[0].kind is Kind.COMMENT or not parts[0].text.strip()):
        parts = parts[1:]
    if not parts:
        return None
    first = parts[0]
    blank = first.text[: len(first.text) - len(first.text.lstrip())]
    return FileStatement(sql="".join(piece.text for piece in parts).strip(), line=first.line + blank.count("\n"))


def filled(sql: str, parameters: Mapping[str, str]) -> tuple[str, tuple[str, ...]]:
    """Returns the text with its parameters filled in, and problems by line."""
    problems: list[str] = []
    made: list[str] = []
    for piece in pieces(sql):
        if not piece.closed:
            problems.append(f"line {piece.line}: a {_WORDS[piece.kind]} begins here and has no end")
        names = _PARAMETER.findall(piece.text)
        if piece.kind is Kind.COMMENT or not names:
            made.append(piece.text)
        elif piece.kind in (Kind.TEXT, Kind.NAME):
            named = "{{" + names[0] + "}}"
            problems.append(
                f"line {piece.line}: {named} is within quotes; write it without them, it is replaced by a text in quotes"
            )
        else:
            for match in _PARAMETER.finditer(piece.text):
                if match[1] not in parameters:
                    known = ", ".join(sorted(parameters)) or "none"
                    line = piece.line + piece.text.count("\n", 0, match.start())
                    problems.append(f"line {line}: no parameter is named {match[1]!r}; there are: {known}")
            made.append(_PARAMETER.sub(lambda m: redshift_literal(parameters.get(m[1], "")), piece.text))
    return "".join(made), tuple(problems)


def too_long(sql: str) -> tuple[str, ...]:
    """Returns problems of statements that are too long for the Data API, by number and line."""
    return tuple(
        f"line {statement.line}: statement {number} has {len(statement.sql.encode()):,} bytes, and the Data API takes "
        f"{MOST_BYTES:,}; split it"
        for number, statement in enumerate(split(sql), 1)
        if len(statement.sql.encode()) > MOST_BYTES
    )
