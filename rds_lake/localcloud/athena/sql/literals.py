"""Athena's dialect as sqlglot has it, with Trino's decimal literals: `DECIMAL '12.50'` has its own precision and scale.

sqlglot reads such a literal as a cast to a decimal without a size, of which nothing is left that tells it from a cast.

What belongs here: literals that have to be understood while a text is parsed. All else is `functions.py`.
"""

from __future__ import annotations

import re
from typing import Any, ClassVar

from sqlglot import exp
from sqlglot.dialects.athena import Athena
from sqlglot.dialects.trino import Trino
from sqlglot.parsers.athena import AthenaParser, AthenaTrinoParser

from rds_lake.localcloud.athena.errors import QueryFailedError

_MOST_DIGITS = 38
# As Trino's `Decimals.parse` takes it: zeros in front do not count.
_DECIMAL = re.compile(r"[+-]?(?=\.?[0-9])0*([0-9]*)(?:\.([0-9]*))?")


def _decimal(_: object, text: exp.Expr, kind: exp.DataType) -> exp.Cast:
    """The literal as a cast to the type that Trino gives it. QueryFailedError if it is no decimal, or too long for one."""
    match = _DECIMAL.fullmatch(text.name)
    scale = len(match[2] or "") if match else 0
    precision = max(1, len(match[1]) + scale) if match else 0
    if not 1 <= precision <= _MOST_DIGITS:
        raise QueryFailedError("INVALID_LITERAL", f"line 1:1: '{text.name}' is not a valid DECIMAL literal")
    # A size beside the word is not in Trino's grammar; where sqlglot takes one all the same, it is kept.
    return exp.Cast(this=text, to=kind if kind.expressions else exp.DataType.build(f"decimal({precision},{scale})"))


class _TrinoParser(AthenaTrinoParser):
    TYPE_LITERAL_PARSERS: ClassVar[dict[Any, Any]] = {
        **AthenaTrinoParser.TYPE_LITERAL_PARSERS,
        exp.DType.DECIMAL: _decimal,
    }


class LocalAthena(Athena):
    """For `sqlglot.parse(…, read=LocalAthena)`; text is made with `athena` as before."""

    class Parser(AthenaParser):
        """Parses queries by the parser above, and Hive's statements as sqlglot does."""

        def __init__(self, **options: Any) -> None:
            super().__init__(**options)
            own: dict[str, Any] = {**options, "dialect": Trino()}
            self._trino_parser = _TrinoParser(**own)
