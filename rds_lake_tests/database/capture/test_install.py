"""Installing triggers, removing them, and noticing what has become of them."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from rds_lake.database.capture import postgres_install
from rds_lake.database.capture.install import differences, install, installed, uninstall
from rds_lake.errors import ConfigError, TerminalError, UnavailableError
from rds_lake.localcloud.databases.embedded import EmbeddedPostgres
from rds_lake.model.streams.captured import Capture, Level
from rds_lake.sql.triggers.plan import Wanted
from rds_lake_tests.database.capture.captured import capture, dsn_of, events, planned, target_in

Connection = psycopg.Connection[Any]


@pytest.fixture(scope="module")
def url(postgres: EmbeddedPostgres) -> str:
    return postgres.create_database("installed")


@pytest.fixture
def shop(url: str) -> Iterator[Connection]:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA IF EXISTS rds_lake CASCADE; DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        connection.execute(
            'CREATE TABLE t (id int PRIMARY KEY, v text); CREATE TABLE "Order Details" (id int PRIMARY KEY)'
        )
        yield connection


def plan_of(url: str, *tables: str, **wanted: Any) -> Any:
    return planned(url, *(target_in(url, table) for table in tables), wanted=Wanted(source="shop", **wanted))


def test_capture_is_recorded_in_the_database_itself(url: str, shop: Connection) -> None:
    plan = capture(url, "t", "Order Details")
    assert installed(dsn_of(url), "installed") == plan.tables
    assert all(len(table.digest) == 32 for table in plan.tables)
    assert shop.execute("SELECT id, cut, length(epoch) FROM rds_lake.position").fetchall() == [(1, 0, 36)]


def test_installing_again_changes_nothing_and_keeps_cut_and_changes(url: str, shop: Connection) -> None:
    plan = capture(url, "t")
    shop.execute("INSERT INTO t VALUES (1, 'a'); UPDATE rds_lake.position SET cut = 7")
    seen = "SELECT oid, xmin::text FROM pg_trigger WHERE tgname LIKE '!rds%' ORDER BY oid"
    before = shop.execute(seen).fetchall()
    install(dsn_of(url), plan)
    assert shop.execute(seen).fetchall() == before
    capture(url, "t", level=Level.STATEMENT)
    shop.execute("INSERT INTO t VALUES (2, 'b')")
    assert [change.op for change in events(shop)] == ["I", "I"]
    assert shop.execute("SELECT cut FROM rds_lake.position").fetchone() == (7,)


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        ("ALTER TABLE t DISABLE TRIGGER ALL", "is disabled: changes are lost"),
        ('DROP TRIGGER "!rds_lake_update" ON t', "the trigger '!rds_lake_update' is missing"),
        ("ALTER TABLE t ADD COLUMN w int", "column 'w' was added and is not captured"),
        ("ALTER TABLE t DROP COLUMN v", "column 'v' was removed or renamed"),
        ("ALTER TABLE t ALTER COLUMN v TYPE varchar(5)", "column 'v' was text and is character varying(5)"),
        ("ALTER TABLE t DROP CONSTRAINT t_pkey, ADD PRIMARY KEY (v)", "the primary key was ['id'] and is ['v']"),
        ("DELETE FROM rds_lake.capture", "is not captured"),
    ],
)
def test_what_has_become_of_a_trigger_is_noticed_and_repaired(
    url: str, shop: Connection, damage: str, told: str
) -> None:
    capture(url, "t")
    shop.execute(damage.encode())
    plan = plan_of(url, "t")
    assert any(told in problem for problem in differences(dsn_of(url), plan)), differences(dsn_of(url), plan)
    install(dsn_of(url), plan)
    left = differences(dsn_of(url), plan)
    # Whoever disabled a trigger on purpose is not overruled.
    assert [problem for problem in left if "disabled" not in problem] == []


@pytest.mark.exhaustive
def test_a_function_changed_by_hand_and_a_table_that_lake_yaml_does_not_name_are_noticed(
    url: str, shop: Connection
) -> None:
    capture(url, "t", "Order Details")
    shop.execute("""DO $do$ DECLARE f text; BEGIN
        SELECT pg_get_functiondef(tgfoid) INTO f FROM pg_trigger WHERE tgname = '!rds_lake_update' AND tgrelid = 't'::regclass;
        EXECUTE replace(f, 'RETURN NULL', 'RETURN NULL /* by hand */'); END $do$""")
    told = differences(dsn_of(url), plan_of(url, "t"))
    assert any("differs from the generated one" in problem for problem in told)
    assert any("Order Details: is captured, but is not in `streams.tables` of lake.yaml" in problem for problem in told)


def test_the_way_back_leaves_nothing_once_the_outbox_is_empty(url: str, shop: Connection) -> None:
    plan = capture(url, "t", "Order Details")
    shop.execute("INSERT INTO t VALUES (1, 'a')")
    uninstall(dsn_of(url), plan)
    shop.execute("INSERT INTO t VALUES (2, 'b')")
    assert len(events(shop)) == 1, "what was captured waits for the forwarder"
    shop.execute("DELETE FROM rds_lake.outbox")
    uninstall(dsn_of(url), plan)
    uninstall(dsn_of(url), plan)
    assert shop.execute("SELECT count(*) FROM pg_trigger WHERE tgname LIKE '!rds%'").fetchone() == (0,)
    assert shop.execute("SELECT to_regnamespace('rds_lake')").fetchone() == (None,)


@pytest.mark.exhaustive
def test_a_table_that_is_gone_does_not_stop_the_way_back(url: str, shop: Connection) -> None:
    plan = capture(url, "t", "Order Details")
    shop.execute("DROP TABLE t")
    uninstall(dsn_of(url), plan)
    assert shop.execute("SELECT to_regnamespace('rds_lake')").fetchone() == (None,)


@pytest.mark.exhaustive
def test_removing_one_table_leaves_the_others(url: str, shop: Connection) -> None:
    capture(url, "t", "Order Details")
    uninstall(dsn_of(url), plan_of(url, "t"))
    shop.execute('INSERT INTO t VALUES (1); INSERT INTO "Order Details" VALUES (1)')
    assert len(events(shop)) == len(events(shop, "Order Details")) == 1


def test_no_writer_queues_behind_an_installation(url: str, shop: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_install, "LOCK_SECONDS", 1)
    plan = plan_of(url, "t", "Order Details")
    with psycopg.connect(url) as long, long.transaction():
        long.execute('INSERT INTO "Order Details" VALUES (1)')
        with pytest.raises(UnavailableError, match="nothing was changed, try again later"):
            install(dsn_of(url), plan)
        shop.execute("SET lock_timeout = 500; INSERT INTO t VALUES (1, 'a')")
    install(dsn_of(url), plan)


@pytest.mark.exhaustive
def test_a_table_altered_after_it_was_described_is_not_given_old_triggers(url: str, shop: Connection) -> None:
    plan = plan_of(url, "t", "Order Details")
    shop.execute("ALTER TABLE t ADD COLUMN w int")
    with pytest.raises(ConfigError, match="altered since"):
        install(dsn_of(url), plan)
    assert shop.execute("SELECT to_regnamespace('rds_lake')").fetchone() == (None,)


@pytest.mark.exhaustive
def test_what_the_database_refuses_is_its_own_sentence_and_undone(url: str, shop: Connection) -> None:
    plan = plan_of(url, "t", reader="nobody there")
    with pytest.raises(TerminalError, match='role "nobody there" does not exist'):
        install(dsn_of(url), plan)
    assert shop.execute("SELECT to_regnamespace('rds_lake')").fetchone() == (None,)


def test_the_reader_may_forward_and_nothing_else(url: str, shop: Connection) -> None:
    shop.execute("DROP ROLE IF EXISTS reader; CREATE ROLE reader")
    capture(url, "t")
    capture(url, "t", reader="reader")
    shop.execute("INSERT INTO t VALUES (1, 'a'); SET ROLE reader")
    shop.execute("SELECT * FROM rds_lake.capture; UPDATE rds_lake.position SET cut = 1; DELETE FROM rds_lake.outbox")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        shop.execute("INSERT INTO rds_lake.outbox (at, table_schema, table_name, op) VALUES (now(), 'x', 't', 'I')")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        shop.execute("SELECT * FROM public.t")
    shop.execute("RESET ROLE; DROP OWNED BY reader; DROP ROLE reader")


@pytest.mark.exhaustive
def test_tables_of_that_name_that_are_somebody_elses_are_left_alone(url: str, shop: Connection) -> None:
    shop.execute("CREATE SCHEMA rds_lake; CREATE TABLE rds_lake.outbox (id int, body text)")
    with pytest.raises(ConfigError, match=r"rds_lake.outbox has the columns \['id', 'body'\]"):
        capture(url, "t")
    shop.execute("INSERT INTO t VALUES (1, 'a')")


@pytest.mark.exhaustive
def test_a_renamed_table_does_not_stop_the_way_back(url: str, shop: Connection) -> None:
    plan = capture(url, "t")
    shop.execute("ALTER TABLE t RENAME TO other")
    uninstall(dsn_of(url), plan)
    shop.execute("INSERT INTO other VALUES (1, 'a')")
    assert shop.execute("SELECT to_regnamespace('rds_lake')").fetchone() == (None,)


_LAMBDA = """
DROP SCHEMA IF EXISTS aws_lambda CASCADE; CREATE SCHEMA aws_lambda; CREATE TABLE aws_lambda.calls (name text, body json, kind text);
CREATE FUNCTION aws_lambda.invoke(function_name text, payload json, region text DEFAULT NULL, invocation_type text DEFAULT
'RequestResponse', log_type text DEFAULT 'None', context json DEFAULT NULL, qualifier varchar(128) DEFAULT NULL, OUT status_code int)
LANGUAGE plpgsql AS $$ BEGIN
  IF payload::text LIKE '%%away%%' THEN RAISE 'invoke API failed'; END IF;
  INSERT INTO aws_lambda.calls VALUES (function_name, payload, invocation_type); status_code := 202; END $$
