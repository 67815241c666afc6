"""A table under random transactions, replayed in Python: its state at every cut, and what a snapshot in between has.

Numbers are drawn when a row is written and become visible when its transaction commits, as in a database, so that later numbers
may be committed first. A key is locked by the transaction that wrote it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import strategies as st

from rds_lake.model.streams.event import ChangeEvent
from rds_lake_tests.stages.streams.simple_capture import event

Key = tuple[str, int]
Rows = dict[Key, str | None]

KEYS: tuple[Key, ...] = tuple((a, b) for a in ("x", "X", "y'") for b in (1, 2))


@dataclass(slots=True)
class Transaction:
    """What it wrote and nobody else sees yet; None where the key is gone."""

    rows: dict[Key, tuple[str | None] | None] = field(default_factory=dict)
    events: list[ChangeEvent] = field(default_factory=list)


@dataclass(slots=True)
class History:
    """The table, its transactions, its outbox and its forwarder."""

    rows: Rows = field(default_factory=dict)
    open: list[Transaction] = field(default_factory=lambda: [Transaction(), Transaction(), Transaction()])
    seq: int = 0
    outbox: list[ChangeEvent] = field(default_factory=list)
    cuts: list[list[ChangeEvent]] = field(default_factory=list)
    states: list[Rows] = field(default_factory=list)  # after each cut, beginning with cut 1
    snapshot: Rows = field(default_factory=dict)
    position: int = 0
    in_outbox: list[int] = field(default_factory=list)
    later: tuple[Rows, list[int], int] = field(default=({}, [], 0))  # the next snapshot: rows, its outbox, its position

    def write(self, transaction: int, what: str, key: Key, other: Key, value: str | None) -> None:
        """Insert the key, or change, move or delete its row; nothing where another transaction has locked it."""
        mine = self.open[transaction]
        locked = {key for one in self.open if one is not mine for key in one.rows}
        if key in locked or (what == "move" and other in locked):
            return
        there = mine.rows.get(key, (self.rows[key],) if key in self.rows else None)
        if there is None:
            self._log(mine, "I", None, (key, value))
        elif what == "delete":
            self._log(mine, "D", (key, there[0]), None)
        elif what == "move" and mine.rows.get(other, (None,) if other in self.rows else None) is None and other != key:
            self._log(mine, "U", (key, there[0]), (other, value))
        else:
            self._log(mine, "U", (key, there[0]), (key, value))

    def _log(
        self, mine: Transaction, op: str, old: tuple[Key, str | None] | None, new: tuple[Key, str | None] | None
    ) -> None:
        self.seq += 1
        mine.events.append(event(self.seq, op, _image(old), _image(new)))
        if old:
            mine.rows[old[0]] = None
        if new:
            mine.rows[new[0]] = (new[1],)

    def commit(self, transaction: int) -> None:
        mine = self.open[transaction]
        for key, row in mine.rows.items():
            self.rows.pop(key, None)
            if row is not None:
                self.rows[key] = row[0]
        self.outbox += mine.events
        self.open[transaction] = Transaction()

    def roll_back(self, transaction: int) -> None:
        self.open[transaction] = Transaction()

    def truncate(self) -> None:
        """Waits for nobody: it happens where no transaction holds a row."""
        if not any(one.rows for one in self.open):
            self.seq += 1
            self.outbox.append(event(self.seq, "T", None, None))
            self.rows.clear()

    def cut(self, *, repeats: bool = False) -> None:
        """`repeats`: the cut before was written, but its rows were not deleted."""
        again = self.cuts[-1] if repeats and self.cuts else []
        self.cuts.append(sorted([*again, *self.outbox], key=lambda one: one.seq))
        self.outbox = []
        self.states.append(dict(self.rows))

    def take_snapshot(self) -> None:
        self.snapshot = dict(self.rows)
        self.position = len(self.cuts)
        self.in_outbox = [one.seq for one in self.outbox]


def _image(row: tuple[Key, str | None] | None) -> dict[str, str | None] | None:
    return {"a": row[0][0], "b": str(row[0][1]), "v": row[1]} if row else None


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Steps of three transactions with cuts in between, and one snapshot among them."""
    history = History()
    number = st.integers(0, 2)
    steps = st.lists(
        st.tuples(
            st.sampled_from(["write"] * 9 + ["commit"] * 4 + ["roll back", "truncate", "cut", "cut", "repeated cut"]),
            number,
            st.sampled_from(["change", "change", "move", "delete"]),
            st.sampled_from(KEYS),
            st.sampled_from(KEYS),
            st.sampled_from([None, "1", "zwölf", ""]),
        ),
        min_size=4,
        max_size=30,
    )
    for before_snapshot in (True, False):
        for step, transaction, what, key, other, value in draw(steps):
            match step:
                case "write":
                    history.write(transaction, what, key, other, value)
                case "commit":
                    history.commit(transaction)
                case "roll back":
                    history.roll_back(transaction)
                case "truncate":
                    history.truncate()
                case _:
                    history.cut(repeats=step != "cut")
        if before_snapshot:
            history.take_snapshot()
    history.commit(0)
    history.later = (dict(history.rows), [one.seq for one in history.outbox], len(history.cuts))
    history.commit(1)
    history.cut()
    return history
