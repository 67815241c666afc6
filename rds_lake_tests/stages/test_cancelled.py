"""Whatever ends a run ends its threads: stages that work on many tables at once are interrupted, and cancelled by an error."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest

from rds_lake.aws.clients import AwsClients
from rds_lake.aws.glue import GlueGateway
from rds_lake.aws.s3.copying import CopyLimits
from rds_lake.aws.s3.gateway import S3Gateway
from rds_lake.aws.s3.many import CopyOrder, ManyS3
from rds_lake.errors import ConfigError
from rds_lake.stages.catalogue.locate import locate
from rds_lake.stages.catalogue.naming import name_tables
from rds_lake.stages.catalogue.sync import sync_catalog
from rds_lake.threads import Cancelled, cancelling_threads, check
from rds_lake_tests.aws.conftest import SESSION
from rds_lake_tests.support.builders import SampleExport, SampleTable, orders
from rds_lake_tests.support.faults import Faults
from rds_lake_tests.support.interrupts import interrupted
from rds_lake_tests.support.world import World, until

DAY = date(2026, 11, 20)


@pytest.fixture(autouse=True)
def no_thread_stays() -> Iterator[None]:
    before = {thread.name for thread in threading.enumerate()}
    yield
    mine = ("catalog", "locate", "parts", "delete", "list", "s3", "retention", "partitions", "outer", "inner")

    def are_gone() -> bool:
        left = {thread.name for thread in threading.enumerate()} - before
        return not [name for name in left if name.startswith(mine)]

    until(are_gone, what="the end of every thread")


class Slow:
    """Holds up calls of a client: each is counted, and takes so many seconds; those `until` the interrupt begin after it."""

    def __init__(self, client: Any, operation: str, seconds: float, *, until: threading.Event | None = None) -> None:
        self.calls, self.seconds, self.until = 0, seconds, until
        service = client.meta.service_model.service_id.hyphenize()
        client.meta.events.register(f"before-send.{service}.{operation}", self._hold)

    def _hold(self, **_: Any) -> None:
        self.calls += 1
        if self.until is not None:
            self.until.wait(120)
        time.sleep(self.seconds)


def interrupt(work: Callable[[], object], when: Callable[[], bool], *, sent: threading.Event | None = None) -> None:
    """Interrupt the work once it is so; it has to end by that. `sent` is set in the moment in which the interrupt is."""

    def is_now() -> bool:
        if not when():
            return False
        if sent is not None:
            sent.set()
        return True

    with pytest.raises(KeyboardInterrupt), interrupted(is_now, seconds=120):
        work()


def test_an_interrupted_catalogue_begins_no_other_table(world: World) -> None:
    world.snapshot(str(DAY))
    run = world.run()
    run.accept(DAY, poll_seconds=0.05)
    manifest = run.relocate(DAY)
    tables = name_tables(manifest, run.shared.source)
    clients = AwsClients(SESSION, region="us-east-1", endpoint_url=world.cloud.url)
    sent, glue = threading.Event(), GlueGateway(clients.glue)
    slow = Slow(clients.glue, "CreateTable", 1, until=sent)
    assert len(tables) > 2
    interrupt(
        lambda: sync_catalog(glue, manifest=manifest, tables=tables, log=print, parallel=1),
        lambda: slow.calls == 1,
        sent=sent,
    )
    assert slow.calls == 1
    sync_catalog(run.shared.lake.glue, manifest=manifest, tables=tables, log=print)  # nothing half made is in the way
    sent.clear()
    asked = Slow(clients.glue, "BatchGetPartition", 1, until=sent)
    existing = glue.list_tables("shop")
    interrupt(
        lambda: locate(glue, manifest=manifest, tables=tables, existing=existing, parallel=1),
        lambda: asked.calls == 1,
        sent=sent,
    )
    assert asked.calls == 1


def test_an_interrupted_copy_by_parts_leaves_no_parts_and_copies_no_others(clients: AwsClients) -> None:
    sample = SampleExport(s3=clients.s3, tables=(SampleTable(target="shop.public.a", parts=(orders(1, 400),)),)).write()
    key = next(key for key in sample_keys(clients) if key.endswith(".parquet"))
    size = clients.s3.head_object(Bucket="acme-exports", Key=key)["ContentLength"]
    limits = CopyLimits(threshold_bytes=100, part_bytes=-(-size // 40), parallel=2)
    slow, s3 = Slow(clients.s3, "UploadPartCopy", 0.2), S3Gateway(clients.s3)
    order = CopyOrder(("acme-exports", key), ("acme-lake", "copy"), size)

    def copies() -> None:
        ManyS3(s3, 4).copy([order] * 3, kms_key=None, limits=limits, done=lambda *_: None)

    assert sample.task
    interrupt(copies, lambda: slow.calls >= 6)
    assert slow.calls <= 12
    assert "Uploads" not in clients.s3.list_multipart_uploads(Bucket="acme-lake")


def sample_keys(clients: AwsClients) -> list[str]:
    return [item["Key"] for item in clients.s3.list_objects_v2(Bucket="acme-exports")["Contents"]]


def test_a_cancelled_thread_repeats_no_call(cloud: Any) -> None:
    """Eight tries with pauses of up to 20 s each would continue after the run has ended."""
    clients = AwsClients(SESSION, region="us-east-1", endpoint_url=cloud.url, attempts=8)
    faults = Faults(clients.s3)
    faults.answer("ListBuckets", "SlowDown", status=503)
    before = 0
    with pytest.raises(ZeroDivisionError), cancelling_threads(2, "outer") as pool:
        for _ in range(20):
            pool.submit(clients.s3.list_buckets)
        # The first pauses are of any length, so a thread may have sent its call more than once by then.
        while (before := faults.count("ListBuckets")) < 2:
            time.sleep(0.01)
        raise ZeroDivisionError
    sent = faults.count("ListBuckets")
    time.sleep(0.3)
    assert faults.count("ListBuckets") == sent <= before + 2, "one call of each thread, and none again"


def test_threads_of_threads_end_with_the_outermost_caller() -> None:
    begun = threading.Event()
    running: list[Future[None]] = []

    def forever() -> None:
        begun.set()
        while True:
            check()
            time.sleep(0.01)

    def outer() -> None:
        with cancelling_threads(1, "inner") as inner:
            inner.submit(forever).result()

    with pytest.raises(ZeroDivisionError), cancelling_threads(1, "outer") as pool:
        running.append(pool.submit(outer))
        begun.wait(60)
        raise ZeroDivisionError
    assert isinstance(running[0].exception(), Cancelled)


def test_what_is_wrong_with_every_object_is_said_once(clients: AwsClients) -> None:
    def expired(**_: Any) -> None:
        asked.append(1)
        raise ConfigError("AWS credentials cannot be renewed")

    asked: list[int] = []
    s3: Any = SimpleNamespace(wire=None, find_head=lambda *_: expired())
    with pytest.raises(ConfigError, match="cannot be renewed"):
        ManyS3(s3, 4).heads([("b", str(number)) for number in range(3000)], done=lambda *_: None)
    assert len(asked) < 100
