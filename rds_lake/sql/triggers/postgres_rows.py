"""Row-level triggers of PostgreSQL: one function for each table, fired for each row that changes and for TRUNCATE.

No row may make its writer fail. The usual image is computed in a separate block; every error in it (a dropped column, a value
that is too long) is caught there, and the row is read column by column instead (`fitting`). Nothing is written in that block,
so it uses no transaction id.

The changes of several rows of one statement are recorded after all of them have changed. If a trigger or a foreign key changes
the table once more for the first of them, that change is recorded before the others. Such a change is recognised by its depth,
and the rows recorded after it are read again, so that the last change of a key equals the table's row.
"""

from __future__ import annotations

from collections.abc import Sequence

from rds_lake.model.streams.captured import Capture, CapturedTable
from rds_lake.sql.quoting import identifier, literal
from rds_lake.sql.triggers.plan import Wanted
from rds_lake.sql.triggers.postgres_parts import (
    alias,
    fitting,
    function,
    hand_over,
    most_image,
    names,
    trigger,
    when_others_change_it,
)
from rds_lake.sql.triggers.postgres_text import image, is_ordinary, names_of

KINDS = ("change", "update", "truncate")


def row_function(table: CapturedTable, wanted: Wanted) -> str:
    """Returns CREATE FUNCTION for the table."""
    # Each expression that is evaluated costs a microsecond in each transaction: variables begin without one.
    declare = "\n".join(
        (
            "op text;",
            "before text;",
            "after text;",
            "omitted text[];",
            "there boolean;",
            "kept boolean;",
            "settled boolean;",
            "present record;",
            *(("failure text;",) if wanted.capture is Capture.LAMBDA else ()),
        )
    )
    body = f"""\
{when_others_change_it(table, _current_rows(table, wanted))}
IF settled IS NULL AND TG_OP <> 'TRUNCATE' THEN
{_usual(table)}
  IF before IS NULL AND TG_OP <> 'INSERT' OR after IS NULL AND TG_OP <> 'DELETE'
     OR octet_length(before) > {most_image(wanted)} OR octet_length(after) > {most_image(wanted)} THEN
{_odd(table, wanted)}
  END IF;
END IF;
{hand_over(table, wanted)}
RETURN NULL;"""
    return function(table, declare=declare, body=body)


def row_triggers(table: CapturedTable) -> tuple[str, ...]:
    """Returns CREATE TRIGGER for the table. It compares bytes: `json` has no equality, and 1.0 is not 1.00."""
    made = names(table)
    execute = f"EXECUTE FUNCTION {made.function}()"
    return (
        f"CREATE OR REPLACE TRIGGER {trigger('change')} AFTER INSERT OR DELETE ON {made.table}\nFOR EACH ROW {execute}",
        f"CREATE OR REPLACE TRIGGER {trigger('update')} AFTER UPDATE ON {made.table}\n"
        f"FOR EACH ROW WHEN (OLD.* OPERATOR(pg_catalog.*<>) NEW.*) {execute}",
        f"CREATE OR REPLACE TRIGGER {trigger('truncate')} AFTER TRUNCATE ON {made.table}\nFOR EACH STATEMENT {execute}",
    )


def _usual(table: CapturedTable) -> str:
    def whole(row: str) -> str:
        ordinary, whole_row = is_ordinary(row, table.columns), image(row, table.columns)
        return whole_row if ordinary == "true" else f"CASE WHEN {ordinary} THEN {whole_row} END"

    return f"""\
  BEGIN
    IF TG_OP <> 'INSERT' THEN
      before := {whole("OLD")};
    END IF;
    IF TG_OP <> 'DELETE' THEN
      after := {whole("NEW")};
    END IF;
  EXCEPTION WHEN OTHERS THEN
    before := NULL;
    after := NULL;
  END;"""


def _odd(table: CapturedTable, wanted: Wanted) -> str:
    old, new = _into("before", "OLD", wanted), _into("after", "NEW", wanted)
    return f"""\
      BEGIN
        IF TG_OP <> 'INSERT' THEN
          {old}
        END IF;
        IF TG_OP <> 'DELETE' THEN
          {new}
        END IF;
        IF TG_OP = 'UPDATE' AND omitted <> '{{}}' THEN
          {old}
        END IF;
      EXCEPTION WHEN OTHERS THEN
        before := CASE WHEN TG_OP <> 'INSERT' THEN '{{}}' END;
        after := CASE WHEN TG_OP <> 'DELETE' THEN '{{}}' END;
        omitted := {names_of(table.columns)};
      END;"""


def _current_rows(table: CapturedTable, wanted: Wanted) -> str:
    row = alias(table, "t")
    into_after = _into("after", 'present."row"', wanted)
    return f"""\
    BEGIN
      SELECT false, false INTO there, kept;
      IF TG_OP <> 'DELETE' THEN
        SELECT {row} AS "row" INTO present FROM {names(table).table} AS {row} WHERE {_same(table.key, row, "NEW")};
        there := FOUND;
      END IF;
      IF TG_OP <> 'INSERT' THEN
        PERFORM FROM {names(table).table} AS {row} WHERE {_same(table.key, row, "OLD")};
        kept := FOUND;
      END IF;
      IF TG_OP = 'DELETE' AND kept OR TG_OP <> 'DELETE' AND NOT there AND (kept OR TG_OP = 'INSERT') THEN
        RETURN NULL;
      END IF;
      IF there THEN
        {into_after}
      ELSE
        op := 'D';
      END IF;
      IF TG_OP = 'UPDATE' AND kept AND {_key("OLD", table.key)} OPERATOR(pg_catalog.*<>) {_key("NEW", table.key)} THEN
        before := after;
      ELSIF TG_OP <> 'INSERT' THEN
        {_into("before", "OLD", wanted)}
        IF there AND omitted <> '{{}}' THEN
          {into_after}
        END IF;
      END IF;
      settled := true;
    EXCEPTION WHEN OTHERS THEN
      op := NULL;
      omitted := NULL;
    END;"""


def _into(variable: str, row: str, wanted: Wanted) -> str:
    return f"SELECT f.image, f.omitted INTO {variable}, omitted FROM {fitting(row, wanted)} AS f;"


def _same(key: Sequence[str], row: str, other: str) -> str:
    return " AND ".join(f"{row}.{identifier(name)} = {other}.{identifier(name)}" for name in key)


def _key(row: str, key: Sequence[str]) -> str:
    return f"ROW({', '.join(f'{row}.{identifier(name)}' for name in key)})"


def capture_row(table: CapturedTable, definition: str) -> str:
    """Returns the statement that records the captured columns of the table."""
    target = table.target
    return (
        f"INSERT INTO rds_lake.capture VALUES ({literal(target.schema)}, {literal(target.table)}, {literal(definition)})\n"
        "ON CONFLICT (table_schema, table_name) DO UPDATE SET definition = excluded.definition"
    )
