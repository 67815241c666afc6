"""Stable and legal names in Athena; no two tables get the same name.

    shop.public.orders           -> view `orders`,         raw table `snapshots_orders`        (default schema)
    shop.sales.orders            -> view `sales_orders`,   raw table `snapshots_sales_orders`
    crm.public.leads             -> view `crm_public_leads`          (another database than the default schema's)
    shop.public."Order Details"  -> view `order_details`
    Held-Out.Items (DynamoDB)    -> view `held_out_items`

A name depends only on lake.yaml and the table, not on other tables of the snapshot. A published name stays, even if the rule now
gives another one, because queries and the table's history depend on it. Only `rename:` changes it.

Athena converts names to lower case, and only `[a-z0-9_]` is safe
(https://docs.aws.amazon.com/athena/latest/ug/tables-databases-columns-names.html). If two names become the same, an error shows
the `rename:` line to add. Raw tables keep the Parquet column names, by which Athena finds columns; views rename columns.

What belongs here: assigning names. `sql/quoting.py` quotes them.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from types import MappingProxyType

from rds_lake.errors import NameCollisionError
from rds_lake.model.tables.table import TableTarget

PARTITION_KEY = "snapshot_date"
MEMBER_KEY = "snapshot_table"
RAW_PREFIX = "snapshots_"
_RESERVED_VIEWS = {"_snapshots"}
_MAX_LENGTH = 255
_ILLEGAL = re.compile(r"[^a-z0-9_]")


@dataclass(frozen=True, slots=True, kw_only=True)
class AthenaTable:
    """The names of one table. `columns`: from the Parquet column's name to its name in the view.

    `partition_key` is `snapshot_date`, unless a column has that name, as Glue cannot have both. `member_key`: the
    second partition key of a union, with the member's name. `version` counts raw tables, for types that Athena cannot
    read together.
    """

    target: TableTarget
    view: str
    columns: tuple[tuple[str, str], ...]
    partition_key: str = PARTITION_KEY
    member_key: str | None = None
    version: int = 1

    @property
    def raw(self) -> str:
        return RAW_PREFIX + self.view + (f"__v{self.version}" if self.version > 1 else "")


def athena_name(text: str) -> str:
    """Returns the text in lower case, with `_` for every character outside `[a-z0-9_]`; never empty."""
    return _ILLEGAL.sub("_", text.lower())[: _MAX_LENGTH - len(RAW_PREFIX)] or "_"


def meeting(name: str, of: str, owner: TableTarget, taken: Iterable[str]) -> str:
    """Returns the problem that `of`, a view or table of the lake, has the name of a source's table, with the `rename:` line to add."""
    line = rename_line({str(owner): _free_name(athena_name(owner.table), {*taken, name})})
    return f"{of} and table {owner} both want the name {name!r}: {line}"


def free_key(wanted: str, columns: Iterable[str]) -> str:
    """Returns the first of `wanted`, `lake_wanted`, … that is not a column, as Glue cannot have both."""
    folded = {name.lower() for name in columns}
    while wanted in folded:
        wanted = f"lake_{wanted}"
    return wanted


