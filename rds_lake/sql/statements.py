"""What a statement does to the lake: reads, or changes.

What belongs here: telling the two apart before Athena is asked. Reading as of a date is `stages/publish/as_of.py`.
"""

from __future__ import annotations

import sqlglot
from sqlglot.errors import SqlglotError

# Athena's statements that change nothing. EXECUTE may run anything, UNLOAD and INSERT write files.
_READING = {"SELECT", "WITH", "VALUES", "TABLE", "SHOW", "DESCRIBE", "DESC", "EXPLAIN", "("}


def reads_only(statement: str) -> bool:
    """Whether the statement changes neither catalogue nor files, by its first word; False where it cannot be read.

    `EXPLAIN ANALYZE` runs what it explains, so that is what counts.
    """
    word, rest = _first_word(statement)
    if word != "EXPLAIN":
        return word in _READING
    word, rest = _first_word(rest)
    if word != "ANALYZE":
        return True
    word, after = _first_word(rest)
    return reads_only(after if word == "VERBOSE" else rest)


def _first_word(statement: str) -> tuple[str, str]:
    """The first word in capitals, comments aside, and what follows it; empty where there is none."""
    try:
        tokens = sqlglot.tokenize(statement, read="trino")
    except SqlglotError:
        return "", ""
    return (tokens[0].text.upper(), statement[tokens[0].end + 1 :]) if tokens else ("", "")
