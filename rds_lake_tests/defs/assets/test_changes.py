"""`<source>/changes` in Dagster: asked for every few minutes, shows what was done, and says what a person has to look at."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from rds_lake.config.database import Rds
from rds_lake.config.streams import Streams
from rds_lake.database import connecting
from rds_lake.database.connecting import Limits
from rds_lake.defs.checks.changes import DRIFT, EMPTIED, SHOWN
from rds_lake.defs.sensors import reconcile as reconcile_sensor
from rds_lake.defs.sensors.reconcile import outbox_alarm
from rds_lake.errors import CatalogError
from rds_lake.stages.streams.live import drift
from rds_lake.stages.streams.live.follow import LiveViews
from rds_lake.stages.streams.record import change_forwarded
from rds_lake_tests.defs.shell import Shell
from rds_lake_tests.stages.streams import simple_capture
from rds_lake_tests.stages.streams.collecting.calls import Writers, deliver
from rds_lake_tests.support.interrupts import falling_silent
from rds_lake_tests.support.world import execute

SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:shop"
FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:changes"


@pytest.fixture
def streaming(shell: Shell) -> Shell:
    world = shell.world
    execute(world.url, "CREATE TABLE notes (id bigint PRIMARY KEY, v text); INSERT INTO notes VALUES (1, NULL)")
    simple_capture.capture(world.url, "notes")
    created = world.clients.client("secretsmanager").create_secret(Name="shop-outbox", SecretString=world.url)
    world.with_source(streams=Streams(tables=("shop.public.notes",), secret=created["ARN"]))
    shell.reload()
    return shell


def results(result: dg.ExecuteInProcessResult) -> dict[str, tuple[bool, str | None]]:
    return {one.check_name: (one.passed, one.description) for one in result.get_asset_check_evaluations()}


def test_a_turn_forwards_compacts_and_moves_the_live_views(streaming: Shell) -> None:
    world = streaming.world
    try:
        world.snapshot("2026-11-20")
        world.publish("2026-11-20")
        execute(world.url, "UPDATE notes SET v = 'new'")
        (request,) = streaming.tick("shop__changes")
        turn = streaming.run(request)
        assert turn.success
        (made,) = turn.get_asset_materialization_events()
        shown = made.materialization.metadata
        assert (shown["rds_lake/changes_forwarded"].value, shown["rds_lake/cut_of_shop"].value) == (1, 1)
        assert world.query("SELECT v FROM notes_live") == [("new",)]
        assert {name: passed for name, (passed, _) in results(turn).items()} == {
            SHOWN: True,
            DRIFT: True,
            EMPTIED: True,
        }
        streaming.forget_tick()
        assert streaming.tick("shop__changes"), "the next turn is asked for"
    finally:
        execute(world.url, "DROP SCHEMA rds_lake CASCADE")


def test_the_tags_of_a_turn_that_a_person_copied_to_a_run_of_his_own_delay_no_turn(
    streaming: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: LiveViews) -> None:
        raise CatalogError("a live view cannot be made")  # which no retry mends

    monkeypatch.setattr(LiveViews, "bring_up", broken)
    (request,) = streaming.tick("shop__changes")
    by_hand = dg.RunRequest(asset_selection=request.asset_selection, tags=request.tags)
    assert not streaming.run(by_hand).success
    streaming.forget_tick()
    assert streaming.tick("shop__changes")
    execute(streaming.world.url, "DROP SCHEMA rds_lake CASCADE")


@pytest.mark.exhaustive
def test_after_a_failed_turn_the_next_one_waits(streaming: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: LiveViews) -> None:
        raise CatalogError("a live view cannot be made")  # which no retry mends

    monkeypatch.setattr(LiveViews, "bring_up", broken)
    (request,) = streaming.tick("shop__changes")
    assert not streaming.run(request).success
    streaming.forget_tick()
    assert streaming.tick("shop__changes") == []
    execute(streaming.world.url, "DROP SCHEMA rds_lake CASCADE")


def test_an_outbox_that_is_not_emptied_is_mailed_once_when_it_begins_and_once_when_it_ends(
    streaming: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, mails = streaming.world, streaming.world.mailbox()
    (request,) = streaming.tick("shop__changes")
    streaming.run(request)
    execute(world.url, "UPDATE notes SET v = 'waits'")

    def reconcile(minutes: float) -> list[str]:
        now = datetime.now(UTC) + timedelta(minutes=minutes)
        monkeypatch.setattr(reconcile_sensor, "utc_now", lambda: now)
        requests = [one for one in streaming.reconcile() if (one.run_key or "").startswith("outbox:")]
        return [str(streaming.run(one).success) for one in requests]

    assert reconcile(60) == []
    assert reconcile(70) == ["False"], "the run of the incident fails, and is mailed as every failed run"
    assert reconcile(80) == []
    simple_capture.forward(world.url, world.root.lake)
    execute(world.url, "DROP SCHEMA rds_lake CASCADE")
    change_forwarded(
        world.root.lake, "shop", "shop", lambda record: replace(record, as_of=datetime.now(UTC) + timedelta(minutes=90))
    )
    assert reconcile(95) == ["True"]
    assert reconcile(100) == []
    mails.read()
    assert [mail["Subject"] for mail in mails.mails] == [
        "[rds-lake] shop: the outbox of shop is not emptied",
        "[rds-lake] shop: the outbox of shop is emptied again",
    ]
    assert "Now: outbox of shop: 1 change, the oldest" in mails.mails[0]["Message"]


def test_a_database_that_accepts_connections_and_never_answers_delays_no_tick_and_is_in_the_mail(
    streaming: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dagster ends a tick after 60 s, and then it has begun no alarm, and no tick after it examines another source."""
    world = streaming.world
    source = world.config.source("shop")
    assert isinstance(source, Rds) and source.streams is not None
    monkeypatch.setattr(connecting, "HURRIED", Limits(connect=2, statement=1))
    with falling_silent(world.url, lambda sent: b"SET " in sent, most_seconds=50) as line:
        secrets = world.clients.client("secretsmanager")
        secrets.put_secret_value(SecretId=source.streams.secret, SecretString=line.url)
        began: list[dg.RunRequest] = []
        for minutes in (0, 90):
            now = datetime.now(UTC) + timedelta(minutes=minutes)
            monkeypatch.setattr(reconcile_sensor, "utc_now", lambda now=now: now)
            began += [one for one in streaming.reconcile() if (one.run_key or "").startswith("outbox:")]
        assert line.silent.is_set() and not line.cut.is_set(), "the tick waited until the connection was closed"
    (cause,) = [op["config"]["cause"] for request in began for op in request.run_config["ops"].values()]
    assert "Now: outbox of shop: could not be checked" in cause
    execute(world.url, "DROP SCHEMA rds_lake CASCADE")


