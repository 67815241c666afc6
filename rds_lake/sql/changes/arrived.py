"""Live rows of `capture: lambda`: changes arrive late, in any order, and a snapshot does not say which changes it has.

    later      the changes to apply: those from MARGIN before the snapshot on
    touches    each key that one of them has before or after it, with the row's state before and after, as digests
    recent     for each key, the touches at its newest time, and shortly before it in MySQL
    touched    of these, the newest one that no other follows
    rows       rows of the snapshot whose key is not touched, and for touched keys the image after their newest touch

**The rule.** Changes from five minutes before the snapshot's time on are applied. Images are whole rows, so applying a change
that the snapshot already has does no harm, while leaving out one that it does not have would. So the result is wrong if a
transaction wrote a row more than five minutes before the snapshot and committed after it, and if the newest change of a key
was lost, or rolled back.

**The order.** The triggers' clock: PostgreSQL's is read when the row is locked, MySQL's when the statement began, which may
have waited for the row after that, up to innodb_lock_wait_timeout (50 s;
https://dev.mysql.com/doc/refman/8.4/en/innodb-parameters.html#sysvar_innodb_lock_wait_timeout). If times are equal, or may be
in the wrong order, the images decide which change follows which.

What belongs here: the rows, with the names and types of raw tables. `state.py` does the same for an outbox.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from rds_lake.sql.changes.state import CUT, OMITTED, of_snapshot, snapshot_rows
from rds_lake.sql.changes.table import EPOCH_KEY, ChangedTable
from rds_lake.sql.quoting import identifier, literal, qualified

MARGIN = timedelta(minutes=5)
LOCK_WAIT = timedelta(seconds=60)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """The time of a snapshot (`at`, UTC), the only clue to which changes it has.

    `cut` is 0, as no cut is known to be in it.
    """

    day: date
    epoch: str
    at: datetime
    cut: int = 0

    @property
    def first(self) -> int:
        """The time from which changes are applied, in microseconds since 1970."""
        return micros(self.at - MARGIN)

    @property
    def last(self) -> int:
        """The last time whose changes may be in the snapshot, in microseconds since 1970."""
        return micros(self.at + MARGIN)


def micros(moment: datetime) -> int:
    """Returns the time in microseconds since 1970."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def lock_wait(table: ChangedTable) -> int:
    """Returns the time, in microseconds, within which changes of the table may be in the wrong order."""
    of_mysql = table.names.target.database == table.names.target.schema
    return LOCK_WAIT // timedelta(microseconds=1) if of_mysql else 0


def keys_of(table: ChangedTable) -> list[str]:
    """Returns the names of the key's columns in `touches`, in key order."""
    return [f"k{number}" for number in range(len(table.key))]


def counting(mark: Moment) -> str:
    """Returns the condition on a raw table that selects the changes since the mark."""
    return f'{identifier(EPOCH_KEY)} = {literal(mark.epoch)} AND "micros" >= {mark.first}'


def render_touches(table: ChangedTable, more: str = "") -> str:
    """Renders a SELECT from `later`: (key, seq, micros, xid, state and shape before and after, whether a row remains).

    A change of the key gives two rows: the old key has no row after it, the new key has none before it. `more`: further
    columns.
    """
    keys = keys_of(table)
    begun = ", ".join(f"{identifier(c.new)} AS {key}" for c, key in zip(table.keys, keys, strict=True))
    ended = ", ".join(f"{identifier(c.old)} AS {key}" for c, key in zip(table.keys, keys, strict=True))
    moved = " OR ".join(f"{identifier(c.new)} IS DISTINCT FROM {identifier(c.old)}" for c in table.keys)
    stays = f"\"op\" = 'U' AND NOT ({moved})"
    common = f'"seq", "micros", "xid", {more}'
    return (
        f"  SELECT * FROM (\n"
        f'    SELECT {begun}, {common}CASE WHEN {stays} THEN "old_state" ELSE 0 END AS f, "new_state" AS t,\n'
        f'      CASE WHEN {stays} THEN "old_shape" ELSE 0 END AS f_shape, "new_shape" AS t_shape, true AS remains\n'
        f"    FROM later WHERE \"op\" IN ('I', 'U')\n"
        f"    UNION ALL\n"
        f'    SELECT {ended}, {common}"old_state", 0, "old_shape", 0, false FROM later\n'
        f"    WHERE \"op\" = 'D' OR (\"op\" = 'U' AND ({moved}))\n"
        f"  ) each_key WHERE {keys[0]} IS NOT NULL"
    )


def render_arrived_rows(database: str, table: ChangedTable, mark: Moment, cut: int) -> tuple[str, str]:
    """Renders the WITH clause and the SELECT of the rows: every column under its raw name, then CUT and OMITTED."""
    keys = keys_of(table)
    listed = ", ".join(keys)
    same_key = " AND ".join(f"r.{key} = o.{key}" for key in keys)
    join = " AND ".join(f"s.{identifier(column.raw)} = t.{key}" for column, key in zip(table.keys, keys, strict=True))
    clause = (
        f"WITH later AS (\n  SELECT * FROM {qualified(database, table.raw)}\n"
        f'  WHERE {table.counted} AND {counting(mark)} AND "cut" <= {cut}\n),\n'
        f"touches AS (\n{render_touches(table)}\n),\n"
        f'recent AS (\n  SELECT * FROM (SELECT *, max("micros") OVER (PARTITION BY {listed}) AS newest FROM touches) timed\n'
        f'  WHERE "micros" >= newest - {lock_wait(table)}\n),\n'
        # A state that was reached more often than left: the key's last state.
        f"reached AS (\n  SELECT {listed}, state FROM (\n    SELECT {listed}, t AS state, 1 AS times FROM recent\n"
        f"    UNION ALL SELECT {listed}, f, -1 FROM recent\n  ) each_state GROUP BY {listed}, state HAVING sum(times) > 0\n),\n"
        f'touched AS (\n  SELECT {listed}, "seq", "micros", remains FROM (\n'
        f"    SELECT r.*, row_number() OVER (PARTITION BY {', '.join(f'r.{key}' for key in keys)}\n"
        f'      ORDER BY CASE WHEN o.state IS NULL THEN 1 ELSE 0 END, r."micros" DESC, r."seq" DESC) AS place\n'
        f"    FROM recent r LEFT JOIN reached o ON {same_key} AND r.t = o.state\n  ) placed WHERE place = 1\n),\n"
        f'cleared AS (\n  SELECT COALESCE(max("micros"), -1) AS "micros" FROM later WHERE "op" = \'T\'\n)'
    )
    from_snapshot = ", ".join(of_snapshot(column) for column in table.columns)
    from_image = ", ".join(f"e.{identifier(column.new)} AS {identifier(column.raw)}" for column in table.columns)
    select = (
        f"SELECT {from_snapshot}, CAST(NULL AS bigint) AS {identifier(CUT)}, "
        f"CAST(NULL AS array(varchar)) AS {identifier(OMITTED)}\n"
        f"FROM ({snapshot_rows(database, table, mark.day)}) s LEFT JOIN touched t ON {join}\n"
        'WHERE t."seq" IS NULL AND (SELECT "micros" FROM cleared) < 0\n'
        "UNION ALL\n"
        f'SELECT {from_image}, e."cut", e."omitted"\n'
        'FROM later e JOIN touched t ON e."seq" = t."seq"\n'
        'WHERE t.remains AND t."micros" > (SELECT "micros" FROM cleared)'
    )
    return clause, select
