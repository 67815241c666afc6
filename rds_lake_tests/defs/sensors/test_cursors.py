"""Sensors whose cursor is damaged, or was written by another release, work on."""

from datetime import UTC, datetime, timedelta

from rds_lake_tests.defs.shell import Shell
from rds_lake_tests.support.world import until

DAMAGED = ('{"turn": 1, "waiting": [{"rank"', '{"acknowledge": ["no handle", ""], "asked": [], "version": 1}', "[[1]]")


def test_events_and_reconciliation_go_on_whatever_their_cursors_are(shell: Shell) -> None:
    shell.world.with_source(athena=False)
    shell.reload()
    shell.world.snapshot("2026-11-20")
    for text in DAMAGED:
        shell.forget_tick()
        shell.cursors = dict.fromkeys(("rds_lake_events", "rds_lake_reconciliation"), text)
        shell.reconcile()
        shell.tick()
        assert all(cursor and cursor != text for cursor in shell.cursors.values()), "the next tick has a good one"


def test_an_export_that_waited_before_the_cursor_was_lost_is_begun_after_it(shell: Shell) -> None:
    """Its first request found no place in AWS; Dagster would drop a second one of the same key."""
    shell.world.with_source(athena=False)
    shell.reload()
    day = str(datetime.now(UTC).date() - timedelta(days=1))
    shell.world.snapshot(day, event=False)
    shell.cursors["rds_lake_reconciliation"] = '{"turn": 0, "following": "", "waiting": []}'
    assert len(until(shell.reconcile)) == 1  # asked for, and never run
    shell.cursors["rds_lake_reconciliation"] = "lost"
    (request,) = shell.reconcile()
    assert request.tags["rds_lake/trigger"] == "begin"
