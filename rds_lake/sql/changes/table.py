"""The names, key and typed columns of a table and its captured changes, for the statements about them.

    raw_changes_orders   seq, cut, op, at, xid, omitted, new_<column>…, old_<column>…     partitions: change_epoch, until_cut
    changes_orders       every change, typed
    orders_live          the published snapshot with the changes since
    orders_history       each change as: changed columns, old and new values

What belongs here: these names and columns. Statements are in the files beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from rds_lake.model.tables.names import AthenaTable
from rds_lake.model.tables.table import Column
from rds_lake.sql.quoting import identifier, literal, qualified
from rds_lake.sql.view_columns import ViewColumn, view_column

EPOCH_KEY, UNTIL_KEY = "change_epoch", "until_cut"
RAW_CHANGES = "raw_changes_"
_MERGED = ".merged"  # after the last cut's number: many batches in one
# The columns of every raw table of changes before its data columns: name, Hive type, comment.
META_COLUMNS = (
    ("seq", "bigint", "the change's number, unique within the epoch"),
    ("cut", "bigint", "the cut it was forwarded with"),
    ("op", "string", "I insert, U update, D delete, T truncate"),
    ("at", "timestamp", "UTC, by the database's clock"),
    ("xid", "bigint", "the transaction, where the engine says it"),
    ("omitted", "array<string>", "columns whose values were too large to be captured"),
)
# Further columns for `capture: lambda`. A state is a digest of an image, a shape one of its columns' names; 0 for no image.
ARRIVED_COLUMNS = (
    ("id", "string", "the change's own id, given by the trigger"),
    ("arrived", "timestamp", "UTC, the hour in which its object arrived"),
    ("micros", "bigint", "`at` in microseconds since 1970"),
    ("new_state", "bigint", "digest of the row after the change"),
    ("old_state", "bigint", "digest of the row before the change"),
    ("new_shape", "bigint", "digest of the names of its columns after the change"),
    ("old_shape", "bigint", "digest of the names of its columns before the change"),
)
_NEW, _OLD = "new_", "old_"
_LISTED = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedColumn:
    """A captured column. `column` is the raw table's; `exported`: whether the snapshot has it, or it was added since then.

    `presto_type`: the type that `types:` gives to it.
    """

    column: Column
    alias: str
    exported: bool = True
    presto_type: str | None = None

    @property
    def raw(self) -> str:
        """The column's name in Athena, in raw tables of snapshots."""
        return self.column.name.lower()

    @property
    def new(self) -> str:
        return _NEW + self.raw

    @property
    def old(self) -> str:
        return _OLD + self.raw

    def typed(self, prefix: str = "") -> ViewColumn:
        """Returns the view's column over the raw column with this prefix. Images have early days as in the database."""
        named = replace(self.column, name=prefix + self.raw, calendar=None)
        return view_column(named, prefix + self.alias, type_override=self.presto_type)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedTable:
    """A table whose changes are captured. `key`: raw names of the primary key's columns. `version`: of the raw table of changes.

    `arrives`: the changes come from `capture: lambda`, and have no order. `merged`: by epoch, the cut up to which
    batches were merged into larger files.
    """

    names: AthenaTable
    key: tuple[str, ...]
    columns: tuple[ChangedColumn, ...]
    version: int = 1
    arrives: bool = False
    merged: tuple[tuple[str, int], ...] = ()

    @property
    def meta(self) -> tuple[tuple[str, str, str], ...]:
        """Returns the columns of the raw table of changes before its data columns: name, Hive type, comment."""
        return (*META_COLUMNS, *ARRIVED_COLUMNS) if self.arrives else META_COLUMNS

    @property
    def counted(self) -> str:
        """The condition on the raw table's partitions that selects every change once: merged files up to `merged`, then batches.

        Merged files that no view reads yet, and batches that no view reads any more, may exist at the same time.
        """
        until = identifier(UNTIL_KEY)
        cases = "".join(f" WHEN {literal(epoch)} THEN {literal(merged_text(cut))}" for epoch, cut in self.merged)
        last = f"CASE {identifier(EPOCH_KEY)}{cases} ELSE '' END" if cases else "''"
        return f"({until} LIKE {literal('%' + _MERGED)}) = ({until} <= {last})"

    @property
    def raw(self) -> str:
        return raw_changes(self.names.view, self.version)

    @property
    def changes(self) -> str:
        return f"changes_{self.names.view}"

    @property
    def live(self) -> str:
        return f"{self.names.view}_live"

    @property
    def history(self) -> str:
        return f"{self.names.view}_history"

    @property
    def keys(self) -> tuple[ChangedColumn, ...]:
        """The columns of the key, in key order."""
        by_name = {column.raw: column for column in self.columns}
        return tuple(by_name[name] for name in self.key)


