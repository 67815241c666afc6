"""Checks a condition on rows that a user wrote, such as `total > 100 AND region = 'EU'`, before it goes into a statement."""

from __future__ import annotations

from rds_lake.errors import DiffError


def checked_condition(text: str) -> str:
    """Returns the text and a line end, if it is one condition on the row's own columns. Raises DiffError otherwise.

    Without the line end, a comment at the end would hide the SQL behind it. A subquery would read today's rows for both
    dates.
    """
    import sqlglot  # Dagster's code location loads this module, and needs no parser
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    try:
        trees = sqlglot.parse(f"({text}\n)", read="athena")
    except SqlglotError as error:
        raise DiffError(f"--where {text!r} cannot be understood: {str(error).splitlines()[0]}") from error
    tree = trees[0] if len(trees) == 1 else None
    if tree is not None and tree.find(exp.Query):
        raise DiffError(f"--where {text!r} has a query in it; only the table's own columns can be asked for")
    if not isinstance(tree, exp.Paren):
        raise DiffError(
            f"--where {text!r} is not a single condition; write one, such as: total > 100 AND region = 'EU'"
        )
    return f"{text.strip()}\n"
