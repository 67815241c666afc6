"""Statements as a script for psql or mysql."""

from __future__ import annotations

from collections.abc import Sequence

from rds_lake.model.aws.engine import Engine

_POSTGRES_BEGIN = """\
BEGIN;
SET LOCAL lock_timeout = '2s';
SET LOCAL standard_conforming_strings = on;"""


def script(engine: Engine, statements: Sequence[str], *, notes: Sequence[str]) -> str:
    """Returns the statements in order, after the notes as comments. PostgreSQL's are one transaction; MySQL's DDL has none."""
    lines = [f"-- {line}" for note in notes for line in _wrapped(note)]
    if engine is Engine.POSTGRES:
        return "\n\n".join(
            ["\n".join(lines), _POSTGRES_BEGIN, *(f"{text};" for text in statements), "COMMIT;"]
        ).lstrip()
    return "\n\n".join(
        ["\n".join(lines), "DELIMITER //", *(f"{text}//" for text in statements), "DELIMITER ;"]
    ).lstrip()


def _wrapped(note: str, width: int = 110) -> list[str]:
    lines = [""]
    for word in note.split():
        if lines[-1] and len(lines[-1]) + len(word) >= width:
            lines.append(f"  {word}")
        else:
            lines[-1] = f"{lines[-1]} {word}".lstrip() if lines[-1] else word
    return lines
