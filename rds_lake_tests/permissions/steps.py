"""The steps of the journey: what the daemon does by itself, and what people do by the command line."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import dagster as dg
from rich.console import Console

from rds_lake.config.shared import Retention
from rds_lake.console.prune import prune
from rds_lake.console.publish import publish, rollback
from rds_lake.console.queries.query import Question, print_query
from rds_lake.console.status import status
from rds_lake.localcloud.faults.fault_bodies import read_faults
from rds_lake.stages.watch.sources import run_of
from rds_lake_tests.permissions.journey import TODAY, YESTERDAY, Journey, connected
from rds_lake_tests.support.world import World, execute, post, until

DENIED = "rds:StartExportTask"


def travelled(journey: Journey) -> Journey:
    """All steps, in order."""
    for name, step in STEPS.items():
        with journey.step(name):
            step(journey)
    return journey


def snapshot(world: World, day: date, *, hour: int, kind: str = "automated", **of: str) -> None:
    """A snapshot of `database=…` or `cluster=…`, with its event."""
    body = {"type": kind, "at": f"{day}T{hour:02}:00:00+00:00"} | of
    code, answer = post(f"{world.cloud.url}/_local/snapshots", body)
    assert code == 200, answer


def _first_date(journey: Journey) -> None:
    snapshot(journey.root, YESTERDAY, hour=23, database="shop-prod")
    snapshot(journey.root, YESTERDAY, hour=23, kind="awsbackup", cluster="shop-aurora")
    journey.drain()


def _denied(journey: Journey) -> None:
    """The second date cannot be begun for want of a right. It comes back, and the same request is run again."""
    execute(journey.root.url, "CREATE TABLE late (id bigint); INSERT INTO late VALUES (1)")
    snapshot(journey.root, TODAY, hour=0, database="shop-prod")
    (request,) = until(journey.shell.tick)
    journey.root.cloud.faults.add(read_faults({"deny": [{"action": DENIED, "times": 1}]}))
    assert not journey.run(request)
    assert journey.run(request)


def _second_date(journey: Journey) -> None:
    at = datetime(TODAY.year, TODAY.month, TODAY.day, tzinfo=UTC)
    schedule = journey.shell.repository.get_schedule_def("ledger__live")
    context = dg.build_schedule_context(
        instance=journey.instance, repository_def=journey.shell.repository, scheduled_execution_time=at
    )
    for request in schedule.evaluate_tick(context).run_requests or []:
        journey.run(request)
    journey.drain()


def _look(journey: Journey) -> None:
    status(connected(journey.permitted), (), now=datetime.now(UTC), console=_quiet())


def _go_back(journey: Journey) -> None:
    how: dict[str, Any] = {"now": datetime.now(UTC), "dagster_home": None, "say": journey.permitted.lines.append}
    rollback(connected(journey.permitted), "shop", YESTERDAY, **how)
    publish(connected(journey.permitted), "shop", TODAY, accept_drop=False, **how)


def _ask(journey: Journey) -> None:
    for source in journey.reader.config.sources:
        sql = "SHOW TABLES" if source in journey.reader.config.dynamodb else "SELECT * FROM orders"
        print_query(connected(journey.reader), Question(sql=sql, source=source), console=_quiet(), notes=_quiet())


def _mend(journey: Journey) -> None:
    """A partition that somebody moved, a query that its process leaves, and the Glue runs there are."""
    glue, where = journey.root.clients.client("glue"), {"DatabaseName": "shop", "TableName": "snapshots_orders"}
    (partition, *_) = glue.get_partitions(**where)["Partitions"]
    place = partition["StorageDescriptor"] | {"Location": "s3://acme-lake/lake/elsewhere/"}
    moved = {"Values": partition["Values"], "StorageDescriptor": place}
    glue.update_partition(**where, PartitionValueList=partition["Values"], PartitionInput=moved)
    world, config = journey.permitted, journey.permitted.config
    gateways = world.gateways
    run = run_of(
        config,
        config.source("shop"),
        rds=gateways.rds,
        dynamodb=gateways.dynamodb,
        lake=gateways.lake,
        log=world.lines.append,
    )
    run.shared.catalogue(date.fromisoformat(partition["Values"][0]))
    athena = gateways.clients().client("athena")
    asked = athena.start_query_execution(QueryString="SELECT 1", WorkGroup=config.lake.workgroup)
    athena.stop_query_execution(QueryExecutionId=asked["QueryExecutionId"])
    gateways.glue.jobs.newest_runs(config.lake.glue_job)


def _prune(journey: Journey) -> None:
    """A date that retention gives up, and an upload that its process never completed."""
    s3 = journey.root.clients.client("s3")
    place = {"Bucket": "acme-lake", "Key": f"lake/shop/shop/public.orders/snapshot_date={TODAY}/given-up-1/a.parquet"}
    begun = s3.create_multipart_upload(**place)
    s3.upload_part(**place, UploadId=begun["UploadId"], PartNumber=1, Body=b"x")
    (shop, *others) = journey.permitted.config.sources
    shop = shop.model_copy(update={"retention": Retention(daily=1, weekly=0, monthly=0)})
    config = journey.permitted.config.model_copy(update={"sources": (shop, *others)})
    later = datetime.now(UTC) + timedelta(hours=25)
    prune(replace(connected(journey.permitted), config=config), (), apply=True, now=later, console=_quiet())


def _quiet() -> Console:
    return Console(file=io.StringIO(), width=200)


STEPS: dict[str, Callable[[Journey], None]] = {
    "a new lake": Journey.drain,
    "the first date": _first_date,
    "a denied date": _denied,
    "the second date": _second_date,
    "rds-lake status": _look,
    "rds-lake rollback and publish": _go_back,
    "rds-lake query": _ask,
    "something to mend": _mend,
    "rds-lake prune": _prune,
}
