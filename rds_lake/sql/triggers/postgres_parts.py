"""Common parts of row-level and statement-level functions: frame, hand-over, and names."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from rds_lake.model.streams.captured import Capture, CapturedTable
from rds_lake.sql.quoting import dollar_quoted, identifier, literal, qualified
from rds_lake.sql.triggers.plan import MOST_COLUMN_BYTES, MOST_IMAGE_BYTES, MOST_PAYLOAD_IMAGE_BYTES, Wanted
from rds_lake.sql.triggers.postgres_text import settings_for

# PostgreSQL fires triggers in the order of their names. Changes by another trigger, or by a foreign key's, come later,
# so this one has to be first: `RI_ConstraintTrigger…` begins with a capital.
_PREFIX = "!rds_lake_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """The names created for a table. `flag`: the setting that says, until the transaction ends, how deep it was changed."""

    table: str
    function: str
    flag: str


def names(table: CapturedTable) -> Names:
    """Returns the names for SQL; `flag` without quotes."""
    target = table.target
    digest = hashlib.sha256(f"{target.schema}\0{target.table}".encode()).hexdigest()[:8]
    folded = re.sub(r"[^a-z0-9]+", "_", target.table.lower())[:40].strip("_")
    own = f"{folded}_{digest}".lstrip("_")
    return Names(
        table=qualified(target.schema, target.table),
        function=qualified("rds_lake", own),
        flag=f"rds_lake.depth_{digest}",
    )


def trigger(kind: str) -> str:
    """Returns a trigger's quoted name."""
    return identifier(_PREFIX + kind)


def alias(table: CapturedTable, wish: str) -> str:
    """Returns a name for a row that no column of the table has, as `SELECT t` would otherwise be the column `t`."""
    taken = {column.name for column in table.columns}
    return identifier(next(name for number in range(2000) if (name := f"{wish}{number or ''}") not in taken))


def most_image(wanted: Wanted) -> int:
    """Returns the longest image, as JSON, in bytes."""
    return MOST_IMAGE_BYTES if wanted.capture is Capture.OUTBOX else MOST_PAYLOAD_IMAGE_BYTES


def fitting(row: str, wanted: Wanted, without: str = "omitted") -> str:
    """Returns a call of the function for unusual rows."""
    most = most_image(wanted)
    return f"rds_lake.fitting({row}, {without}, {min(MOST_COLUMN_BYTES, most)}, {most})"


def function(table: CapturedTable, *, declare: str, body: str, settings: str = "") -> str:
    """Returns the trigger function of a table.

    It runs with its owner's rights, so writers need no rights in `rds_lake`.
    """
    made = names(table)
    text = f"#variable_conflict use_variable\nDECLARE\n{_indented(declare)}\nBEGIN\n{_indented(body)}\nEND"
    return (
        f"CREATE OR REPLACE FUNCTION {made.function}() RETURNS trigger\nLANGUAGE plpgsql SECURITY DEFINER\n"
        f"{settings_for(table.columns, text)}{settings}\nAS {dollar_quoted(text)}"
    )


def when_others_change_it(table: CapturedTable, reread: str) -> str:
    """Returns `reread`, run if other triggers have changed the table since this change.

    Changes of other triggers are recorded before the change that fired them. They set how deep they were until the
    transaction ends; its digits have a fixed length, so texts sort as numbers.
    """
    flag = names(table).flag
    return f"""\
IF pg_trigger_depth() > 1 OR coalesce(current_setting('{flag}', true), '') <> '' THEN
  DECLARE
    depth CONSTANT text := lpad(pg_trigger_depth()::text, 6, '0');
    deepest CONSTANT text := coalesce(current_setting('{flag}', true), '');
  BEGIN
    IF pg_trigger_depth() > 1 AND deepest < depth THEN
      PERFORM set_config('{flag}', depth, true);
    END IF;
    IF deepest > depth AND TG_OP <> 'TRUNCATE' THEN
{reread}
    END IF;
  END;
END IF;"""


def insert_into_outbox(table: CapturedTable) -> str:
    """Returns the beginning of every statement that writes changes, up to the table's name."""
    target = table.target
    return (
        "INSERT INTO rds_lake.outbox (xid, at, table_schema, table_name, op, old_image, new_image, omitted)\n"
        f"SELECT txid_current(), clock_timestamp(), {literal(target.schema)}, {literal(target.table)}"
    )


def hand_over(table: CapturedTable, wanted: Wanted) -> str:
    """Returns the statement that hands over one change from the variables `before`, `after`, `omitted` and, if needed, `op`."""
    if wanted.capture is Capture.OUTBOX:
        listed = "CASE WHEN omitted <> '{}' THEN to_json(omitted)::text END"
        return f"{insert_into_outbox(table)},\n       coalesce(op, left(TG_OP, 1)), before, after, {listed};"
    return _call(table, wanted)


def _call(table: CapturedTable, wanted: Wanted) -> str:
    key = ", ".join(literal(name) for name in table.key)
    payload = f"""\
json_build_object(
    'id', gen_random_uuid(), 'source', {literal(wanted.source)}, 'table', {literal(str(table.target))},
    'op', coalesce(op, left(TG_OP, 1)), 'at', clock_timestamp(), 'xid', txid_current(),
    'key', (SELECT json_object(array_agg(e.key), array_agg(e.value))
            FROM json_each_text(coalesce(after, before)::json) AS e WHERE e.key = ANY (ARRAY[{key}])),
    'old', before::json, 'new', after::json, 'omitted', coalesce(omitted, '{{}}'))"""
    call = (
        f"PERFORM aws_lambda.invoke(\n  function_name => {literal(wanted.function or '')}, payload => {payload},\n"
        "  invocation_type => 'Event');"
    )
    if wanted.on_error == "fail":
        return call
    target = table.target
    return f"""\
BEGIN
{_indented(call)}
EXCEPTION WHEN OTHERS THEN
  failure := SQLERRM;
END;
IF failure IS NOT NULL THEN
  INSERT INTO rds_lake.dropped (at, xid, table_schema, table_name, op, error)
  VALUES (clock_timestamp(), txid_current(), {literal(target.schema)}, {literal(target.table)},
          coalesce(op, left(TG_OP, 1)), left(failure, 500));
END IF;"""


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" if line else line for line in text.split("\n"))