"""
_ARN = "arn:aws:lambda:eu-central-1:111122223333:function:changes"


@pytest.mark.exhaustive
def test_a_lambda_gets_each_change_with_its_key_and_images(url: str, shop: Connection) -> None:
    shop.execute(_LAMBDA.replace("%%", "%").encode())
    install(dsn_of(url), plan_of(url, "t", capture=Capture.LAMBDA, function=_ARN))
    shop.execute("INSERT INTO t VALUES (1, 'a'); UPDATE t SET v = 'a'; UPDATE t SET id = 2; DELETE FROM t; TRUNCATE t")
    calls = shop.execute("SELECT * FROM aws_lambda.calls").fetchall()
    assert {(name, kind) for name, _, kind in calls} == {(_ARN, "Event")}
    bodies = [body for _, body, _ in calls]
    assert [(b["op"], b["key"], b["old"], b["new"]) for b in bodies] == [
        ("I", {"id": "1"}, None, {"id": "1", "v": "a"}),
        ("U", {"id": "2"}, {"id": "1", "v": "a"}, {"id": "2", "v": "a"}),
        ("D", {"id": "2"}, {"id": "2", "v": "a"}, None),
        ("T", None, None, None),
    ]
    assert {(b["source"], b["table"]) for b in bodies} == {("shop", "installed.public.t")}
    assert len({b["id"] for b in bodies}) == 4
    shop.execute("INSERT INTO t VALUES (3, repeat('x', 600000)); INSERT INTO t VALUES (4, repeat(chr(1), 90000))")
    last = [body for (body,) in shop.execute("SELECT body FROM aws_lambda.calls").fetchall()][-2:]
    assert [(b["omitted"], len(str(b)) < 1_000_000) for b in last] == [(["v"], True), (["v"], True)]


@pytest.mark.exhaustive
def test_a_call_that_fails_ends_the_writer_or_is_counted(url: str, shop: Connection) -> None:
    shop.execute(_LAMBDA.replace("%%", "%").encode())
    failing = plan_of(url, "t", capture=Capture.LAMBDA, function=_ARN)
    install(dsn_of(url), failing)
    with pytest.raises(psycopg.errors.RaiseException, match="invoke API failed"):
        shop.execute("INSERT INTO t VALUES (1, 'away')")
    dropping = plan_of(url, "t", capture=Capture.LAMBDA, function=_ARN, on_error="drop")
    assert differences(dsn_of(url), dropping), "other settings are another digest"
    install(dsn_of(url), dropping)
    shop.execute("INSERT INTO t VALUES (1, 'away'), (2, 'there')")
    assert shop.execute("SELECT table_name, op, error FROM rds_lake.dropped").fetchall() == [
        ("t", "I", "invoke API failed")
    ]
    assert shop.execute("SELECT count(*) FROM aws_lambda.calls").fetchone() == (1,)
    uninstall(dsn_of(url), replace(dropping))