def test_a_tick_whose_time_is_over_begins_the_alarm_without_asking_the_database(streaming: Shell) -> None:
    world = streaming.world
    source = world.config.source("shop")
    assert isinstance(source, Rds)
    alarm = outbox_alarm(source, world.gateways, is_late=lambda: True)
    begun = [alarm.incidents(now=datetime.now(UTC) + timedelta(minutes=minutes)) for minutes in (0, 90)]
    assert [len(each) for each in begun] == [0, 1]
    assert "Now:" not in begun[1][0].cause
    execute(world.url, "DROP SCHEMA rds_lake CASCADE")


@pytest.mark.exhaustive
def test_a_turn_that_fails_as_the_one_before_is_mailed_once_and_another_failure_again(
    streaming: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    mails, causes = streaming.world.mailbox(), iter(["no", "no", "something else"])

    def broken(_: LiveViews) -> None:
        raise CatalogError(next(causes))

    monkeypatch.setattr(LiveViews, "bring_up", broken)
    (request,) = streaming.tick("shop__changes")
    for _ in range(3):
        assert not streaming.run(request).success
    mails.read()
    assert ["something else" in mail["Message"] for mail in mails.mails] == [False, True]
    execute(streaming.world.url, "DROP SCHEMA rds_lake CASCADE")


@pytest.mark.exhaustive
def test_changes_by_lambda_are_collected_shown_and_audited(streaming: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    world = streaming.world
    execute(
        world.url,
        "DROP SCHEMA rds_lake CASCADE; CREATE TABLE IF NOT EXISTS items (id bigint PRIMARY KEY, a text, b text)",
    )
    monkeypatch.setattr(drift, "_ON_THEIR_WAY", timedelta(days=-9))  # a snapshot of tomorrow is compared at once
    world.with_source(
        streams=Streams(
            tables=("shop.public.items",), capture="lambda", function=FUNCTION, secret=SECRET, forward_minutes=1
        )
    )
    streaming.reload()
    now, writers = datetime.now(UTC), Writers(seed=2, keys=90, start=datetime.now(UTC))
    writers.write(3)
    deliver(world.root.lake, [(now, one) for one in writers.sent], table="shop.public.items")
    world.root.s3.put_bytes(
        "acme-lake", f"{world.root.lake.layout.arrived_hour_folder('shop', now)}x", b"{\n", kms_key=None
    )

    def turn() -> tuple[dict[str, object], dict[str, tuple[bool, str | None]]]:
        (request,) = streaming.tick("shop__changes")
        done = streaming.run(request)
        streaming.forget_tick()
        (made,) = done.get_asset_materialization_events()
        return {name: value.value for name, value in made.materialization.metadata.items()}, results(done)

    shown, _ = turn()
    assert (shown["rds_lake/changes_collected"], shown["rds_lake/lines_put_aside"]) == (4, 1)
    for days in (0, 1):
        at = datetime.now(UTC) + timedelta(days=days)
        world.snapshot(at.date().isoformat(), at=at.isoformat())
        world.publish(at.date().isoformat())
    shown, checks = turn()
    assert len(writers.rows) == shown["rds_lake/changes_rolled_back"] == 4, "no snapshot has their rows"
    assert checks.keys() == {SHOWN, DRIFT}, "there is no outbox to look at"
    assert (checks[SHOWN][0], checks[DRIFT][0]) == (False, False)
    assert "1 arrived lines are not changes" in str(checks[SHOWN][1]) and "4 changes were rolled back (id=" in str(
        checks[DRIFT][1]
    )
    execute(world.url, "DROP TABLE items")
