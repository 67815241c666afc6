"""The plan of a PostgreSQL database's triggers: PostgreSQL 14 and newer, RDS and Aurora.

What belongs here: the order of the statements. The functions are `postgres_rows.py` and `postgres_statements.py`, the tables
`postgres_tables.py`.
"""

from __future__ import annotations

from collections.abc import Sequence

from rds_lake.model.streams.captured import Capture, CapturedTable, Level, render_captured
from rds_lake.sql.quoting import dollar_quoted, literal
from rds_lake.sql.triggers import postgres_rows, postgres_statements
from rds_lake.sql.triggers.plan import TriggerPlan, Wanted, with_digest
from rds_lake.sql.triggers.postgres_parts import names, trigger
from rds_lake.sql.triggers.postgres_rows import capture_row
from rds_lake.sql.triggers.postgres_tables import fitting, grants, own_statements

# Objects that are no longer needed are dropped; an outbox that still has changes stays for the forwarder.
_LAST = """\
DECLARE
  empty boolean := true;
BEGIN
  IF to_regclass('rds_lake.capture') IS NULL THEN
    RETURN;
  END IF;
  DELETE FROM rds_lake.capture WHERE (table_schema, table_name) IN ({tables});
  IF to_regclass('rds_lake.outbox') IS NOT NULL THEN
    SELECT count(*) = 0 INTO empty FROM (SELECT FROM rds_lake.outbox LIMIT 1) AS o;
  END IF;
  IF empty AND NOT EXISTS (SELECT FROM rds_lake.capture) THEN
    DROP SCHEMA rds_lake CASCADE;
  END IF;
END"""
_NOTES = (
    "This changes a production database: every INSERT, UPDATE, DELETE and TRUNCATE of these tables runs the triggers in its own "
    "transaction (docs/streams.md says what that costs).",
    "Creating triggers waits for the tables' running transactions, and writers that come meanwhile wait behind it: `--install` gives "
    "up after seconds; by hand keep the SET LOCAL lines.",
    "Run it as the tables' owner (or rds_superuser), a user that will not be dropped: the functions belong to it, and run with its "
    "rights.",
    "Nothing is captured of sessions with session_replication_role = replica, of logical replication's workers, or while a trigger "
    "is disabled; the comparison with the next snapshot names what is missing.",
    "After ALTER TABLE run this again: a column that is added is in no change until then.",
)
_OUTBOX_NOTES = (
    "The outbox grows until `rds-lake streams forward` takes the changes; without it, it fills the database's storage.",
    "A restored or cloned database continues with the same numbers: run `rds-lake streams reset` in it before anything forwards.",
)
_LAMBDA_NOTES = (
    "The database needs the extension (CREATE EXTENSION aws_lambda CASCADE), a role with lambda:InvokeFunction associated with it "
    "for the feature Lambda, and a way to Lambda's endpoint on port 443.",
    "The installing user needs USAGE ON SCHEMA aws_lambda and EXECUTE ON ALL FUNCTIONS IN SCHEMA aws_lambda.",
    "Each row costs a call within the writer's transaction; aws_lambda.connect_timeout_ms (1000) and "
    "aws_lambda.request_timeout_ms (3000) limit how long one row can wait.",
    "A call is not undone when its transaction is rolled back: the function may get changes that were never committed, and may "
    "get a change twice, late, or not at all.",
)
_ON_ERROR = {
    "fail": "on_error: fail: a call that fails ends the writer's transaction.",
    "drop": "on_error: drop: a call that fails loses the change; rds_lake.dropped has a row for each.",
}


def postgres_triggers(tables: Sequence[CapturedTable], wanted: Wanted) -> TriggerPlan:
    """Returns statements for tables of one database that can be captured, in the order in which they must run."""
    statements = [*own_statements(wanted), *grants(wanted)]
    done: list[CapturedTable] = []
    for table in tables:
        own = table_statements(table, wanted)
        captured = with_digest(table, (fitting(), *own))
        statements += [*own, capture_row(captured, render_captured(captured))]
        done.append(captured)
    dropped = [statement for table in tables for statement in _drop(table)]
    targets = ", ".join(f"({literal(t.target.schema)}, {literal(t.target.table)})" for t in tables)
    last = "DO " + dollar_quoted(_LAST.format(tables=targets))
    return TriggerPlan(statements=tuple(statements), drop=(*dropped, last), notes=_notes(wanted), tables=tuple(done))


def table_statements(table: CapturedTable, wanted: Wanted) -> tuple[str, ...]:
    """Returns the function and the triggers of one table, and the removal of those of the other level."""
    by_row = table.level is Level.ROW
    chosen, other = (postgres_rows, postgres_statements) if by_row else (postgres_statements, postgres_rows)
    made = names(table)
    create = postgres_rows.row_function if by_row else postgres_statements.statement_function
    triggers = postgres_rows.row_triggers if by_row else postgres_statements.statement_triggers
    stale = [kind for kind in other.KINDS if kind not in chosen.KINDS]
    return (
        create(table, wanted),
        f"REVOKE ALL ON FUNCTION {made.function}() FROM PUBLIC",
        *(f"DROP TRIGGER IF EXISTS {trigger(kind)} ON {made.table}" for kind in stale),
        *triggers(table),
    )


def trigger_names(table: CapturedTable) -> tuple[str, ...]:
    """Returns the names, unquoted, of the triggers that the table must have."""
    kinds = postgres_rows.KINDS if table.level is Level.ROW else postgres_statements.KINDS
    return tuple(trigger(kind)[1:-1] for kind in kinds)


def _drop(table: CapturedTable) -> tuple[str, ...]:
    made = names(table)
    kinds = dict.fromkeys((*postgres_rows.KINDS, *postgres_statements.KINDS))
    return (
        *(f"DROP TRIGGER IF EXISTS {trigger(kind)} ON {made.table}" for kind in kinds),
        # With the triggers of a table that has another name by now.
        f"DROP FUNCTION IF EXISTS {made.function}() CASCADE",
    )


def _notes(wanted: Wanted) -> tuple[str, ...]:
    if wanted.capture is Capture.OUTBOX:
        return (*_NOTES, *_OUTBOX_NOTES)
    return (*_NOTES, *_LAMBDA_NOTES, _ON_ERROR[wanted.on_error])
