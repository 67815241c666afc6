"""The words of COPY and UNLOAD, which no parser of SQL knows."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rds_lake.localcloud.redshift.errors import StatementFailedError

_TOKEN = re.compile(r"\s*('(?:[^']|'')*'|\$\$.*?\$\$|\"[^\"]+\"|[\w#.]+|[(),;])", re.DOTALL)


def tokens(sql: str) -> Iterator[str]:
    """Words, texts with their quotes, and signs; StatementFailedError for anything else."""
    at = 0
    text = sql.strip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise StatementFailedError(f'syntax error at or near "{text[at : at + 20]}"')
        yield match[1]
        at = match.end()


def after_as(words: Iterator[str]) -> str:
    """The next word, `AS` left out."""
    word = next(words, "")
    return next(words, "") if word.upper() == "AS" else word


def text_of(token: str) -> str:
    """What is in a text, by quotes or `$$`; StatementFailedError for a word that is none."""
    if token.startswith("$$"):
        return token[2:-2]
    if not token.startswith("'"):
        raise StatementFailedError(f'syntax error at or near "{token}"')
    return token[1:-1].replace("''", "'")


def role_of(token: str) -> str:
    """What IAM_ROLE names: an ARN, or the word `default`."""
    return text_of(token) if token.startswith("'") else token.lower()
