"""Decides whether a statement only reads, changes something, or is not a statement.

What belongs here: that decision, before Athena is called. Reading as of a date is `stages/publish/as_of.py`.
"""

from __future__ import annotations

from difflib import get_close_matches

import sqlglot
from sqlglot.errors import SqlglotError

# Athena's statements that change nothing. EXECUTE may run anything, UNLOAD and INSERT write files.
_READING = {"SELECT", "WITH", "VALUES", "TABLE", "SHOW", "DESCRIBE", "DESC", "EXPLAIN", "("}
# Athena's statements that change something, or may (https://docs.aws.amazon.com/athena/latest/ug/ddl-reference.html and
# https://docs.aws.amazon.com/athena/latest/ug/dml-queries-functions-operators.html).
_CHANGING = {
    *("ALTER", "ANALYZE", "CALL", "COMMENT", "CREATE", "DEALLOCATE", "DELETE", "DROP", "EXECUTE", "GRANT", "INSERT"),
    *(
        "MERGE",
        "MSCK",
        "OPTIMIZE",
        "PREPARE",
        "RESET",
        "REVOKE",
        "SET",
        "TRUNCATE",
        "UNLOAD",
        "UPDATE",
        "USE",
        "VACUUM",
    ),
}


def reads_only(statement: str) -> bool:
    """Whether the statement changes neither catalogue nor files, by its first word; False if it cannot be parsed.

    `EXPLAIN ANALYZE` runs the statement that it explains, so that statement decides.
    """
    word, rest = _first_word(statement)
    if word != "EXPLAIN":
        return word in _READING
    word, rest = _first_word(rest)
    if word != "ANALYZE":
        return True
    word, after = _first_word(rest)
    return reads_only(after if word == "VERBOSE" else rest)


def unknown_word(statement: str) -> str | None:
    """Returns the first word if no statement begins with it; empty if the text has no word, None if the word is known."""
    word, _ = _first_word(statement)
    return None if word in _READING | _CHANGING else word


def has_words(statement: str) -> bool:
    """Whether the text has anything except comments."""
    try:
        return bool(sqlglot.tokenize(statement, read="trino"))
    except SqlglotError:
        return True


def meant_by(word: str) -> str | None:
    """Returns the first word of a statement that is most similar to this word."""
    (nearest, *_) = get_close_matches(word, sorted((_READING | _CHANGING) - {"("}), n=1, cutoff=0.7) or [None]
    return nearest


def _first_word(statement: str) -> tuple[str, str]:
    """Returns the first word in capitals, without comments, and the text after it; empty if there is none."""
    try:
        tokens = sqlglot.tokenize(statement, read="trino")
    except SqlglotError:
        return "", ""
    return (tokens[0].text.upper(), statement[tokens[0].end + 1 :]) if tokens else ("", "")
