"""Whatever tables and columns are called: no object leaves the lake's prefix, and no statement becomes another one."""

import posixpath
import re
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from urllib.parse import unquote
from xml.etree import ElementTree

import psycopg
import pytest
import sqlglot
from hypothesis import given
from hypothesis import strategies as st
from psycopg import sql
from sqlglot import exp

from rds_lake.aws.s3.deletes import delete_request
from rds_lake.config.shared import Retention
from rds_lake.errors import MalformedExportError
from rds_lake.model.exports.info import export_folder
from rds_lake.model.lake.deletable import deletable_of_source
from rds_lake.model.lake.layout import LakeLayout, plain_folder
from rds_lake.model.tables.names import AthenaTable
from rds_lake.model.tables.table import Column, TableTarget
from rds_lake.sql.view_columns import view_column
from rds_lake.sql.views import render_quality_queries, render_view
from rds_lake.stages.databases.relocation.copy_plan import require_own_folders
from rds_lake.stages.upkeep.folders import Exports
from rds_lake.stages.upkeep.prune import apply_prune, plan_prune
from rds_lake_tests.support.world import World

DAY = date(2026, 11, 20)
HOSTILE = (
    "..",
    ".",
    "../x",
    "a/../../../other/b",
    "%2e%2e",
    "%2E%2e/",
    "%2e%2e%2f%2e%2e%2fother",
    "%252e%252e",
    "..\\..\\x",
    "/",
    "//",
    "a\nb",
    "a\r\nb",
    "\t",
    "\x01",
    "\x7f\x85\u2028",
    "\ufffe",
    "'; DROP VIEW orders; --",
    'a"b',
    "a`b",
    '"; DROP TABLE x; --',
    "*/ SELECT 1 /*",
    "${x} {y} %s %(z)s",
    "x" * 63,
    "x" * 255,
    "é" * 255,
    "\U0001f600" * 63,
    "snapshot_date=2026-11-19",
)
names = st.one_of(
    st.sampled_from(HOSTILE),
    st.lists(st.sampled_from([*HOSTILE, "a", "/", ".", "%2e", "%2f"]), min_size=1, max_size=4).map("".join),
    st.text(st.characters(exclude_characters="\x00", exclude_categories=("Cs",)), min_size=1, max_size=255),
)
prefixes = st.sampled_from(["", "lake", "a/b"])


@given(database=names, schema=names, table=names, prefix=prefixes)
def test_a_tables_objects_lie_in_its_sources_folder_also_for_who_resolves_or_decodes_their_keys(
    database: str, schema: str, table: str, prefix: str
) -> None:
    target = TableTarget(database=database, schema=schema, table=table)
    layout = LakeLayout(bucket="acme-lake", prefix=prefix)
    key = layout.data_key(layout.partition_folder("shop", export_folder(target), DAY, "shop-1"), 1, "part-0.gz.parquet")
    own = layout.source_folder("shop")
    for read in (key, unquote(key), posixpath.normpath(key), posixpath.normpath(unquote(key))):
        assert read.startswith(own), read
    deletable_of_source(layout, "shop", ("acme-exports", "exports"), owns=lambda _: False).require("acme-lake", [key])
    assert not re.search(r"[\x00-\x1f\x7f-\x9f]", key), "Glue takes no such location, and XML holds no such key"
    assert key.endswith("/snapshot_date=2026-11-20/shop-1/1-part-0.gz.parquet")


@pytest.mark.parametrize(
    "folder", ["shop/public.orders", "shop/public.Order_Details", "Größe/a.b.c", "db/public.per%cent"]
)
def test_an_ordinary_tables_folder_is_as_aws_spells_it(folder: str) -> None:
    """What is published keeps its place."""
    assert plain_folder(folder) == folder


@given(st.lists(names, min_size=1, max_size=5))
def test_a_request_to_delete_names_these_keys_and_no_others(keys: list[str]) -> None:
    request = delete_request("acme-lake", keys)
    if request is not None:
        found = ElementTree.fromstring(request.body)
        assert [one.text for one in found.iter("{http://s3.amazonaws.com/doc/2006-03-01/}Key")] == keys


@given(view=names, column=names, alias=names)
def test_a_view_and_its_checks_are_each_one_statement(view: str, column: str, alias: str) -> None:
    target = TableTarget(database="shop", schema="public", table="orders")
    table = AthenaTable(target=target, view=view, columns=((column, alias),))
    columns = [view_column(Column(name=column, hive_type="string", original_type="date"), alias)]
    made = [render_view("shop", table, columns, DAY)]
    made += [query.sql for query in render_quality_queries("shop", table, columns, DAY)]
    kinds = [[type(one) for one in sqlglot.parse(statement, read="athena")] for statement in made]
    assert kinds == [[exp.Create], *[[exp.Select]] * (len(made) - 1)]


TABLES = ("..", ".", "%2e%2e", "x\x01y\x7f", "a`b\"c'd; DROP VIEW x;--", "snapshot_date=2026-11-19", "x" * 63, "é" * 31)


def test_hostile_tables_are_relocated_published_read_and_removed_within_the_lakes_prefix(world: World) -> None:
    with psycopg.connect(world.url) as connection:
        connection.execute("DROP SCHEMA IF EXISTS sales CASCADE; DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        for number, name in enumerate(TABLES, start=1):
            create = sql.SQL("CREATE TABLE {} AS SELECT i AS id, 'x' AS {} FROM generate_series(1, {}) i")
            # AWS exports no table with the other characters in a column's name.
            column = sql.Identifier(re.sub(r"[\x00-\x1f\x7f ,;{}()=]", "", name))
            connection.execute(create.format(sql.Identifier(name), column, sql.Literal(number)))
    rename = {f"shop.public.{name}": f"t{number}" for number, name in enumerate(TABLES)}
    world.with_source(rename=rename, check_casts=False)
    before = {key for key in world.keys() if not key.startswith(("lake/", "exports/"))}
    for day in ("2026-11-20", "2026-11-21"):
        world.snapshot(day)
        world.publish(day)
    for number in range(len(TABLES)):
        assert world.query(f"SELECT count(*), max(snapshot_date) FROM t{number}") == [(str(number + 1), "2026-11-21")]
    data = [key for key in world.keys("lake/shop/") if key.endswith(".parquet")]
    assert len(data) == 2 * len(TABLES)
    assert all(posixpath.normpath(unquote(key)).startswith("lake/shop/") for key in data)
    assert world.keys("exports/") == [], "AWS's copies are cleaned up"
    world.with_source(retention=Retention(daily=1, weekly=0, monthly=0))
    gateways, (source,) = world.gateways, world.config.sources
    exports, now = Exports.read(world.config, gateways.rds, gateways.s3), datetime.now(UTC) + timedelta(hours=25)
    plan = plan_prune(world.config, source, exports, rds=gateways.rds, lake=gateways.lake, now=now)
    apply_prune(gateways.lake, plan, busy=lambda: (), log=world.lines.append)
    assert len([key for key in world.keys("lake/shop/") if key.endswith(".parquet")]) == len(TABLES)
    assert {key for key in world.keys() if not key.startswith(("lake/", "exports/"))} == before


def test_two_tables_that_would_share_a_folder_of_the_lake_are_refused_by_name() -> None:
    tables = [
        SimpleNamespace(folder=f"{database}/public.t", target=f"{database}.public.t") for database in ("..", "__")
    ]
    with pytest.raises(MalformedExportError, match=r"\.\.\.public\.t and __\.public\.t in __/public\.t"):
        require_own_folders(tables)  # type: ignore[arg-type]
