"""docs/streams-triggers.md: the SQL that is generated for two tables, as `rds-lake streams triggers` prints it, on both engines.

`python -m bench.trigger_ddl` writes it; `test_shown.py` compares it with what is generated now.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pymysql

from rds_lake.database.capture.describe import describe
from rds_lake.database.connecting import for_pymysql
from rds_lake.database.dsn import parse_dsn
from rds_lake.model.aws.engine import Engine
from rds_lake.model.streams.captured import Capture, Level
from rds_lake.model.tables.table import TableTarget
from rds_lake.sql.triggers.generate import generate
from rds_lake.sql.triggers.plan import TriggerPlan, Wanted, require_capturable
from rds_lake.sql.triggers.script import script

PAGE = Path(__file__).parents[3] / "docs" / "streams-triggers.md"
COMMAND = "python -m bench.trigger_ddl"

_ROUTES_POSTGRES = """\
CREATE TABLE routes (
    airline char(2), flight smallint, origin char(3) NOT NULL, destination char(3) NOT NULL, "group" varchar(20),
    "newRoute" bit(1) NOT NULL DEFAULT B'1', days bit(7), fare numeric(10,2), PRIMARY KEY (airline, flight)
)"""
_ROUTES_MYSQL = """\
CREATE TABLE routes (
    airline char(2), flight smallint unsigned, origin char(3) NOT NULL, destination char(3) NOT NULL, `group` varchar(20),
    newRoute bit(1) NOT NULL DEFAULT b'1', days bit(7), fare decimal(10,2), PRIMARY KEY (airline, flight)
) CHARACTER SET latin1"""
_ODD_POSTGRES = """\
CREATE TABLE "Order Details" (
    "select" integer, "it's" varchar(20), flag boolean, bits bit varying(64), f real, d double precision, amount numeric,
    price money, at timestamptz, "when" timestamp(3), day date, span interval, raw bytea, doc json, docb jsonb, place point,
    range int4range, tags text[], ip inet, id uuid, twice numeric GENERATED ALWAYS AS (amount * 2) STORED,
    PRIMARY KEY ("it's", "select")
)"""
_ODD_MYSQL = """\
CREATE TABLE `Order Details` (
    `select` int unsigned, `it's` varchar(20) CHARACTER SET latin1, flag bit(1), bits bit(64), f float, d double,
    amount decimal(65,30), big bigint unsigned, at timestamp(6) NULL, `when` datetime(3), day date, span time(6), y year,
    raw varbinary(16), picture longblob, place point, doc json, kind enum('a','it''s'), tags set('x','y'), body longtext,
    twice int GENERATED ALWAYS AS (y * 2) STORED, PRIMARY KEY (`it's`, `select`)
)"""


def sections(engine: Engine, url: str) -> dict[str, str]:
    """What stands between the page's marks, by their names. `url`: of an empty database `flights`."""
    mysql = engine is Engine.MYSQL
    routes, odd = (_ROUTES_MYSQL, _ODD_MYSQL) if mysql else (_ROUTES_POSTGRES, _ODD_POSTGRES)
    _run(url, engine, [routes, odd])
    one, other = (_plan(engine, url, table) for table in ("routes", "Order Details"))
    own = [text for text in other.statements if text not in one.statements]
    word = "mysql" if mysql else "postgres"
    return {
        f"{word}-routes": _block(f"{routes};", script(engine, one.statements, notes=one.notes)),
        f"{word}-order-details": _block(f"{odd};", "\n\n".join(f"{text};" for text in own)),
    }


def replaced(page: str, found: dict[str, str]) -> str:
    """The page with these sections."""
    for name, text in found.items():
        begin, end = f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->"
        before, _, rest = page.partition(begin)
        page = f"{before}{begin}{text}{end}{rest.partition(end)[2]}"
    return page


def _block(*parts: str) -> str:
    return "".join(f"\n```sql\n{part.strip()}\n```\n" for part in parts) + "\n"


def _plan(engine: Engine, url: str, table: str) -> TriggerPlan:
    target = TableTarget(database="flights", schema="flights" if engine is Engine.MYSQL else "public", table=table)
    described = describe(parse_dsn(url, where="the test"), [target], capture=Capture.OUTBOX, level=Level.ROW)
    return generate(engine, require_capturable(described), Wanted(source="flights", reader="forwarder"))


def _run(url: str, engine: Engine, statements: Sequence[str]) -> None:
    if engine is Engine.POSTGRES:
        with psycopg.connect(url) as connection:
            for statement in statements:
                connection.execute(statement.encode())
        return
    database = urlsplit(url).path.lstrip("/")
    with closing(pymysql.connect(**for_pymysql(parse_dsn(url, where="the test")), database=database)) as connection:
        for statement in statements:
            connection.cursor().execute(statement)
