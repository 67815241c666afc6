"""The words of COPY and UNLOAD, which SQL parsers do not know."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rds_lake.localcloud.redshift.errors import StatementFailedError

_TOKEN = re.compile(r"\s*('(?:[^']|'')*'|\$\$.*?\$\$|\"[^\"]+\"|[\w#.]+|[(),;])", re.DOTALL)


def tokens(sql: str) -> Iterator[str]:
    """Returns words, texts with their quotes, and signs. StatementFailedError for anything else."""
    at = 0
    text = sql.strip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise StatementFailedError(f'syntax error at or near "{text[at : at + 20]}"')
        yield match[1]
        at = match.end()


def text_of(token: str) -> str:
    """Returns the content of a text in quotes or `$$`. StatementFailedError for a word without quotes."""
    if token.startswith("$$"):
        return token[2:-2]
    if not token.startswith("'"):
        raise StatementFailedError(f'syntax error at or near "{token}"')
    return token[1:-1].replace("''", "'")


def role_of(token: str) -> str:
    """Returns the role of IAM_ROLE: an ARN, or `default`."""
    return text_of(token) if token.startswith("'") else token.lower()


class Words:
    """Reads words one after the other; `""` after the last."""

    def __init__(self, words: list[str]) -> None:
        self.left = words

    def next(self) -> str:
        return self.left.pop(0) if self.left else ""

    def peek(self) -> str:
        return self.left[0] if self.left else ""

    def take_if(self, *words: str) -> str:
        """Take the next word if it is one of these; returns it in capitals, else `""`."""
        return self.next().upper() if self.peek().upper() in words else ""

    def after_as(self) -> str:
        """Returns the next word, or the one after `AS`."""
        self.take_if("AS")
        return self.next()
