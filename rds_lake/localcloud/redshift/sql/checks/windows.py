"""Checks OVER (…) by the kind of its function. DuckDB accepts more than Redshift, with default frames.

(https://docs.aws.amazon.com/redshift/latest/dg/c_Window_functions.html)
"""

from __future__ import annotations

from sqlglot import exp

from rds_lake.localcloud.redshift.errors import StatementFailedError

_RANKING = frozenset({"cume_dist", "dense_rank", "lag", "lead", "ntile", "percent_rank", "rank", "row_number"})
_IN_ORDER = frozenset({"lag", "lead"})
# Functions with an order of their own, or without any.
_UNORDERED = frozenset({"listagg", "median", "percentile_cont", "percentile_disc", "ratio_to_report"})


def check_window(node: exp.Window, inner: exp.Expr) -> None:
    """StatementFailedError for a window that Redshift does not take with this function."""
    called = inner
    while isinstance(called, exp.WithinGroup | exp.IgnoreNulls | exp.RespectNulls):
        called = called.this
    name, order, frame = called.name.lower(), node.args.get("order"), node.args.get("spec")
    if node.args.get("alias") is not None or node.args.get("over") not in (None, "OVER"):
        raise StatementFailedError("syntax error: a window must be in parentheses after OVER")
    if name in _UNORDERED:
        if order is not None or frame is not None:
            raise StatementFailedError(f"{name} does not take ORDER BY or a frame clause in OVER")
        return
    _check_distinct(called)
    if name in _RANKING:
        if frame is not None:
            raise StatementFailedError(f"{name} does not take a frame clause")
        if name in _IN_ORDER and order is None:
            raise StatementFailedError(f"window function {name} requires ORDER BY")
        return
    if order is not None and frame is None:
        raise StatementFailedError("Aggregate window functions with an ORDER BY clause require a frame clause")
    if frame is not None and (str(frame.args.get("kind")).upper() != "ROWS" or frame.args.get("exclude")):
        raise StatementFailedError("syntax error: a frame clause begins with ROWS")


def _check_distinct(called: exp.Expr) -> None:
    first = called.expressions[0] if called.expressions else None
    if isinstance(first, exp.Distinct):
        raise StatementFailedError("DISTINCT is not implemented for window functions")
