"""Names and tokens of a run's statements; they find a statement again if a turn was killed before it was recorded.

    rds-lake/8c6976e5b5/recommendations/<run>/load.Order%20Details/1/0      StatementName: piece, attempt, number in the piece
    2f1a…                                                                   ClientToken: a hash of that name

A name has at most 2,048 characters, a token at most 64. Redshift remembers a token for eight hours
(https://docs.aws.amazon.com/redshift-data/latest/APIReference/API_ExecuteStatement.html).
"""

from __future__ import annotations

import hashlib
from urllib.parse import quote

from rds_lake.model.warehouse.record import Piece

_MOST_NAME = 2048


def piece_prefix(statements: str, piece: Piece) -> str:
    """Returns the prefix of the names of a piece's statements. `statements`: that of the run, with a trailing slash."""
    return f"{statements}{piece.kind.value}.{quote(piece.name, safe='')}/"


def statement_name(statements: str, piece: Piece) -> str:
    """Returns the name of the piece's current statement."""
    own = f"{piece_prefix(statements, piece)}{piece.attempt}/{'why' if piece.asking is not None else piece.at}"
    return own if len(own) <= _MOST_NAME else f"{own[: _MOST_NAME - 65]}/{client_token(own)}"


def client_token(name: str) -> str:
    """Returns 64 hexadecimal digits, always the same for the same name."""
    return hashlib.sha256(name.encode()).hexdigest()
