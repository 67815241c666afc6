"""Messages about failed runs come once each, whatever a chat or SNS does; no tick takes longer than Dagster allows."""

from typing import Any

import dagster as dg
import pytest

from rds_lake.defs.sensors import failures
from rds_lake.defs.sensors.mailing import MailDelayedError
from rds_lake.localcloud.faults.fault_bodies import read_faults
from rds_lake.stages.runs.webhook import Webhook
from rds_lake_tests.defs.shell import Shell
from rds_lake_tests.stages.runs.test_webhook import Chat, chat

NAME = "rds_lake_failures"


def with_chat(shell: Shell, server: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    def hook(**how: Any) -> Webhook:
        return Webhook(url=how["url"], sleep=lambda _: None, timeout_seconds=0.5)

    monkeypatch.setattr("rds_lake.defs.resources.Webhook", hook)
    config = shell.world.config
    notify = config.lake.notify.model_copy(update={"webhook": server.url})
    shell.world.config = config.model_copy(update={"lake": config.lake.model_copy(update={"notify": notify})})
    shell.reload()


def fail(shell: Shell, *days: str) -> None:
    """A run of each day fails before its first step, after the sensor was started."""
    shell.tick(NAME)
    for day in days:
        run = dg.DagsterRun(
            job_name="__ASSET_JOB",
            tags={"dagster/partition": day},
            asset_selection={dg.AssetKey(["shop", "snapshot_export"])},
            status=dg.DagsterRunStatus.STARTED,
        )
        shell.instance.add_run(run)  # type: ignore[attr-defined]
        shell.instance.report_run_failed(run, "the worker ended")


def test_a_run_whose_worker_died_is_mailed_with_dagsters_words(shell: Shell) -> None:
    """Dagster's monitoring reports such a run without an error."""
    mailbox = shell.world.mailbox()
    fail(shell, "2026-11-20")
    shell.tick(NAME)
    (mail,) = mailbox.read()
    assert "the worker ended" in mail["Message"]


def test_a_chat_that_never_answers_takes_a_tick_for_one_message_and_no_mail_is_sent_twice(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dagster ends a tick after 60 s, forgets what it did, and would mail the same runs again in every tick.

    Mutations that fail it: no end of the tick after a slow message; no memory of sent messages.
    """
    mailbox = shell.world.mailbox()
    monkeypatch.setattr(failures, "SLOW_SECONDS", 1.0)
    with chat(*[None] * 9) as server:
        with_chat(shell, server, monkeypatch)
        fail(shell, "2026-11-18", "2026-11-19", "2026-11-20")
        before = shell.cursors[NAME]
        shell.tick(NAME)
        assert ["2026-11-18" in mail["Subject"] for mail in mailbox.read()] == [True]
        shell.cursors[NAME] = before  # as if Dagster had ended that tick
        shell.tick(NAME)
        shell.tick(NAME)
        assert server.asked == 9
        shell.tick(NAME)
        days = [mail["Subject"].split()[2] for mail in mailbox.read()]
    assert days == ["2026-11-18:", "2026-11-19:", "2026-11-20:"]


def test_a_mail_that_sns_does_not_take_now_is_sent_by_the_next_tick_and_the_chat_gets_it_once(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dagster itself never returns to a run for which a sensor of failures raised an error."""
    mailbox = shell.world.mailbox()
    with chat() as server:
        with_chat(shell, server, monkeypatch)
        fail(shell, "2026-11-19", "2026-11-20")
        throttle = {"service": "sns", "operation": "Publish", "calls": 2}
        shell.world.cloud.faults.add(read_faults({"throttle": [throttle]}))
        with pytest.raises(MailDelayedError, match="could not be reported"):
            shell.tick(NAME)
        assert mailbox.read() == []
        shell.tick(NAME)
        assert sorted(mail["Subject"].split()[2] for mail in mailbox.read()) == ["2026-11-19:", "2026-11-20:"]
        assert len(server.got) == 2


@pytest.mark.exhaustive
def test_a_topic_that_is_never_reached_keeps_no_chat_waiting(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a network without a way to SNS. Mutation that fails it: try the first message for ever."""
    throttle = {"service": "sns", "operation": "Publish", "calls": 1000}
    shell.world.cloud.faults.add(read_faults({"throttle": [throttle]}))
    with chat() as server:
        with_chat(shell, server, monkeypatch)
        fail(shell, "2026-11-18", "2026-11-19", "2026-11-20")
        for _ in range(9):
            with pytest.raises(MailDelayedError):
                shell.tick(NAME)
        shell.tick(NAME)
        assert len(server.got) == 3
