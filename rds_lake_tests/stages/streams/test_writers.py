"""No writer waits for a forwarder, whatever it is doing."""

from contextlib import closing

from rds_lake_tests.stages.streams.forwarder import Forwarder, Steps


def test_inserts_between_any_two_steps_of_a_forwarder_wait_for_nothing(forwarder: Forwarder) -> None:
    """Among them the oldest row of the outbox, whose transaction is open all the time."""
    captured = forwarder.captured
    with closing(captured.connect()) as slow, closing(captured.connect(autocommit=True)) as writer:
        slow.cursor().execute("INSERT INTO accounts VALUES (0, 'open', 0)")
        captured.fill(*range(1, 11))
        waits = "innodb_lock_wait_timeout = 1" if captured.is_mysql else "lock_timeout = '50ms'"
        cursor = writer.cursor()
        cursor.execute(f"SET {waits}")
        steps = Steps(
            before=lambda step: cursor.execute(f"INSERT INTO accounts VALUES ({1000 + len(steps.seen)}, 'x', 1)")
        )
        assert forwarder.forward(steps).rows >= 20
        assert len(steps.seen) > 15
        slow.commit()
    forwarder.forward()
    forwarder.require_exact()
