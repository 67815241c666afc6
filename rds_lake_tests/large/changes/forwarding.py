"""A hundred thousand changes of eight writers, forwarded while forwarders are killed, on both engines; and how long inserts wait.

    python -m bench.forwarding [--changes 100000] [--engine mysql] [--locking-read]

Three parts for each engine: writers who insert, update, delete, change keys and roll back, and a forwarder that is killed after a
random step of every third cut; transfers between two tables, whose sum must be the same at every cut; and inserts of rows that
nobody else touches, with and without a forwarder, whose longest wait for a lock is the bar. `--locking-read` reads the outbox with
FOR UPDATE, which the last part has to notice.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import replace
from functools import partial
from typing import Any

import boto3
import click

import rds_lake_tests.fixtures  # noqa: F401 - before any client: no call may reach a real account
from bench.bars import bar, exit_by_bars
from rds_lake.aws.clients import AwsClients
from rds_lake.aws.s3.gateway import S3Gateway
from rds_lake.database.outbox.link import Dialect
from rds_lake.database.outbox.outbox import Outbox, dialect_of
from rds_lake.localcloud.cloud import LocalCloud
from rds_lake.localcloud.databases.embedded import EmbeddedPostgres
from rds_lake.localcloud.databases.mariadb import EmbeddedMariaDb
from rds_lake.model.lake.deletable import deletable_of_lake
from rds_lake.model.lake.layout import LakeLayout
from rds_lake.stages.lake.lake import Lake
from rds_lake.stages.streams.forward import forward_once
from rds_lake_tests.stages.streams.forwarder import Forwarder, Killed, Steps
from rds_lake_tests.stages.streams.outbox_database import Captured, disturb, replay, transfer

_WRITERS = 8
_MOST_WAIT = 0.05  # seconds that an insert may wait for a lock
_LAYOUT = LakeLayout(bucket="acme-lake", prefix="lake")


@click.command()
@click.option("--changes", default=100_000, show_default=True, help="Of the first part, for each engine.")
@click.option("--seconds", default=20.0, show_default=True, help="Of each other part.")
@click.option("--engine", "engines", multiple=True, type=click.Choice(["postgres", "mysql"]), help="Default: both.")
@click.option("--locking-read", is_flag=True, help="Read with FOR UPDATE: the bar must be missed (MySQL).")
def main(changes: int, seconds: float, engines: tuple[str, ...], locking_read: bool) -> None:
    """Play all parts and judge them."""
    for engine in engines or ("postgres", "mysql"):
        with ExitStack() as stack:
            server = stack.enter_context(EmbeddedPostgres() if engine == "postgres" else EmbeddedMariaDb())
            captured = Captured(server.create_database("captured")).install()
            cloud = stack.enter_context(LocalCloud({"shop-prod": captured.url}))
            if not locking_read:
                everything(engine, Forwarder(captured, new_lake(cloud)), changes)
                sums(engine, Forwarder(captured.install(), new_lake(cloud)), seconds)
            waits(engine, Forwarder(captured.install(), new_lake(cloud)), seconds, locking_read=locking_read)
    exit_by_bars()


def new_lake(cloud: LocalCloud) -> Lake:
    """An empty lake, of which only S3 is needed."""
    cloud.reset()
    clients = AwsClients(boto3.Session(), region="us-east-1", endpoint_url=cloud.url)
    clients.s3.create_bucket(Bucket=_LAYOUT.bucket)
    nothing: Any = None
    s3 = S3Gateway(clients.s3, deletable=deletable_of_lake(_LAYOUT, ("acme-exports", "exports")))
    return Lake(s3=s3, glue=nothing, athena=nothing, layout=_LAYOUT, kms_key=None)


@contextmanager
def at_work(work: Callable[[int, threading.Event], object], writers: int) -> Iterator[None]:
    """So many threads that write until the block ends."""
    stop = threading.Event()
    threads = [threading.Thread(target=work, args=(number, stop), daemon=True) for number in range(writers)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def everything(engine: str, forwarder: Forwarder, changes: int) -> None:
    """Nothing lost, nothing doubled, and the changes by `seq` are the tables."""
    rnd, begun, forwarded, cuts, deaths = random.Random(1), time.monotonic(), 0, 0, 0
    with at_work(lambda seed, stop: disturb(forwarder.captured, seed, stop), _WRITERS):
        while forwarded < changes:
            if rnd.random() < 1 / 3:
                with suppress(Killed):
                    forwarder.forward(Steps(die_after=rnd.randint(0, 22)))
                deaths += 1
            forwarded, cuts = forwarded + forwarder.forward().rows, cuts + 1
    forwarder.forward()
    events = forwarder.events()
    doubled = len(events) - len({event.seq for _, event in events})
    wrong = replay({}, events) != forwarder.captured.rows()
    click.echo(
        f"{engine}: {len(events):,} changes in {forwarder.record().epochs[-1].cut} cuts, {deaths} forwarders killed, "
        f"{time.monotonic() - begun:.0f} s; doubled {doubled}, tables {'differ' if wrong else 'equal'}"
    )
    bar(f"forwarding.{engine}.doubled", doubled, 0, at_most=True)
    bar(f"forwarding.{engine}.tables-that-differ", int(wrong), 0, at_most=True)


def sums(engine: str, forwarder: Forwarder, seconds: float) -> None:
    """The sum over both tables at every cut."""
    forwarder.captured.fill(*range(1, 51))
    forwarder.forward()
    until = time.monotonic() + seconds
    with at_work(lambda seed, stop: transfer(forwarder.captured, seed, stop, accounts=50), _WRITERS):
        while time.monotonic() < until:
            forwarder.forward()
    state, wrong, cuts = {}, 0, 0
    for events in forwarder.events_by_cut():
        state, cuts = replay(state, events), cuts + 1
        wrong += sum(int(row["n"] or 0) for row in state.values()) != 150
    click.echo(f"{engine}: the sum of transfers was right at {cuts - wrong} of {cuts} cuts")
    bar(f"forwarding.{engine}.wrong-sums", wrong, 0, at_most=True)


def waits(engine: str, forwarder: Forwarder, seconds: float, *, locking_read: bool) -> None:
    """The longest wait of an insert for a lock while changes are forwarded without a pause."""
    captured, dialect = forwarder.captured, dialect_of(forwarder.captured.dsn.engine)
    if locking_read:
        dialect = _locking(dialect)
    work = replace(forwarder.work(), open_outbox=lambda: _opened(captured, dialect))
    for what, forward in (("alone", None), ("with a forwarder", work)):
        taken: list[float] = []
        until = time.monotonic() + seconds
        with (
            at_work(partial(_inserts, captured, taken), _WRITERS),
            _Locks(captured) as locks,
        ):
            while time.monotonic() < until:
                if forward is None:
                    time.sleep(0.1)
                    continue
                with suppress(Exception):
                    forward_once(forward)
        times = sorted(taken)
        click.echo(
            f"{engine}, {what}: {len(times):,} inserts, median {times[len(times) // 2] * 1000:.1f} ms, 99.9% within "
            f"{times[int(len(times) * 0.999)] * 1000:.0f} ms, longest {times[-1] * 1000:.0f} ms; longest wait for a lock "
            f"{locks.longest * 1000:.0f} ms"
        )
    bar(f"forwarding.{engine}.longest-lock-wait-ms", locks.longest * 1000, _MOST_WAIT * 1000, at_most=True)


def _inserts(captured: Captured, taken: list[float], number: int, stop: threading.Event) -> None:
    """Notes the seconds of each insert of a row that nobody else touches, some in transactions that stay open for a while."""
    rnd, key = random.Random(number), int(time.monotonic() * 1000) % 100_000 * 10_000 + number
    table = captured.quoted("Order Details")
    with closing(captured.connect()) as connection, connection.cursor() as cursor:
        while not stop.is_set():
            key += _WRITERS
            begun = time.monotonic()
            with suppress(Exception):
                cursor.execute(f"INSERT INTO {table} VALUES ({key}, 'x', 1)")
            taken.append(time.monotonic() - begun)
            stop.wait(0.3 if rnd.random() < 0.01 else 0.002)
            connection.commit()


class _Locks:
    """The longest wait for a lock, by the database's own account, in seconds."""

    def __init__(self, captured: Captured) -> None:
        self._captured, self._stop = captured, threading.Event()
        self.longest = 0.0

    def __enter__(self) -> _Locks:
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _look(self) -> None:
        query = (
            "SELECT time_ms / 1000 FROM information_schema.processlist WHERE state LIKE '%lock%' OR (info LIKE 'INSERT%' AND "
            "id IN (SELECT trx_mysql_thread_id FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'))"
            if self._captured.is_mysql
            else "SELECT extract(epoch FROM clock_timestamp() - waitstart)::float FROM pg_locks "
            "JOIN pg_stat_activity USING (pid) WHERE NOT granted AND query LIKE 'INSERT%'"
        )
        with closing(self._captured.connect(autocommit=True)) as connection, connection.cursor() as cursor:
            while not self._stop.wait(0.005):
                cursor.execute(query)
                self.longest = max([self.longest, *(float(seconds or 0) for (seconds,) in cursor.fetchall())])


def _locking(dialect: Dialect) -> Dialect:
    begin = tuple(text.replace(", READ ONLY", "") for text in dialect.begin_reading)
    return replace(dialect, begin_reading=begin, page=f"{dialect.page} FOR UPDATE")


@contextmanager
def _opened(captured: Captured, dialect: Dialect) -> Iterator[Outbox]:
    outbox = Outbox(lambda: dialect.connect(captured.dsn, dialect.home or captured.home), dialect)
    try:
        yield outbox
    finally:
        outbox.close()


if __name__ == "__main__":
    main()
