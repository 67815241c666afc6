"""The objects of capture in a PostgreSQL database besides triggers: schema, tables, functions for unusual rows, grants.

What belongs here: the statements that do not depend on the captured tables.
"""

from __future__ import annotations

from rds_lake.model.streams.captured import Capture
from rds_lake.sql.quoting import dollar_quoted, identifier
from rds_lake.sql.triggers.plan import Wanted
from rds_lake.sql.triggers.postgres_text import ALL_SETTINGS

# Rows are inserted and deleted within minutes: without this, vacuum would run only after millions of dead ones.
# https://www.postgresql.org/docs/current/runtime-config-autovacuum.html
_SHORT_LIVED = (
    "autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, "
    "autovacuum_vacuum_insert_scale_factor = 0.2, autovacuum_vacuum_cost_delay = 0, "
    "toast.autovacuum_vacuum_scale_factor = 0, toast.autovacuum_vacuum_threshold = 5000"
)

_OUTBOX = f"""\
CREATE TABLE IF NOT EXISTS rds_lake.outbox (
  seq bigint GENERATED ALWAYS AS IDENTITY (CACHE 1) PRIMARY KEY,
  xid bigint,
  at timestamptz NOT NULL,
  table_schema text NOT NULL,
  table_name text NOT NULL,
  op text NOT NULL,
  old_image text,
  new_image text,
  omitted text
) WITH ({_SHORT_LIVED})"""
_POSITION = """\
CREATE TABLE IF NOT EXISTS rds_lake.position (
  id smallint PRIMARY KEY CHECK (id = 1),
  cut bigint NOT NULL,
  epoch text NOT NULL
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500)"""
_BEGIN = "INSERT INTO rds_lake.position VALUES (1, 0, gen_random_uuid()::text) ON CONFLICT DO NOTHING"
_CAPTURE = """\
CREATE TABLE IF NOT EXISTS rds_lake.capture (
  table_schema text,
  table_name text,
  definition text NOT NULL,
  PRIMARY KEY (table_schema, table_name)
)"""
_DROPPED = """\
CREATE TABLE IF NOT EXISTS rds_lake.dropped (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at timestamptz NOT NULL,
  xid bigint,
  table_schema text NOT NULL,
  table_name text NOT NULL,
  op text NOT NULL,
  error text
)"""

# Table -> its columns: what triggers and the forwarder rely on.
OWN_COLUMNS = {
    "outbox": ("seq", "xid", "at", "table_schema", "table_name", "op", "old_image", "new_image", "omitted"),
    "position": ("id", "cut", "epoch"),
    "capture": ("table_schema", "table_name", "definition"),
    "dropped": ("id", "at", "xid", "table_schema", "table_name", "op", "error"),
}

# A column that cannot be read, is too long, or no longer exists is left out and named. Columns added to the table
# since are included, as they are read from the row itself. `without`: columns to leave out in any case.
_FITTING = """\
#variable_conflict use_column
DECLARE
  names text[] := '{}';
  texts text[] := '{}';
  found record;
  value text;
  size bigint;
  total bigint := 0;
BEGIN
  omitted := without;
  FOR found IN
    SELECT a.attname::text AS name,
           CASE WHEN t.typtype = 'd' AND t.typbasetype <> 'inet'::regtype OR t.typnamespace = 'pg_catalog'::regnamespace
                     AND t.oid <> 'inet'::regtype
                THEN '($1).%1$I::text'
                ELSE 'CASE WHEN ($1).%1$I IS DISTINCT FROM NULL THEN format(''%%s'', ($1).%1$I) END' END AS reading
    FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
    WHERE a.attrelid = (SELECT typrelid FROM pg_type WHERE oid = pg_typeof(r)) AND a.attnum > 0 AND NOT a.attisdropped
    ORDER BY a.attnum
  LOOP
    CONTINUE WHEN found.name = ANY (without);
    BEGIN
      EXECUTE format('SELECT pg_column_size(($1).%1$I)', found.name) INTO size USING r;
      IF size > most_column THEN
        value := NULL;
      ELSE
        EXECUTE 'SELECT ' || format(found.reading, found.name) INTO value USING r;
        size := octet_length(value);
      END IF;
    EXCEPTION WHEN OTHERS THEN
      size := most_column + 1::bigint;
    END;
    IF size > most_column OR total + coalesce(size, 0) > 268435456 THEN
      omitted := omitted || found.name;
    ELSE
      total := total + coalesce(size, 0);
      names := names || found.name;
      texts := texts || value;
    END IF;
  END LOOP;
  SELECT json_object(coalesce(array_agg(c.name ORDER BY c.at) FILTER (WHERE c.fits), '{}'),
                     coalesce(array_agg(c.text ORDER BY c.at) FILTER (WHERE c.fits), '{}'))::text,
         omitted || coalesce(array_agg(c.name ORDER BY c.at) FILTER (WHERE NOT c.fits), '{}')
  INTO image, omitted
  FROM (SELECT u.name, u.text, u.at,
               sum(octet_length(to_json(u.name)::text) + coalesce(octet_length(to_json(u.text)::text), 4) + 5)
                 OVER (ORDER BY coalesce(octet_length(u.text), 0), u.at) <= most AS fits
        FROM unnest(names, texts) WITH ORDINALITY AS u (name, text, at)) AS c;
END"""


def own_statements(wanted: Wanted) -> tuple[str, ...]:
    """Returns statements for everything that must exist before the first trigger; none changes an existing object."""
    kept = (_DROPPED,) if wanted.capture is Capture.LAMBDA else (_OUTBOX, _POSITION, _BEGIN)
    return (
        "CREATE SCHEMA IF NOT EXISTS rds_lake",
        "REVOKE ALL ON SCHEMA rds_lake FROM PUBLIC",
        *kept,
        _CAPTURE,
        fitting(),
        "REVOKE ALL ON FUNCTION rds_lake.fitting(anyelement, text[], bigint, bigint) FROM PUBLIC",
    )


def fitting() -> str:
    """Returns the function for rows that are too large, or of an altered table: it omits columns that do not fit or exist."""
    return (
        "CREATE OR REPLACE FUNCTION rds_lake.fitting(r anyelement, without text[], most_column bigint, most bigint, "
        f"OUT image text, OUT omitted text[])\nLANGUAGE plpgsql\n{ALL_SETTINGS}\nAS {dollar_quoted(_FITTING)}"
    )


def grants(wanted: Wanted) -> tuple[str, ...]:
    """Returns the rights of the user who forwards; writers need none."""
    if wanted.reader is None:
        return ()
    reader = identifier(wanted.reader)
    shared = (f"GRANT USAGE ON SCHEMA rds_lake TO {reader}", f"GRANT SELECT ON rds_lake.capture TO {reader}")
    if wanted.capture is Capture.LAMBDA:
        return (*shared, f"GRANT SELECT ON rds_lake.dropped TO {reader}")
    return (
        *shared,
        f"GRANT SELECT, DELETE ON rds_lake.outbox TO {reader}",
        f"GRANT SELECT, UPDATE ON rds_lake.position TO {reader}",
    )
