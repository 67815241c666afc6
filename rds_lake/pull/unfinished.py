"""Tables that several connections fill. No single transaction covers them, so a killed pull leaves one behind.

Their name and comment say that a pull made them. Only one pull at a time writes to a schema (`Session.lock`), so any such
table that it finds at its start belongs to a killed pull, and is dropped.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psycopg

from rds_lake.pull.postgres_session import Session
from rds_lake.pull.target import RECORD
from rds_lake.sql.quoting import literal, qualified
from rds_lake.threads import undisturbed

_COMMENT = "rds-lake pull fills this table, and drops it where it was interrupted"
_LEFT = (
    "SELECT c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = %s AND c.relkind = 'r' "
    "AND c.relname ~ %s AND obj_description(c.oid, 'pg_class') = %s AND pg_has_role(c.relowner, 'USAGE')"
)
_NAMES = f"^{RECORD}_[0-9a-f]{{12}}$"


def drop_unfinished(session: Session, schema: str) -> None:
    """Drop the tables that killed pulls left in the schema. The caller must hold the schema's lock."""
    for (name,) in session.all(_LEFT, [schema, _NAMES, _COMMENT]):
        # The server may not have noticed the killed process yet, and keep its table: the next pull drops it.
        with suppress(psycopg.errors.LockNotAvailable), session.transaction():
            session.run("SET LOCAL lock_timeout TO '2s'")
            session.run(f"DROP TABLE {qualified(schema, name)}")


@contextmanager
def unfinished(session: Session, schema: str, name: str, columns: str) -> Iterator[None]:
    """Create a table that all connections see. The block fills and renames it; an error drops it."""
    place = qualified(schema, name)
    with session.transaction():
        session.run(f"CREATE TABLE {place} ({columns})")
        session.run(f"COMMENT ON TABLE {place} IS {literal(_COMMENT)}")
    try:
        yield
    except BaseException:
        # If the connection is lost, the next pull drops the table.
        with undisturbed(), suppress(psycopg.Error):
            session.run_briefly(f"DROP TABLE {place}")
        raise


def finish(session: Session, schema: str, name: str) -> None:
    """Remove the comment, which marks the table as complete once the caller's transaction is committed."""
    session.run(f"COMMENT ON TABLE {qualified(schema, name)} IS NULL")
