"""The demo shop: a database people recognise, with the types and names that make exports hard.

Nine tables in two schemas, more than 200,000 rows, made by the server itself and the same every time.
"""

from __future__ import annotations

import psycopg
from psycopg import sql

# No column name with a space: AWS skips such tables (USER_ExportSnapshot.html). A table name may have one.
_SCHEMA = """
CREATE SCHEMA sales;
CREATE TYPE order_state AS ENUM ('new', 'paid', 'shipped', 'returned');
CREATE TABLE customers (
    id bigint PRIMARY KEY, external_id uuid NOT NULL, name text NOT NULL, country char(2) NOT NULL, born date,
    newsletter boolean, preferences jsonb, nicknames text[], registered_at timestamptz NOT NULL);
CREATE TABLE products (
    id integer PRIMARY KEY, sku varchar(20) NOT NULL, title text NOT NULL, price numeric(10,2) NOT NULL,
    weight double precision, rating real, thumbnail bytea, sizes integer[], on_sale boolean NOT NULL);
CREATE TABLE orders (
    id bigint PRIMARY KEY, customer_id bigint NOT NULL, state order_state NOT NULL, total numeric(12,2) NOT NULL,
    ordered_at timestamp NOT NULL, shipped_on date, note text);
CREATE TABLE "Order Details" (
    "OrderID" bigint NOT NULL, "Line" smallint NOT NULL, "ProductID" integer NOT NULL, "UnitPrice" numeric(10,2) NOT NULL,
    "Quantity" integer NOT NULL, "Discount" real NOT NULL);
CREATE TABLE events (
    id bigint PRIMARY KEY, customer_id bigint, kind text NOT NULL, payload jsonb NOT NULL, happened_at timestamptz NOT NULL);
CREATE TABLE sales.invoices (
    id bigint PRIMARY KEY, order_id bigint NOT NULL, amount numeric NOT NULL, tax_rate numeric(5,4) NOT NULL,
    due_on date NOT NULL, paid_at timestamptz, daily_cutoff time);
CREATE TABLE sales.regions (id smallint PRIMARY KEY, name text NOT NULL, opening interval, network inet);
CREATE TABLE sales.targets (
    region_id smallint NOT NULL, month date NOT NULL, goal money NOT NULL, valid daterange, flags bit(4),
    PRIMARY KEY (region_id, month));
CREATE TABLE refunds (id bigint PRIMARY KEY, order_id bigint NOT NULL, amount numeric(12,2) NOT NULL, reason text);
"""

