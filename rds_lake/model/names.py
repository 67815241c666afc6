"""Names in Athena: stable, legal, and never two things under one.

    shop.public.orders           -> view `orders`,         raw table `snapshots_orders`        (default schema)
    shop.sales.orders            -> view `sales_orders`,   raw table `snapshots_sales_orders`
    shop.public."Order Details"  -> view `order_details`

Athena lower-cases names and is safe with `[a-z0-9_]` only (aws-facts 5.4); what folds together is an error that shows
the `rename:` line to add. Raw tables keep the Parquet column names, by which Athena finds columns; views rename.

What belongs here: assigning names. Quoting them is `sql/quoting.py`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rds_lake.errors import NameCollisionError
from rds_lake.model.table import TableTarget

PARTITION_KEY = "snapshot_date"
_OTHER_PARTITION_KEY = "lake_snapshot_date"
_RESERVED_VIEWS = {"_snapshots"}
_MAX_LENGTH = 255
_RAW_PREFIX = "snapshots_"


@dataclass(frozen=True, slots=True, kw_only=True)
class AthenaTable:
    """The names of one table. `columns` maps the Parquet column's name to its name in the view.

    `partition_key` is `snapshot_date`, except where a column of the table has that name: Glue cannot hold both.
    """

    target: TableTarget
    view: str
    columns: tuple[tuple[str, str], ...]
    partition_key: str = PARTITION_KEY

    @property
    def raw(self) -> str:
        return _RAW_PREFIX + self.view


def athena_name(text: str) -> str:
    """The text lower-cased, with every character outside `[a-z0-9_]` as `_`; never empty."""
    return re.sub(r"[^a-z0-9_]", "_", text.lower())[: _MAX_LENGTH - len(_RAW_PREFIX)] or "_"


def assign_names(
    tables: Sequence[tuple[TableTarget, Sequence[str]]],
    *,
    default_schema: str | None,
    rename: Mapping[str, str],
) -> tuple[AthenaTable, ...]:
    """Names for every table and its columns; `tables` are targets with their Parquet column names.

    Raises NameCollisionError listing every collision and every illegal `rename:` entry.
    """
    several = len({target.database for target, _ in tables}) > 1
    problems = _rename_problems(rename)
    named: list[AthenaTable] = []
    for target, columns in tables:
        view = rename.get(str(target)) or _view_name(target, default_schema, several=several)
        aliases = tuple((name, rename.get(f"{target}.{name}") or athena_name(name)) for name in columns)
        folded = {name.lower() for name in columns}
        key = _OTHER_PARTITION_KEY if PARTITION_KEY in folded else PARTITION_KEY
        named.append(AthenaTable(target=target, view=view, columns=aliases, partition_key=key))
        problems += _column_problems(target, aliases)
    problems += _table_problems(named)
    if problems:
        raise NameCollisionError(
            "names do not work out in Athena; add these lines to the source in lake.yaml:", problems
        )
    return tuple(named)


def _view_name(target: TableTarget, default_schema: str | None, *, several: bool) -> str:
    if f"{target.database}.{target.schema}" == default_schema:
        return athena_name(target.table)
    if not several:
        return athena_name(f"{target.schema}_{target.table}")
    if target.database == target.schema:
        return athena_name(f"{target.database}_{target.table}")
    return athena_name(f"{target.database}_{target.schema}_{target.table}")


def _rename_line(what: str, suggestion: str) -> str:
    quoted = what.replace("'", "''")
    return f"rename: {{'{quoted}': {suggestion[:_MAX_LENGTH]}}}"


def _table_problems(named: Sequence[AthenaTable]) -> list[str]:
    """Views and raw tables share one namespace in Glue."""
    owners: dict[str, list[TableTarget]] = defaultdict(list)
    for name, target in [(t.view, t.target) for t in named] + [(t.raw, t.target) for t in named]:
        owners[name].append(target)
    # Tables that share a view share the raw table too; that is one problem, not two.
    collisions = {tuple(targets): name for name, targets in reversed(owners.items()) if len(targets) > 1}
    problems = [
        f"tables {' and '.join(map(str, targets))} both want the name {name!r}: "
        + _rename_line(str(targets[-1]), f"{athena_name(targets[-1].table)}_2")
        for targets, name in collisions.items()
    ]
    problems += [
        f"table {table.target} wants {table.view!r}, which rds-lake keeps for itself: "
        + _rename_line(str(table.target), f"{athena_name(table.target.table).strip('_')}_table")
        for table in named
        if table.view in _RESERVED_VIEWS
    ]
    return problems


def _column_problems(target: TableTarget, aliases: Sequence[tuple[str, str]]) -> list[str]:
    folded: dict[str, list[str]] = defaultdict(list)
    wanted: dict[str, list[str]] = defaultdict(list)
    for name, alias in aliases:
        folded[name.lower()].append(name)
        wanted[alias].append(name)
    problems = [
        f"columns {' and '.join(map(repr, names))} of {target} differ only in case: Athena finds Parquet columns "
        "without case and cannot tell them apart; rename one in the database"
        for names in folded.values()
        if len(names) > 1
    ]
    problems += [
        f"columns {' and '.join(map(repr, names))} of {target} both want the name {alias!r}: "
        + _rename_line(f"{target}.{names[-1]}", f"{alias}_2")
        for alias, names in wanted.items()
        if len({name.lower() for name in names}) > 1
    ]
    problems += [
        f"column {name!r} of {target} wants {PARTITION_KEY!r}, the column every view has: "
        + _rename_line(f"{target}.{name}", f"row_{PARTITION_KEY}")
        for name in wanted.get(PARTITION_KEY, [])
    ]
    return problems


def _rename_problems(rename: Mapping[str, str]) -> list[str]:
    """Illegal new names. An entry for a table or column that is gone is no reason to stop the others."""
    return [
        f"rename: {name!r} (for {what!r}) must be lower-case letters, digits and _ and at most "
        f"{_MAX_LENGTH - len(_RAW_PREFIX)} long"
        for what, name in rename.items()
        if not re.fullmatch(r"[a-z0-9_]+", name) or len(name) > _MAX_LENGTH - len(_RAW_PREFIX)
    ]
