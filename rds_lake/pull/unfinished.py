"""Tables that several connections fill: no transaction holds them together, so that a killed pull leaves one behind.

Their name and comment say that a pull made them. Only one pull at a time writes to a schema (`Session.lock`): what it finds of them
when it begins is a killed one's, and goes.
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
    """Drop what killed pulls left in the schema; its lock has to be held."""
    for (name,) in session.all(_LEFT, [schema, _NAMES, _COMMENT]):
        # The server may not have seen yet that the killed process is gone, and keep its table: the next pull drops it.
        with suppress(psycopg.errors.LockNotAvailable), session.transaction():
            session.run("SET LOCAL lock_timeout TO '2s'")
            session.run(f"DROP TABLE {qualified(schema, name)}")


@contextmanager
def unfinished(session: Session, schema: str, name: str, columns: str) -> Iterator[None]:
    """A table that all connections see. Within, it is filled, and gets another name; an error drops it."""
    place = qualified(schema, name)
    with session.transaction():
        session.run(f"CREATE TABLE {place} ({columns})")
        session.run(f"COMMENT ON TABLE {place} IS {literal(_COMMENT)}")
    try:
        yield
    except BaseException:
        # A connection that is gone drops nothing: the next pull does.
        with undisturbed(), suppress(psycopg.Error):
            session.run(f"DROP TABLE {place}")
        raise


def finish(session: Session, schema: str, name: str) -> None:
    """The table is whole once the transaction that this is called in has ended."""
    session.run(f"COMMENT ON TABLE {qualified(schema, name)} IS NULL")
