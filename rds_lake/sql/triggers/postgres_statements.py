"""Statement-level triggers of PostgreSQL: one function for each table that takes all rows of a statement at once.

They cost a third of row-level triggers for statements that change many rows. An UPDATE's old and new rows are paired by key;
if the key changed, the old row is a deletion and the new one an insertion. Each statement is written in one block; if that
fails (a dropped column), the rows are read one by one.
"""

from __future__ import annotations

from collections.abc import Sequence

from rds_lake.model.streams.captured import CapturedTable
from rds_lake.sql.quoting import dollar_quoted, identifier
from rds_lake.sql.triggers.plan import Wanted
from rds_lake.sql.triggers.postgres_parts import (
    fitting,
    function,
    insert_into_outbox,
    names,
    trigger,
    when_others_change_it,
)
from rds_lake.sql.triggers.postgres_text import image, is_ordinary, names_of

KINDS = ("inserted", "updated", "deleted", "truncate")
_OLD, _NEW = '"!old"', '"!new"'
_NONE = "'{}'"
_NOTHING = "'{}'"
# A plan made for one row is cached, and would scan all rows for each of 100,000. Old and new rows are paired in memory,
# as far as it suffices; 100,000 rows need about 30 MB.
_PLANS = "\nSET enable_nestloop = off\nSET work_mem = '64MB'"


def statement_function(table: CapturedTable, wanted: Wanted) -> str:
    """Returns CREATE FUNCTION for the table."""
    body = f"""\
{when_others_change_it(table, _current_rows(table, wanted))}
IF settled THEN
  RETURN NULL;
END IF;
IF TG_OP = 'TRUNCATE' THEN
{_write(table, "'T'", "NULL", "NULL", "NULL", "")}
  RETURN NULL;
END IF;
BEGIN
{_usual(table, wanted)}
EXCEPTION WHEN OTHERS THEN
  failed := true;
END;
IF failed THEN
{_by_column(table, wanted)}
END IF;
RETURN NULL;"""
    return function(table, declare="failed boolean;\nsettled boolean;", body=body, settings=_PLANS)


def statement_triggers(table: CapturedTable) -> tuple[str, ...]:
    """Returns CREATE TRIGGER for the table."""
    made = names(table)
    old, new = f"OLD TABLE AS {_OLD}", f"NEW TABLE AS {_NEW}"
    seen = {"inserted": ("INSERT", new), "updated": ("UPDATE", f"{old} {new}"), "deleted": ("DELETE", old)}
    transitions = (
        f"CREATE OR REPLACE TRIGGER {trigger(kind)} AFTER {event} ON {made.table} REFERENCING {tables}\n"
        f"FOR EACH STATEMENT EXECUTE FUNCTION {made.function}()"
        for kind, (event, tables) in seen.items()
    )
    truncate = (
        f"CREATE OR REPLACE TRIGGER {trigger('truncate')} AFTER TRUNCATE ON {made.table}\n"
        f"FOR EACH STATEMENT EXECUTE FUNCTION {made.function}()"
    )
    return (*transitions, truncate)


def _usual(table: CapturedTable, wanted: Wanted) -> str:
    return f"""\
    IF TG_OP = 'INSERT' THEN
{_new(table, wanted, f"FROM {_NEW} AS n WHERE true")}
    ELSIF TG_OP = 'DELETE' THEN
{_gone(table, wanted, f"FROM {_OLD} AS o WHERE true")}
    ELSE
{_changed(table, wanted)}
    END IF;"""


def _new(table: CapturedTable, wanted: Wanted, rows: str) -> str:
    small = is_ordinary("n", table.columns)
    usual = _write(table, "'I'", "NULL", image("n", table.columns), "NULL", f"{rows} AND {small}")
    return (
        usual if small == "true" else usual + "\n" + _odd_part(table, wanted, "'I'", "n", f"{rows} AND NOT ({small})")
    )


def _gone(table: CapturedTable, wanted: Wanted, rows: str) -> str:
    small = is_ordinary("o", table.columns)
    usual = _write(table, "'D'", image("o", table.columns), "NULL", "NULL", f"{rows} AND {small}")
    return (
        usual if small == "true" else usual + "\n" + _odd_part(table, wanted, "'D'", "o", f"{rows} AND NOT ({small})")
    )


