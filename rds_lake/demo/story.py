"""`make demo`: two days in the life of a lake, in about a minute, through the same code that runs against AWS.

Starting processes is `stack.py`, watching Dagster is `watch.py`.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time
from functools import partial
from pathlib import Path

import dagster as dg
from rich.console import Console

from rds_lake.aws.athena import AthenaGateway
from rds_lake.aws.s3.gateway import S3Gateway
from rds_lake.console.connect import connect_by
from rds_lake.demo.answers_story import show_changes, write_page
from rds_lake.demo.processes import interrupt_on_sigterm
from rds_lake.demo.report import DayStory, print_answer, print_counts, print_timings
from rds_lake.demo.reviews_story import show_reviews
from rds_lake.demo.roles import reader
from rds_lake.demo.stack import DEMO_CONFIG, Stack, await_start, running_stack, work_folder
from rds_lake.demo.watch import DayWatch, Step
from rds_lake.errors import RdsLakeError
from rds_lake.localcloud.databases import shop
from rds_lake.localcloud.databases.ports import free_port, is_served
from rds_lake.model.lake.layout import LakeLayout
from rds_lake.model.tables.table import TableTarget
from rds_lake.sql.as_of import render_as_of
from rds_lake.stages.catalogue.naming import TypedTable, name_tables, type_tables
from rds_lake.stages.lake.handover import get_manifest
from rds_lake.stages.lake.lake import open_lake

_STAGE_SECONDS = 180
# The exports of DynamoDB have no event when they end; reconciliation finds them that long afterwards.
_FAST = {"RDS_LAKE_SENSOR_SECONDS": "1", "RDS_LAKE_POLL_SECONDS": "1", "RDS_LAKE_GRACE_SECONDS": "20"}

_JOIN = """SELECT c.country, count(DISTINCT o.id) AS orders, sum(o.total) AS revenue,
       max(o.ordered_at) AS newest_order, max(o.snapshot_date) AS snapshot_date