def raw_changes(view: str, version: int) -> str:
    """Returns the name of the raw table of changes for the table with this view."""
    return f"{RAW_CHANGES}{view}" + (f"__v{version}" if version > 1 else "")


def until_text(cut: int) -> str:
    """Returns the cut as a value of the partition key, padded so that texts sort as the numbers do."""
    return f"{cut:012}"


def merged_text(cut: int) -> str:
    """Returns the partition key's value of batches merged up to this cut. It sorts after the cut and before the next cut."""
    return until_text(cut) + _MERGED


def is_merged(text: str) -> bool:
    """Whether the value of the partition key is of merged batches."""
    return text.endswith(_MERGED)


def cut_of(text: str) -> int:
    """Returns the cut of a value that `until_text` or `merged_text` returned."""
    return int(text.removesuffix(_MERGED))


@dataclass(frozen=True, slots=True, kw_only=True)
class Watermark:
    """The changes that a snapshot has, by its own rows of the position and of the outbox.

    `cut`: the cut of the position when the view was created. The statement reads the position itself, so it stays
    correct when the date is exported again; the number only excludes older partitions.
    """

    day: date
    epoch: str
    cut: int
    position: AthenaTable
    outbox: AthenaTable

    def outside(self, database: str) -> str:
        """Returns the condition on a raw table of changes that selects exactly the changes that are not in the snapshot."""
        return (
            f"{identifier(EPOCH_KEY)} = {literal(self.epoch)}\n"
            f"    AND {identifier(UNTIL_KEY)} > {literal(until_text(self.cut))}\n"
            f'    AND "cut" > (SELECT max("cut") FROM {self._of(database, self.position)})\n'
            f'    AND "seq" NOT IN (SELECT "seq" FROM {self._of(database, self.outbox)})'
        )

    def inside(self, database: str) -> str:
        """Returns the condition that selects exactly the epoch's changes that are in the snapshot."""
        return (
            f"{identifier(EPOCH_KEY)} = {literal(self.epoch)}\n"
            f'    AND ("cut" <= (SELECT max("cut") FROM {self._of(database, self.position)})\n'
            f'      OR "seq" IN (SELECT "seq" FROM {self._of(database, self.outbox)}))'
        )

    def _of(self, database: str, table: AthenaTable) -> str:
        return f"{qualified(database, table.raw)} WHERE {identifier(table.partition_key)} = {literal(self.day.isoformat())}"


def array_of(elements: Sequence[str]) -> str:
    """Returns an array of the expressions. Trino's ARRAY[] takes at most 254, so longer ones are concatenated."""
    return " || ".join(f"ARRAY[{', '.join(elements[at : at + _LISTED])}]" for at in range(0, len(elements), _LISTED))


def free_names(wanted: Sequence[str], taken: Sequence[str]) -> list[str]:
    """Returns the wanted names; a name that a column of the table has gets the prefix `change_`."""
    used, names = set(taken), list[str]()
    for name in wanted:
        while name in used:
            name = f"change_{name}"
        used.add(name)
        names.append(name)
    return names
