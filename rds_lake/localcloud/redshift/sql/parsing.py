"""Parses Redshift's SQL. A call remains a name with arguments, which `functions.py` translates, so that DuckDB gets no function that
is not listed there.
"""

from __future__ import annotations

import inspect
from typing import Any

from sqlglot import exp
from sqlglot.dialects.redshift import Redshift
from sqlglot.errors import SqlglotError
from sqlglot.parsers.redshift import RedshiftParser

from rds_lake.localcloud.redshift.errors import StatementFailedError

# Calls with a syntax of their own: words between their arguments.
_SYNTAX = ("CAST", "TRY_CAST", "CONVERT", "EXTRACT", "POSITION", "SUBSTRING", "TRIM")


def _approximate(parser: Any) -> exp.Expr:
    """Returns `APPROXIMATE COUNT(DISTINCT x)` as a call of `approximate_count`, and PERCENTILE_DISC likewise: here they are exact."""
    parsed = parser._parse_function()
    call = parsed.this if isinstance(parsed, exp.WithinGroup) else parsed
    if not isinstance(call, exp.Anonymous):
        parser.raise_error("APPROXIMATE without a function")
    call.set("this", f"approximate_{call.name.lower()}")
    return parsed


class _Parser(RedshiftParser):
    FUNCTIONS = {}
    FUNCTION_PARSERS = {name: RedshiftParser.FUNCTION_PARSERS[name] for name in _SYNTAX}
    NO_PAREN_FUNCTION_PARSERS = {
        **RedshiftParser.NO_PAREN_FUNCTION_PARSERS,
        "APPROXIMATE": _approximate,
    }

    def _warn_unsupported(self) -> None:
        """No warning: `engine/session.py` refuses a Command, or reads it as text."""


class _Dialect(Redshift):
    Parser = _Parser


_DIALECT = _Dialect()
# sqlglotc replaces sqlglot's parser by a compiled one, which cannot have subclasses.
_IS_COMPILED = not inspect.isfunction(RedshiftParser.parse)


def parse(sql: str) -> list[exp.Expr]:
    """Returns the statements of a text, with identifiers in lower case. StatementFailedError if it cannot be parsed.

    (https://docs.aws.amazon.com/redshift/latest/dg/r_names.html: also quoted identifiers are folded)
    """
    if _IS_COMPILED:
        raise StatementFailedError(
            "the local Redshift cannot run beside the compiled sqlglot, which dagster-dbt brings: pip uninstall sqlglotc sqlglotrs"
        )
    try:
        statements = [tree for tree in _DIALECT.parse(sql) if isinstance(tree, exp.Expr)]
    except SqlglotError as error:
        raise StatementFailedError(f"syntax error: {str(error).splitlines()[0]}") from error
    for tree in statements:
        for name in tree.find_all(exp.Identifier):
            name.set("this", name.this.lower())
            name.set("quoted", True)
    return statements
