"""Capture by hand, for tests of what becomes of changes: the three tables, simple triggers, and cuts written to the lake.

Apart from `sql/triggers/` and the forwarder, so that the two cannot be wrong in the same way. What the forwarder's own tests need
is in `outbox_database.py`.
"""

import gzip
import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

import psycopg
from psycopg import sql

from rds_lake.model.exports.info import export_folder
from rds_lake.model.streams.captured import CapturedColumn, CapturedTable, parse_captured, render_captured
from rds_lake.model.streams.cut import ChangeFile, Cut, CutTable, render_cut
from rds_lake.model.streams.event import ChangeEvent, Op, render_event
from rds_lake.model.tables.table import TableTarget
from rds_lake.stages.lake.lake import Lake
from rds_lake.stages.streams.record import change_forwarded

AT = datetime(2026, 11, 20, 4, tzinfo=UTC)

_TABLES = """
DROP SCHEMA IF EXISTS rds_lake CASCADE;
CREATE SCHEMA rds_lake;
CREATE TABLE rds_lake.outbox (seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, xid bigint, at timestamptz,
    table_schema text, table_name text, op text, old_image text, new_image text, omitted text);
CREATE TABLE rds_lake.position (id smallint PRIMARY KEY, cut bigint, epoch text);
CREATE TABLE rds_lake.capture (table_schema text, table_name text, definition text);
"""

_TRIGGER = """
CREATE OR REPLACE FUNCTION rds_lake.{function}() RETURNS trigger LANGUAGE plpgsql
    SET timezone = 'UTC' SET datestyle = 'ISO, MDY' SET extra_float_digits = 1 AS $body$
BEGIN
  INSERT INTO rds_lake.outbox (xid, at, table_schema, table_name, op, old_image, new_image)
  VALUES (pg_current_xact_id()::text::bigint, clock_timestamp(), TG_TABLE_SCHEMA, TG_TABLE_NAME, substr(TG_OP, 1, 1),
    CASE WHEN TG_OP IN ('UPDATE', 'DELETE') THEN jsonb_build_object({old})::text END,
    CASE WHEN TG_OP IN ('INSERT', 'UPDATE') THEN jsonb_build_object({new})::text END);
  RETURN NULL;
END $body$;
CREATE TRIGGER captured AFTER INSERT OR UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION rds_lake.{function}();
CREATE TRIGGER captured_all AFTER TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION rds_lake.{function}();
"""


def capture(url: str, *tables: str) -> str:
    """Install capture of tables of the schema public, which have a key `id`; the new epoch."""
    epoch = uuid.uuid4().hex
    with psycopg.connect(url) as connection:
        connection.execute(_TABLES)
        connection.execute("INSERT INTO rds_lake.position VALUES (1, 0, %s)", [epoch])
        for table in tables:
            _capture(connection, table)
    return epoch


def recapture(url: str, table: str, key: str = "id") -> None:
    """Install the triggers of a table once more, after its columns changed."""
    with psycopg.connect(url) as connection:
        connection.execute(
            sql.SQL("DROP TRIGGER captured ON {0}; DROP TRIGGER captured_all ON {0}").format(sql.Identifier(table))
        )
        connection.execute("DELETE FROM rds_lake.capture WHERE table_name = %s", [table])
        _capture(connection, table, key)


def _capture(connection: psycopg.Connection, table: str, key: str = "id") -> None:
    columns = connection.execute(
        "SELECT attname, format_type(atttypid, atttypmod), NOT attnotnull FROM pg_attribute "
        "WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
        [sql.Identifier(table).as_string(None)],
    ).fetchall()
    images = {
        side: sql.SQL(", ").join(
            sql.SQL("{}, {}.{}::text").format(sql.Literal(name), sql.SQL(side), sql.Identifier(name))
            for name, *_ in columns
        )
        for side in ("OLD", "NEW")
    }
    connection.execute(
        sql.SQL(_TRIGGER).format(
            function=sql.Identifier(f"of_{table}"), table=sql.Identifier(table), old=images["OLD"], new=images["NEW"]
        )
    )
    captured = CapturedTable(
        target=TableTarget(database=connection.info.dbname, schema="public", table=table),
        columns=tuple(CapturedColumn(name=name, type=kind, nullable=null) for name, kind, null in columns),
        key=(key,),
    )
    connection.execute("INSERT INTO rds_lake.capture VALUES ('public', %s, %s)", [table, render_captured(captured)])


def forward(url: str, lake: Lake, source: str = "shop") -> int:
    """Take what is in the outbox as one cut; its number."""
    with psycopg.connect(url) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        ((number, epoch),) = connection.execute("SELECT cut + 1, epoch FROM rds_lake.position").fetchall()
        captured = [
            parse_captured(text, where="test")
            for (text,) in connection.execute("SELECT definition FROM rds_lake.capture")
        ]
        rows = connection.execute(
            "SELECT seq, xid, at, table_name, op, old_image::jsonb, new_image::jsonb FROM rds_lake.outbox ORDER BY seq"
        ).fetchall()
        events: dict[str, list[ChangeEvent]] = {}
        for seq, xid, at, table, op, old, new in rows:
            event = ChangeEvent(seq=seq, op=Op(op), at=at.astimezone(UTC), xid=xid, old=old, new=new)
            events.setdefault(table, []).append(event)
        write_cut(lake, epoch, number, [(one, events.get(one.target.table, [])) for one in captured], source=source)
        connection.execute("UPDATE rds_lake.position SET cut = %s", [number])
        connection.execute("DELETE FROM rds_lake.outbox WHERE seq = ANY(%s)", [[row[0] for row in rows]])
    return number


def write_cut(
    lake: Lake,
    epoch: str,
    number: int,
    tables: Iterable[tuple[CapturedTable, Sequence[ChangeEvent]]],
    *,
    source: str = "shop",
) -> Cut:
    """Put a final cut into the lake: a file per table that changed, the manifest, the record."""
    s3, layout = lake.s3, lake.layout
    written: list[CutTable] = []
    for table, events in tables:
        if not events:
            written.append(CutTable(table=table))
            continue
        key = layout.change_file_key(source, epoch, number, "attempt", export_folder(table.target), 0)
        body = gzip.compress("".join(render_event(event) + "\n" for event in events).encode(), mtime=0)
        s3.put_bytes(layout.bucket, key, body, kms_key=None)
        file = ChangeFile(key=key, rows=len(events), size=len(body), first_seq=events[0].seq, last_seq=events[-1].seq)
        written.append(CutTable(table=table, files=(file,)))
    cut = Cut(
        source=source, database="shop", epoch=epoch, number=number, attempt="attempt", began=AT, tables=tuple(written)
    )
    s3.put_text(layout.bucket, layout.cut_key(source, epoch, number), render_cut(cut), kms_key=None)
    change_forwarded(lake, source, "shop", lambda record: record.with_final(epoch, number, attempt="attempt", as_of=AT))
    return cut


def event(
    seq: int, op: str, old: Mapping[str, str | None] | None, new: Mapping[str, str | None] | None, *omitted: str
) -> ChangeEvent:
    """A change without a story of its own."""
    return ChangeEvent(seq=seq, op=Op(op), at=AT, xid=seq, old=old, new=new, omitted=omitted)
