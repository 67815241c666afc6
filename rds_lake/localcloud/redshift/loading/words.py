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
    """What IAM_ROLE names: an ARN, or the word `default`."""
    return text_of(token) if token.startswith("'") else token.lower()


class Words:
    """Words one after the other, with a look at the next one. `""` after the last."""

    def __init__(self, words: list[str]) -> None:
        self.left = words

    def next(self) -> str:
        return self.left.pop(0) if self.left else ""

    def peek(self) -> str:
        return self.left[0] if self.left else ""

    def take_if(self, *words: str) -> str:
        """The next word in capitals when it is one of these, else nothing."""
        return self.next().upper() if self.peek().upper() in words else ""

    def after_as(self) -> str:
        """The next word, `AS` left out."""
        self.take_if("AS")
        return self.next()
