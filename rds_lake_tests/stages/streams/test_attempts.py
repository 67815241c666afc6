"""Two forwarders, restored and copied databases, rows that nobody expects."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from rds_lake.database.dsn import parse_dsn
from rds_lake.database.outbox.outbox import Outbox, open_outbox
from rds_lake.errors import ConfigError, ManifestError, RdsLakeError, UnavailableError
from rds_lake.stages.streams.forward import forward_once
from rds_lake.stages.streams.reset import reset
from rds_lake_tests.stages.streams.forwarder import Forwarder, Killed, Steps

EPOCH = "5f0c1c4e-0000-4000-8000-000000000000"


def die_before_commit(forwarder: Forwarder) -> None:
    """The manifest of the next cut stands, and nothing was committed."""

    def die(step: str) -> None:
        if "UPDATE" in step and "position" in step and "FOR UPDATE" not in step:
            raise Killed

    with pytest.raises(Killed):
        forwarder.forward(Steps(before=die))


def test_a_manifest_that_was_never_committed_is_seen_by_nobody_and_replaced_with_all_its_changes(
    forwarder: Forwarder,
) -> None:
    forwarder.captured.fill(1)
    die_before_commit(forwarder)
    assert forwarder.events() == []
    forwarder.captured.fill(2)
    assert forwarder.forward().rows == 4
    forwarder.require_exact()


@pytest.mark.exhaustive
def test_a_forwarder_that_lost_its_connection_cannot_overwrite_what_the_next_one_committed(
    forwarder: Forwarder,
) -> None:
    """It wakes up right before it writes its manifest, when the other has written and committed."""
    forwarder.captured.fill(1)
    opened: list[Outbox] = []

    def overtaken(step: str) -> None:
        if step.startswith("PUT") and step.endswith("1.json"):
            opened[0].close()
            assert forwarder.forward().cut == 1

    work = forwarder.work(Steps(before=overtaken))

    @contextmanager
    def remembered() -> Iterator[Outbox]:
        with work.open_outbox() as outbox:
            opened.append(outbox)
            yield outbox

    with pytest.raises(UnavailableError, match="written by another forwarder"):
        forward_once(replace(work, open_outbox=remembered))
    forwarder.require_exact()


def test_an_id_with_another_content_than_before_is_an_alarm_and_nothing_is_deleted(forwarder: Forwarder) -> None:
    forwarder.captured.fill(1)
    die_before_commit(forwarder)
    forwarder.captured.run("UPDATE rds_lake.outbox SET op = 'D' WHERE table_name = 'accounts'")
    with pytest.raises(ManifestError, match=r"change 1 of cut 1 .* has other content .* streams reset shop"):
        forwarder.forward()
    assert forwarder.captured.outbox_rows() == 2
    assert forwarder.events() == []


def test_a_database_that_was_restored_is_recognised_and_goes_on_in_a_new_epoch(forwarder: Forwarder) -> None:
    captured = forwarder.captured
    captured.fill(1)
    forwarder.forward()
    old = captured.position()
    captured.fill(2)
    forwarder.forward()
    captured.run(f"UPDATE rds_lake.position SET cut = {old[0]}")
    captured.fill(3)
    with pytest.raises(ManifestError, match=r"is at cut 1 .* the lake has cut 2 already.*streams reset shop"):
        forwarder.forward()
    assert captured.outbox_rows() == 2
    assert "ended with cut 1" in reset(forwarder.work(), new_epoch=EPOCH)
    assert (captured.position(), forwarder.forward().epoch) == ((0, EPOCH), EPOCH)
    assert [(each.cut, each.epoch) for each in forwarder.record().epochs] == [(2, old[1]), (1, EPOCH)]
    captured.run(f"UPDATE rds_lake.position SET epoch = '{old[1]}', cut = 2")
    with pytest.raises(ManifestError, match="the lake has later epochs"):
        forwarder.forward()


@pytest.mark.exhaustive
def test_a_reset_that_was_killed_after_its_commit_is_made_good_by_the_next_cut(forwarder: Forwarder) -> None:
    forwarder.captured.fill(1)
    forwarder.forward()
    steps = Steps()
    reset(forwarder.work(steps), new_epoch="tried")
    commit = 1 + next(at for at, step in enumerate(steps.seen) if step == "COMMIT")
    with pytest.raises(Killed):
        reset(forwarder.work(Steps(die_after=commit)), new_epoch=EPOCH)
    forwarder.captured.fill(2)
    assert forwarder.forward().epoch == EPOCH
    forwarder.require_exact()


@pytest.mark.exhaustive
def test_two_copies_of_a_database_cannot_both_forward_one_epoch(forwarder: Forwarder) -> None:
    forwarder.captured.fill(1)
    forwarder.forward()
    key = forwarder.lake.layout.forwarded_key("shop", forwarder.captured.home)
    body = json.loads(forwarder.lake.s3.get_text("acme-lake", key))
    body["epochs"][0] |= {"cut": 2, "attempt": "the-other"}
    forwarder.captured.fill(2)

    def other_commits(step: str) -> None:
        if step == "COMMIT":
            forwarder.lake.s3.put_text("acme-lake", key, json.dumps(body), kms_key=None)

    with pytest.raises(ManifestError, match="committed by two databases"):
        forwarder.forward(Steps(before=other_commits))


@pytest.mark.exhaustive
def test_an_empty_outbox_makes_no_cut_and_says_once_a_minute_that_the_last_one_is_recent(forwarder: Forwarder) -> None:
    start = datetime(2026, 11, 28, 12, tzinfo=UTC)
    forwarder.captured.fill(1)
    forwarder.now = lambda: start
    forwarder.forward()
    before = forwarder.keys()
    seen = []
    for seconds in (30, 90, 100, 10):
        forwarder.now = lambda seconds=seconds: start + timedelta(seconds=seconds)
        assert forwarder.forward().rows == 0
        seen.append(forwarder.record().as_of)
    assert seen == [start, *[start + timedelta(seconds=90)] * 3]
    assert forwarder.keys() == before


@pytest.mark.exhaustive
def test_rows_that_no_trigger_writes_come_to_the_lake_as_they_are_and_are_named(forwarder: Forwarder) -> None:
    captured = forwarder.captured
    captured.fill(1)
    captured.run("UPDATE rds_lake.outbox SET new_image = '{\"k\": 1' WHERE table_name = 'accounts'")
    captured.run("DELETE FROM rds_lake.capture WHERE table_name = 'Order Details'")
    done = forwarder.forward()
    assert done.rows == 2
    assert [warning.split(" has changes")[0].split(" changes have")[0] for warning in done.warnings] == [
        str(captured.target("Order Details")),
        "1",
    ]
    ((table, event),) = [pair for pair in forwarder.events() if pair[1].unread]
    assert (table, event.unread, event.new) == ("accounts", {"new_image": '{"k": 1'}, None)
    captured.fill(2)
    captured.run("UPDATE rds_lake.outbox SET op = 'X' WHERE table_name = 'accounts'")
    with pytest.raises(ManifestError, match=r"of .*\.accounts, has the operation 'X'"):
        forwarder.forward()


def test_a_cut_whose_manifest_is_gone_is_not_read_over(forwarder: Forwarder) -> None:
    captured = forwarder.captured
    captured.fill(1)
    forwarder.forward()
    captured.fill(2)
    forwarder.forward()
    key = forwarder.lake.layout.cut_key("shop", captured.position()[1], 1)
    forwarder.lake.s3.delete("acme-lake", [key])
    with pytest.raises(ManifestError, match=r"cut=000000000001\.json is missing"):
        forwarder.events()


@pytest.mark.exhaustive
def test_many_tables_in_little_memory_get_files_with_names_of_their_own(forwarder: Forwarder) -> None:
    forwarder.captured.fill(*range(1, 21))
    done = forwarder.forward(file_bytes=900, held_bytes=1200)
    assert done.rows == 40
    assert len([key for key in forwarder.keys() if key.endswith(".gz")]) > 5
    forwarder.require_exact()


@pytest.mark.parametrize("gone", ["outbox", "position"])
def test_a_database_without_an_outbox_says_what_to_run_and_no_word_of_the_secret(
    forwarder: Forwarder, gone: str
) -> None:
    captured = forwarder.captured
    captured.run(f"DROP TABLE rds_lake.{gone}")
    with pytest.raises(ConfigError, match="rds-lake streams triggers"):
        forwarder.forward()
    password = captured.dsn.password or "postgres@"
    scheme = "mysql" if captured.is_mysql else "postgresql"
    away = parse_dsn(f"{scheme}://reader:hunter2@127.0.0.1:9/hidden", where="arn")
    with pytest.raises(RdsLakeError) as caught, open_outbox(away, "hidden_too") as outbox:
        outbox.claim()
    assert isinstance(caught.value, UnavailableError)
    for word in ("hunter2", "127.0.0.1", "hidden", password):
        assert word not in str(caught.value)