FROM orders o JOIN customers c ON c.id = o.customer_id
GROUP BY c.country ORDER BY revenue DESC LIMIT 5"""


_NEXT = """
Next
  rds-lake dev        the same with Dagster's UI, and left running: look at the asset of a table
  rds-lake init       a lake.yaml for your own account: it lists what your account has, and starts nothing
  rds-lake doctor     what is missing in that account, before anything is paid for"""


def run_demo() -> int:
    """Run the demo; returns 0 when every count of Athena equals PostgreSQL's and DynamoDB's, else 1 (130 after Ctrl-C)."""
    console = Console()
    interrupt_on_sigterm()
    try:
        with (
            work_folder(Path.cwd()) as work,
            running_stack(DEMO_CONFIG, work, extra=_FAST, say=_say(console)) as stack,
        ):
            return _tell(console, stack)
    except RdsLakeError as error:
        console.print(f"[red]the demo failed:[/] {error}", highlight=False)
        return 1
    except KeyboardInterrupt:
        console.print("stopped")
        return 130


def _tell(console: Console, stack: Stack) -> int:
    _start_dagster(stack)
    _say(console)("Dagster's daemon starting; it watches the SQS queue")
    url = stack.databases[stack.config.databases[0].identifier]
    today = datetime.now(UTC).date()
    stories = [_day(console, stack, url, today - timedelta(days=1))]
    changes = shop.change(url)
    _say(console)(f"the shop changed: {changes}")
    stories.append(_day(console, stack, url, today))
    return _answers(console, stack, stories)


def _start_dagster(stack: Stack) -> None:
    """Start a code server, and a daemon that uses it.

    A daemon with a code server of its own replaces that every minute, and meanwhile no sensor looks at anything.
    """
    folder, port = stack.processes.log_folder, free_port()
    served = ["--module-name", "rds_lake.definitions", "--host", "127.0.0.1", "--port", str(port)]
    stack.processes.start("code-server", [sys.executable, "-m", "dagster", "api", "grpc", *served])
    is_up = partial(is_served, port)
    await_start(stack.processes, "code-server", is_up, what="Dagster's code server", seconds=_STAGE_SECONDS)
    server = {"host": "127.0.0.1", "port": port, "location_name": "rds_lake"}
    workspace = folder / "workspace.yaml"
    workspace.write_text(json.dumps({"load_from": [{"grpc_server": server}]}), encoding="utf-8")
    daemon = Path(sys.executable).with_name("dagster-daemon")
    stack.processes.start("dagster-daemon", [str(daemon), "run", "-w", str(workspace)])


def _day(console: Console, stack: Stack, url: str, day: date) -> DayStory:
    source = stack.config.databases[0]
    counts = {
        TableTarget(database="shop", schema=schema, table=table): rows
        for (schema, table), rows in shop.row_counts(url).items()
    }
    console.print(f"\n[bold]{day}[/]  {len(counts)} tables, {sum(counts.values()):,} rows in PostgreSQL")
    at = datetime.combine(day, clock_time(0, 5), UTC)
    snapshot = stack.control("snapshots", {"database": source.identifier, "type": "automated", "at": at.isoformat()})
    taken_at = time.time()
    _say(console)(f"automated snapshot {snapshot['identifier']}")
    with (
        dg.DagsterInstance.from_config(str(stack.dagster_home)) as instance,
        console.status("waiting", spinner="dots") as status,
    ):
        watch = DayWatch(stack=stack, source=source, instance=instance, day=day, snapshot_arn=snapshot["arn"])
        steps: list[Step] = []
        for event in watch.steps(_STAGE_SECONDS):
            if isinstance(event, str):
                status.update(event)
                continue
            steps.append(event)
            _say(console)(f"[green]✓[/] {event.name}  [dim]+{event.at - taken_at:.1f} s[/]")
    return DayStory(day=day, taken_at=taken_at, counts=counts, steps=tuple(steps))


def _answers(console: Console, stack: Stack, stories: list[DayStory]) -> int:
    source = stack.config.sources[0]
    layout = LakeLayout(bucket=stack.config.lake.bucket, prefix=stack.config.lake.prefix)
    athena = _readers_athena(stack, layout)
    console.print()
    print_timings(console, stories)
    tables = _tables(stack, layout, stories[0].day)
    views = {table.names.target: table.names.view for table in tables}
    equal = print_counts(console, athena, source.name, views, stories)
    print_answer(
        console,
        f"A join over typed columns, {stories[-1].day}",
        _JOIN,
        athena.run(_JOIN, database=source.name),
    )
    used = [table for table in tables if table.names.view in ("orders", "customers")]
    earlier = render_as_of(_JOIN, source.name, [(table.names, table.columns) for table in used], stories[0].day)
    answer = athena.run(earlier, database=source.name)
    print_answer(console, f"The same question as of {stories[0].day}", _JOIN, answer)
    snapshots = "SELECT snapshot_date, export_task, tables, rows, became_latest FROM _snapshots ORDER BY 1"
    print_answer(console, "What the lake holds", snapshots, athena.run(snapshots, database=source.name))
    lake = open_lake(stack.clients, stack.config.lake)
    show_changes(console, lake, source, stories[0].day, stories[-1].day)
    if stack.reviews is not None:
        tables_source = stack.config.dynamodb[0]
        s3 = S3Gateway(stack.clients.s3)
        equal &= show_reviews(console, athena, s3, layout, tables_source, stack.reviews, stories[-1].day)
    write_page(console, connect_by(stack.config, stack.clients), datetime.now(UTC))
    verdict = "[green]every count equals PostgreSQL's and DynamoDB's[/]" if equal else "[red]some counts differ[/]"
    console.print(f"\n{verdict}")
    console.print(_NEXT if equal else "", markup=False, highlight=False, soft_wrap=True)
    return 0 if equal else 1


def _readers_athena(stack: Stack, layout: LakeLayout) -> AthenaGateway:
    return AthenaGateway(
        reader(stack.clients, stack.config, stack.endpoint).athena,
        workgroup=stack.config.lake.workgroup,
        output_location=layout.athena_results(),
        sleep=time.sleep,
        clock=time.monotonic,
    )


def _tables(stack: Stack, layout: LakeLayout, day: date) -> tuple[TypedTable, ...]:
    source = stack.config.sources[0]
    manifest = get_manifest(S3Gateway(stack.clients.s3), layout, source.name, day)
    return type_tables(name_tables(manifest, source), source)


def _say(console: Console) -> Callable[[str], None]:
    return lambda line: console.print(f"  {line}", highlight=False)