def assign_names(
    tables: Sequence[tuple[TableTarget, Sequence[str]]],
    *,
    default_schema: str | None,
    rename: Mapping[str, str],
    home: str | None = None,
    published: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> tuple[AthenaTable, ...]:
    """Returns names for every table and its columns; `tables`: targets with their Parquet column names.

    `home`: the database whose name no view has; by default that of the default schema. `published`: names that a table
    (`str(target)`) already has in Athena.

    Raises NameCollisionError, which lists every collision and every invalid `rename:` entry.
    """
    problems = _rename_problems(rename)
    named: list[AthenaTable] = []
    for target, columns in tables:
        own = str(target)
        view = rename.get(own) or _kept(_view_name(target, default_schema, home=home), published.get(own, ()))
        aliases = _apart([(name, rename.get(f"{own}.{name}") or athena_name(name)) for name in columns])
        named.append(
            AthenaTable(target=target, view=view, columns=aliases, partition_key=free_key(PARTITION_KEY, columns))
        )
        problems += _column_problems(target, aliases) if aliases else ()
    problems += _table_problems(named)
    if problems:
        raise NameCollisionError(
            "names collide in Athena; add these entries to `rename:` of the source in lake.yaml:",
            problems,
        )
    return tuple(named)


def _apart(aliases: Sequence[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Returns the names with another one for a column that differs from an earlier one only in case.

    No view has these names: Glue cannot hold such a table (`stages/catalogue/limits.py`).
    """
    taken, folded = {alias for _, alias in aliases}, set[str]()
    apart: list[tuple[str, str]] = []
    for name, alias in aliases:
        apart.append((name, _free_name(alias, taken) if name.lower() in folded else alias))
        folded.add(name.lower())
    return tuple(apart)


def _kept(wanted: str, published: Sequence[str]) -> str:
    """Returns the name that a table keeps: the rule's, if it was published under several, otherwise the first."""
    return wanted if not published or wanted in published else published[0]


def _view_name(target: TableTarget, default_schema: str | None, *, home: str | None) -> str:
    """Returns the rule's name: with schema outside of the default schema, with database and schema outside of its database."""
    if not target.schema or f"{target.database}.{target.schema}" == default_schema:
        return athena_name(target.table)
    is_home = target.database == home or (default_schema or "").startswith(f"{target.database}.")
    if is_home or target.database == target.schema:
        return athena_name(f"{target.schema}_{target.table}")
    return athena_name(f"{target.database}_{target.schema}_{target.table}")


def rename_line(new_names: Mapping[str, str]) -> str:
    """Returns the entries as YAML, which reads back as exactly these texts."""
    entries = ", ".join(f"{_yaml_key(what)}: {_yaml_value(name)}" for what, name in new_names.items())
    return f"rename: {{{entries}}}"


def _yaml_key(text: str) -> str:
    if text.isprintable():
        return "'" + text.replace("'", "''") + "'"
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in escaped) + '"'


def _yaml_value(name: str) -> str:
    # YAML 1.1 reads 1_2 as the number 12.
    return f"'{name}'" if name[0].isdigit() else name


def _free_name(wanted: str, taken: set[str], *, first: int = 2) -> str:
    """Returns and reserves the first of `wanted_2`, `wanted_3`, … that no view or raw table has."""
    stem = wanted[: _MAX_LENGTH - len(RAW_PREFIX) - len("_00000")]
    names = (f"{stem}_{number}" if number > 1 else stem for number in count(first))
    free = next(name for name in names if taken.isdisjoint({name, RAW_PREFIX + name}))
    taken |= {free, RAW_PREFIX + free}
    return free


def free_names(tables: Iterable[TableTarget]) -> dict[str, str]:
    """Returns the `rename:` entries that give all tables of a source without a default schema different names."""
    named = [AthenaTable(target=table, view=_view_name(table, None, home=None), columns=()) for table in tables]
    return {what: name for _, names in _meetings(named) for what, name in names.items()}


def _table_problems(named: Sequence[AthenaTable]) -> list[str]:
    return [f"{sentence}: {rename_line(names)}" for sentence, names in _meetings(named)]


def _meetings(named: Sequence[AthenaTable]) -> list[tuple[str, dict[str, str]]]:
    """Returns names that several tables want, with the `rename:` entries to add. Glue has one namespace for views and raw tables."""
    views: dict[str, list[TableTarget]] = defaultdict(list)
    for table in named:
        views[table.view].append(table.target)
    raws = {table.raw: table.target for table in named}
    taken = {*views, *raws, *_RESERVED_VIEWS}
    problems: list[tuple[str, dict[str, str]]] = []
    for name, targets in views.items():
        # If a raw table has the name, every table whose view wants it is renamed; otherwise the first of these keeps it.
        owners = [*targets, raws[name]] if name in raws else targets
        losers = targets if name in raws else targets[1:]
        if name in _RESERVED_VIEWS:
            wanted = f"{name.strip('_')}_table"
            names = {str(target): _free_name(wanted, taken, first=1) for target in targets}
            wanting = " and ".join(map(str, targets))
            problems.append((f"table {wanting} wants {name!r}, which rds-lake keeps for itself", names))
        elif losers:
            names = {str(target): _free_name(athena_name(target.table), taken) for target in losers}
            problems.append((f"tables {' and '.join(map(str, owners))} both want the name {name!r}", names))
    return problems


def _column_problems(target: TableTarget, aliases: Sequence[tuple[str, str]]) -> list[str]:
    """Returns names that several columns want."""
    wanted: dict[str, list[str]] = defaultdict(list)
    for name, alias in aliases:
        wanted[alias].append(name)
    taken = set(wanted)
    problems: list[str] = []
    for alias, names in wanted.items():
        if alias == PARTITION_KEY:
            line = rename_line({f"{target}.{name}": _free_name(f"row_{alias}", taken, first=1) for name in names})
            what = f"{' and '.join(map(repr, names))} of {target} cannot be {alias!r}, the column every view has"
            problems.append(f"column {what}: {line}")
        elif len({name.lower() for name in names}) > 1:
            line = rename_line({f"{target}.{name}": _free_name(alias, taken) for name in names[1:]})
            problems.append(
                f"columns {' and '.join(map(repr, names))} of {target} both want the name {alias!r}: {line}"
            )
    return problems


def _rename_problems(rename: Mapping[str, str]) -> list[str]:
    """Returns invalid new names. Entries for tables or columns that no longer exist are not a problem."""
    return [
        f"rename: {name!r} (for {what!r}) must be lower-case letters, digits and _ and at most "
        f"{_MAX_LENGTH - len(RAW_PREFIX)} long"
        for what, name in rename.items()
        if not re.fullmatch(r"[a-z0-9_]+", name) or len(name) > _MAX_LENGTH - len(RAW_PREFIX)
    ]