def _changed(table: CapturedTable, wanted: Wanted) -> str:
    """Returns old and new rows by key; one without the other has a changed key. Both images omit the same columns."""
    key = identifier(table.key[0])
    pairs = f"FROM {_OLD} AS o FULL JOIN {_NEW} AS n ON {_same(table.key, 'o', 'n')}"
    # A composite value with NULLs inside is `IS NULL`, or neither that nor `IS NOT NULL`.
    no_old, no_new = (f"{row}.{key} IS NOT DISTINCT FROM NULL" for row in "on")
    rows = f"WHERE ({no_old} OR {no_new} OR o.* OPERATOR(pg_catalog.*<>) n.*)"
    op = f"CASE WHEN {no_old} THEN 'I' WHEN {no_new} THEN 'D' ELSE 'U' END"
    old, new = (f"CASE WHEN {row}.{key} IS DISTINCT FROM NULL THEN {image(row, table.columns)} END" for row in "on")
    small = is_ordinary("o", table.columns)
    if small == "true":
        return _write(table, op, old, new, "NULL", f"{pairs} {rows}")
    other = is_ordinary("n", table.columns)
    kind = names(table).table
    columns = f"{op} AS op, {_typed('o', kind)} AS o, {_typed('n', kind)} AS n"
    chosen = _first(columns, f"{pairs} {rows} AND NOT ({small} AND {other})")
    calls = (fitting("p.o", wanted, _NONE), fitting("p.n", wanted, "a.omitted"), fitting("p.o", wanted, "b.omitted"))
    laterals = " ".join(f"CROSS JOIN LATERAL {call} AS {name}" for call, name in zip(calls, "abc", strict=True))
    images = ("CASE WHEN p.op <> 'I' THEN c.image END", "CASE WHEN p.op <> 'D' THEN b.image END")
    return "\n".join(
        (
            _write(table, op, old, new, "NULL", f"{pairs} {rows} AND ({small} AND {other})"),
            f"IF EXISTS (SELECT FROM {_OLD} AS o WHERE NOT ({small}))",
            f"   OR EXISTS (SELECT FROM {_NEW} AS n WHERE NOT ({other})) THEN",
            _write(table, "p.op", *images, _listed("b"), f"{chosen} {laterals}"),
            "END IF;",
        )
    )


def _by_column(table: CapturedTable, wanted: Wanted) -> str:
    """Returns all rows of the statement, read column by column, for any current names of the table and its columns."""

    def execute(op: str, rows: str) -> str:
        insert = _odd_part(table, wanted, op, "r", f"FROM {rows} AS r WHERE true", kind="\0")
        text = insert.rstrip(";").replace("%", "%%").replace("\0", "%1$s")
        return f"EXECUTE format({dollar_quoted(text)}, TG_RELID::regclass);"

    return f"""\
  BEGIN
    IF TG_OP <> 'INSERT' THEN
      {execute("'D'", _OLD)}
    END IF;
    IF TG_OP <> 'DELETE' THEN
      {execute("'I'", _NEW)}
    END IF;
  EXCEPTION WHEN OTHERS THEN
{_write(table, "'U'", _NOTHING, _NOTHING, f"to_json({names_of(table.columns)})::text", "")}
  END;"""


def _odd_part(table: CapturedTable, wanted: Wanted, op: str, row: str, rows: str, kind: str = "") -> str:
    chosen = _first(f"{_typed(row, kind or names(table).table)} AS r", rows)
    call = f"{chosen} CROSS JOIN LATERAL {fitting('p.r', wanted, _NONE)} AS f"
    images = ("f.image", "NULL") if op == "'D'" else ("NULL", "f.image")
    return _write(table, op, *images, _listed("f"), call)


def _current_rows(table: CapturedTable, wanted: Wanted) -> str:
    """Returns statements for a table that other triggers changed in this statement: each key gets its current row."""
    made = names(table)
    present = f"FROM {made.table} AS t WHERE EXISTS (SELECT FROM {{}} AS r WHERE {_same(table.key, 't', 'r')})"
    absent = f"FROM {_OLD} AS o WHERE NOT EXISTS (SELECT FROM {made.table} AS t WHERE {_same(table.key, 't', 'o')})"
    return f"""\
    BEGIN
      PERFORM set_config('enable_nestloop', 'on', true);
      IF TG_OP <> 'INSERT' THEN
{_odd_part(table, wanted, "'D'", "o", absent)}
{_odd_part(table, wanted, "'I'", "t", present.format(_OLD))}
      END IF;
      IF TG_OP <> 'DELETE' THEN
{_odd_part(table, wanted, "'I'", "t", present.format(_NEW))}
      END IF;
      settled := true;
    EXCEPTION WHEN OTHERS THEN
      PERFORM set_config('enable_nestloop', 'off', true);
    END;"""


def _write(table: CapturedTable, op: str, old: str, new: str, omitted: str, rows: str) -> str:
    return f"{insert_into_outbox(table)},\n  {op}, {old}, {new}, {omitted}\n{rows};"


def _first(columns: str, rows: str) -> str:
    """Returns the rows as `p`, chosen before further processing: `fitting` of all rows would take a minute."""
    return f"FROM (SELECT {columns} {rows} OFFSET 0) AS p"


def _typed(row: str, kind: str) -> str:
    """Returns the row in the table's row type; a row of a statement's changes has no type."""
    return f"({row}.*)::{kind}"


def _listed(name: str) -> str:
    return f"CASE WHEN {name}.omitted <> '{{}}' THEN to_json({name}.omitted)::text END"


def _same(key: Sequence[str], one: str, other: str) -> str:
    return " AND ".join(f"{one}.{identifier(name)} = {other}.{identifier(name)}" for name in key)