_ROWS = """
INSERT INTO customers SELECT i, md5('c' || i)::uuid, 'Customer ' || i, (ARRAY['DE','FR','IT','ES','NL','PL','SE'])[i % 7 + 1],
    CASE WHEN i % 11 > 0 THEN date '1950-01-01' + (i * 37 % 20000) END, CASE WHEN i % 3 > 0 THEN i % 3 = 1 END,
    CASE WHEN i % 5 > 0 THEN jsonb_build_object('theme', (ARRAY['dark','light'])[i % 2 + 1], 'size', i % 9) END,
    CASE WHEN i % 4 = 0 THEN ARRAY['c' || i, NULL, 'say "hi", ok', ''] WHEN i % 4 = 1 THEN '{}' END,
    timestamptz '2024-01-01 00:00:00+00' + i * interval '17 minutes 3.25 seconds' FROM generate_series(1, 20000) i;
INSERT INTO products SELECT i, 'SKU-' || lpad(i::text, 6, '0'),
    'Product № ' || i || CASE WHEN i % 50 = 0 THEN ' “größer”' ELSE '' END,
    round((i::bigint * 7919 % 100000) / 100.0, 2), CASE WHEN i % 10 > 0 THEN i / 7.0 END, (i % 50) / 10.0,
    CASE WHEN i % 6 = 0 THEN decode(md5(i::text), 'hex') END, ARRAY[i % 4, i % 9, i % 13], i % 8 = 0
    FROM generate_series(1, 2000) i;
INSERT INTO orders SELECT i, i::bigint * 7919 % 20000 + 1, (ARRAY['new','paid','shipped','returned'])[i % 4 + 1]::order_state,
    round((i::bigint * 104729 % 5000000) / 100.0, 2), timestamp '2025-01-01 00:00:00' + i * interval '7 minutes 0.123456 seconds',
    CASE WHEN i % 4 = 2 THEN date '2025-01-02' + i / 300 END,
    CASE WHEN i % 20 = 0 THEN 'gift, "wrapped"' || chr(10) || 'call first' END
    FROM generate_series(1, 60000) i;
INSERT INTO "Order Details" SELECT i / 2 + 1, i % 2 + 1, i * 31 % 2000 + 1,
    round((i::bigint * 7919 % 100000) / 100.0, 2), i % 12 + 1, (i % 5) / 20.0
    FROM generate_series(1, 90000) i;
INSERT INTO events SELECT i, CASE WHEN i % 9 > 0 THEN i * 13 % 20000 + 1 END, (ARRAY['view','cart','login','search'])[i % 4 + 1],
    jsonb_build_object('page', '/p/' || i % 2000, 'ms', i % 997, 'tags', jsonb_build_array('a', i % 3)),
    timestamptz '2026-01-01 00:00:00+00' + i * interval '90 seconds' FROM generate_series(1, 40000) i;
INSERT INTO sales.invoices SELECT i, i, (i::bigint * 104729 % 5000000) / 100.0, 0.1900, date '2025-02-01' + i / 300,
    CASE WHEN i % 3 > 0 THEN timestamptz '2025-02-01 08:00:00+01' + i * interval '5 minutes' END, time '17:30:00'
    FROM generate_series(1, 20000) i;
INSERT INTO sales.regions SELECT i, 'Region ' || i, i * interval '1 hour 15 minutes', ('10.0.' || i || '.0/24')::inet
    FROM generate_series(1, 7) i;
INSERT INTO sales.targets SELECT r, date '2026-01-01' + m * interval '1 month', (r * 1000 + m)::numeric::money,
    daterange((date '2026-01-01' + m * interval '1 month')::date,
    (date '2026-02-01' + m * interval '1 month')::date), (r % 16)::int::bit(4)
    FROM generate_series(1, 7) r, generate_series(0, 11) m;
"""

_CHANGES = (
    (
        "1,500 new orders",
        "INSERT INTO orders SELECT i, i::bigint * 7919 % 20000 + 1, 'new', round((i::bigint * 104729 % 5000000) / 100.0, 2), "
        "timestamp '2026-03-01' + i * interval '1 second', NULL, NULL FROM generate_series(60001, 61500) i",
    ),
    (
        "3,000 new order details",
        'INSERT INTO "Order Details" SELECT 60000 + i / 2 + 1, i % 2 + 1, i * 31 % 2000 + 1, 9.99, i % 12 + 1, 0 '
        "FROM generate_series(1, 3000) i",
    ),
    ("2,000 prices raised", "UPDATE products SET price = round(price * 1.05, 2)"),
    ("400 customers deleted", "DELETE FROM customers WHERE id % 50 = 0"),
    ("200 returns", "UPDATE orders SET state = 'returned', note = 'returned' WHERE id % 300 = 0"),
    ("800 events removed", "DELETE FROM events WHERE id % 50 = 0"),
)


def seed(url: str) -> None:
    """Fill an empty database with the shop of day one."""
    with psycopg.connect(url) as connection:
        connection.execute(_SCHEMA)
        connection.execute(_ROWS)


def change(url: str) -> str:
    """Change the shop as a day of business does; what changed, in words."""
    with psycopg.connect(url) as connection:
        for _, statement in _CHANGES:
            connection.execute(statement.encode())
    return ", ".join(words for words, _ in _CHANGES)


def row_counts(url: str) -> dict[tuple[str, str], int]:
    """PostgreSQL's own row count of every table, by schema and table."""
    with psycopg.connect(url) as connection:
        tables = connection.execute(
            "SELECT table_schema, table_name FROM information_schema.tables "
            "WHERE table_type = 'BASE TABLE' AND table_schema NOT IN ('pg_catalog', 'information_schema')"
        ).fetchall()
        return {
            (schema, table): _one(connection, sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(schema, table)))
            for schema, table in tables
        }


def _one(connection: psycopg.Connection, statement: sql.Composed) -> int:
    row = connection.execute(statement).fetchone()
    return int(row[0]) if row else 0
