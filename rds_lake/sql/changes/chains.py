"""Two queries per table that compare two snapshots with the changes of `capture: lambda` between them.

    chains       keys with changes whose images do not follow each other from the earlier row to the later one, with those changes
    untouched    keys without changes whose rows differ

The changes of most keys form a chain by a simple rule, which Athena checks; `model/streams/chain.py` examines the returned
rest.

What belongs here: the queries. Choosing the snapshots, and evaluating the answers, is `stages/streams/live/audit.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rds_lake.model.streams.chain import ANY_STATE
from rds_lake.sql.changes.arrived import Moment, keys_of, render_touches
from rds_lake.sql.changes.drift import DIFFERENT, EXTRA, MISSING
from rds_lake.sql.changes.state import snapshot_rows
from rds_lake.sql.changes.table import EPOCH_KEY, UNTIL_KEY, ChangedColumn, ChangedTable, array_of, until_text
from rds_lake.sql.quoting import identifier, literal, qualified

KEPT = "kept"  # an unchanged row, although the table was truncated in between
_THERE = identifier("is there")
_LONGEST = 5_000  # changes of one key that are returned


@dataclass(frozen=True, slots=True, kw_only=True)
class Between:
    """A table at two dates. `columns`: those that both snapshots have."""

    database: str
    before: ChangedTable
    after: ChangedTable
    earlier: Moment
    later: Moment
    columns: tuple[ChangedColumn, ...]

    @property
    def values(self) -> list[ChangedColumn]:
        """The compared columns that do not belong to the key."""
        return [column for column in self.columns if column.raw not in self.after.key]


def render_chains(between: Between, *, most: int) -> str:
    """Renders a query for (key, number of keys, number of breaks, changes of the key, kind, differing columns, its changes).

    It returns at most `most` rows. Kind and columns compare the later row with the image of the last change. The
    changes are a text that `parse_touches` of `stages/streams/live/audit.py` reads; NULL if the key has too many
    changes.
    """
    listed = ", ".join(keys_of(between.after))
    window = f'(PARTITION BY {listed} ORDER BY "micros", "seq")'
    unlinked = (
        f"place > 1 AND f <> {ANY_STATE} AND t_before <> f AND (t_before = 0 OR f = 0 OR t_shape_before = f_shape)"
    )
    return (
        f"{_common(between)},\n"
        f"flagged AS (\n{_flagged(between)}\n),\n"
        f"ordered AS (\n  SELECT *, lag(t) OVER {window} AS t_before, lag(t_shape) OVER {window} AS t_shape_before,\n"
        f"    row_number() OVER {window} AS place, count(*) OVER (PARTITION BY {listed}) AS changes FROM flagged\n),\n"
        f"each_key AS (\n  SELECT {listed}, max(changes) AS changes,\n"
        f"    sum(CASE WHEN {unlinked} THEN 1 ELSE 0 END) AS breaks,\n"
        f'    max(CASE WHEN is_earlier AND "micros" <= {between.earlier.last} OR was_earlier AND place = 1 '
        f"THEN 1 ELSE 0 END) AS begins,\n"
        f'    max(CASE WHEN is_later AND place = changes OR (was_later OR is_later) AND "micros" >= {between.later.first} '
        f"THEN 1 ELSE 0 END) AS ends,\n"
        f"    max(CASE WHEN place = changes THEN kind END) AS kind, max(CASE WHEN place = changes THEN differing END) AS differing,\n"
        f'    CASE WHEN max(changes) <= {_LONGEST} THEN array_join(array_agg({_text()} ORDER BY "micros", "seq"), \' \') END AS text\n'
        f"  FROM ordered GROUP BY {listed}\n)\n"
        f"SELECT key_text, count(*) OVER () AS total, sum(breaks) OVER () AS all_breaks, changes, kind, differing, text FROM (\n"
        f"  SELECT *, {_key_text(between, lambda at: keys_of(between.after)[at])} AS key_text FROM each_key\n"
        f"  WHERE breaks > 0 OR begins = 0 OR ends = 0\n"
        f") broken ORDER BY key_text LIMIT {most}"
    )


def render_untouched(between: Between, *, most: int) -> str:
    """Renders a query for (kind, rows of the kind, key, differing columns); it returns at most `most` rows per kind, by key."""
    keys = keys_of(between.after)
    first = identifier(between.after.key[0])
    join = " AND ".join(f"a.{identifier(name)} = b.{identifier(name)}" for name in between.after.key)
    same = " AND ".join(
        f"COALESCE(a.{identifier(name)}, b.{identifier(name)}) = k.{key}"
        for name, key in zip(between.after.key, keys, strict=True)
    )
    truncated = "(SELECT count(*) FROM later WHERE \"op\" = 'T')"
    surely = (
        "(SELECT count(*) FROM later WHERE \"op\" = 'T'\n"
        f'      AND "micros" > {between.earlier.last} AND "micros" < {between.later.first})'
    )
    differing = _differing(between, "a.{0} IS DISTINCT FROM b.{0}")

    def key(at: int) -> str:
        name = identifier(between.after.key[at])
        return f"COALESCE(a.{name}, b.{name})"

    return (
        f"{_common(between)},\n"
        f"compared AS (\n  SELECT CASE WHEN b.{first} IS NULL THEN {literal(MISSING)} WHEN a.{first} IS NULL THEN {literal(EXTRA)} "
        f"ELSE {literal(DIFFERENT)} END AS kind,\n"
        f"    {_key_text(between, key)} AS key_text, {differing} AS differing\n"
        f"  FROM earlier_rows a FULL OUTER JOIN later_rows b ON {join}\n"
        f"  LEFT JOIN (SELECT DISTINCT {', '.join(keys)} FROM touches) k ON {same}\n  WHERE k.{keys[0]} IS NULL\n),\n"
        f"judged AS (\n  SELECT CASE WHEN kind = {literal(DIFFERENT)} AND differing = '' THEN {literal(KEPT)} ELSE kind END AS kind,\n"
        f"    key_text, differing FROM compared\n),\n"
        f"numbered AS (\n  SELECT kind, key_text, differing, count(*) OVER (PARTITION BY kind) AS total,\n"
        f"    row_number() OVER (PARTITION BY kind ORDER BY key_text) AS place FROM judged\n"
        f"  WHERE CASE kind WHEN {literal(KEPT)} THEN {surely} > 0 WHEN {literal(MISSING)} THEN {truncated} = 0 ELSE true END\n)\n"
        f"SELECT kind, total, key_text, differing FROM numbered WHERE place <= {most} ORDER BY kind, place"
    )


def _common(between: Between) -> str:
    """Renders the WITH clause of both queries: changes, touches, and the rows of both dates."""
    raw = qualified(between.database, between.after.raw)
    images = "".join(f"{identifier(name)}, " for column in between.values for name in (column.new, column.old))

    def rows(table: ChangedTable, moment: Moment) -> str:
        return f"SELECT *, true AS {_THERE} FROM ({snapshot_rows(between.database, table, moment.day)}) of_date"

    return (
        f"WITH later AS (\n  SELECT * FROM {raw}\n  WHERE {between.after.counted}\n"
        f"    AND {identifier(EPOCH_KEY)} = {literal(between.later.epoch)}\n"
        f"    AND {identifier(UNTIL_KEY)} > {literal(until_text(between.earlier.cut))}\n"
        f'    AND "micros" BETWEEN {between.earlier.first} AND {between.later.last}\n),\n'
        f"touches AS (\n{render_touches(between.after, images + identifier('omitted') + ', ')}\n),\n"
        f"earlier_rows AS (\n  {rows(between.before, between.earlier)}\n),\n"
        f"later_rows AS (\n  {rows(between.after, between.later)}\n)"
    )


def _flagged(between: Between) -> str:
    """Renders every touch with its relation to the rows of both dates. A TRUNCATE touches each key that has changes."""
    keys = keys_of(between.after)
    of_key = ", ".join(f"p.{key}" for key in keys)
    flags = ", ".join(
        f"{_is_row(between, state, image, rows)} AS {name}"
        for name, state, image, rows in (
            ("was_earlier", "f", "old", "a"),
            ("is_earlier", "t", "new", "a"),
            ("was_later", "f", "old", "b"),
            ("is_later", "t", "new", "b"),
        )
    )
    kind = f"CASE WHEN b.{_THERE} IS NULL THEN {literal(MISSING)} WHEN p.t = 0 THEN {literal(EXTRA)} ELSE {literal(DIFFERENT)} END"
    of_truncate = (
        f"true AS was_earlier, a.{_THERE} IS NULL AS is_earlier, false AS was_later, b.{_THERE} IS NULL AS is_later"
    )
    truncates = "SELECT * FROM later WHERE \"op\" = 'T'"
    return (
        f'  SELECT {of_key}, p."seq", p."micros", p."xid", p.f, p.t, p.f_shape, p.t_shape,\n    {flags},\n'
        f"    {kind} AS kind, {_differing(between, 'p.{1} IS DISTINCT FROM b.{0}')} AS differing\n"
        f"  FROM touches p {_joined(between)}\n"
        f"  UNION ALL\n"
        f'  SELECT {of_key}, e."seq", e."micros", e."xid", {ANY_STATE}, 0, 0, 0,\n    {of_truncate}, {literal(EXTRA)}, \'\'\n'
        f"  FROM (SELECT DISTINCT {', '.join(keys)} FROM touches) p CROSS JOIN ({truncates}) e {_joined(between)}"
    )


def _joined(between: Between) -> str:
    def on(rows: str) -> str:
        pairs = zip(between.after.key, keys_of(between.after), strict=True)
        return " AND ".join(f"{rows}.{identifier(name)} = p.{key}" for name, key in pairs)

    return f"LEFT JOIN earlier_rows a ON {on('a')} LEFT JOIN later_rows b ON {on('b')}"


def _is_row(between: Between, state: str, image: str, rows: str) -> str:
    """Returns the condition that an image equals the row of a date. Values that were too large to be captured are not compared."""
    same = [
        f"(p.{identifier(getattr(column, image))} IS NOT DISTINCT FROM {rows}.{identifier(column.raw)} OR {_omitted(column)})"
        for column in between.values
    ]
    there = " AND ".join([f"{rows}.{_THERE} IS NOT NULL", *same])
    return f"CASE WHEN p.{state} = 0 THEN {rows}.{_THERE} IS NULL ELSE {there} END"


def _omitted(column: ChangedColumn) -> str:
    return f'COALESCE(contains(p."omitted", {literal(column.column.name)}), false)'


def _differing(between: Between, test: str) -> str:
    """Returns an expression for the names of the columns that differ.

    In `test`, `{0}` is the raw column, `{1}` the one of the new image.
    """
    each = [
        f"CASE WHEN {test.format(identifier(column.raw), identifier(column.new))} THEN {literal(column.column.name)} END"
        for column in between.values
    ]
    return f"COALESCE(array_join({array_of(each)}, ', '), '')" if each else "''"


def _text() -> str:
    numbers = ('"micros"', '"xid"', "f", "t", "f_shape", "t_shape")
    parts = [f"COALESCE(CAST({number} AS varchar), '')" for number in numbers]
    parts += [
        f"CASE WHEN {flag} THEN '1' ELSE '0' END" for flag in ("was_earlier", "is_earlier", "was_later", "is_later")
    ]
    return " || ',' || ".join(parts)


def _key_text(between: Between, value: Callable[[int], str]) -> str:
    """Returns an expression for the key as readable text: `id=7`, `a=1, b=x`; bytes as hexadecimal digits."""
    parts = [
        f"{literal(column.column.name + '=')} || "
        + (f"to_hex({value(at)})" if column.column.hive_type == "binary" else f"CAST({value(at)} AS varchar)")
        for at, column in enumerate(between.after.keys)
    ]
    return " || ', ' || ".join(parts)
