"""A person's condition on rows, such as `total > 100 AND region = 'EU'`, checked before it becomes part of a statement."""

from __future__ import annotations

from rds_lake.errors import DiffError


def checked_condition(text: str) -> str:
    """The text with the end of a line, if it is one condition on a row's own columns; DiffError says why not.

    A comment at its end would swallow what follows it, and a query inside would read today's rows for both dates.
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
