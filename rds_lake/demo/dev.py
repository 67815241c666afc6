"""`make dev`: the local cloud and the Dagster UI, left running until Ctrl-C."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from datetime import time as clock_time
from pathlib import Path

from rich.console import Console

from rds_lake.aws.s3.gateway import S3Gateway
from rds_lake.config.lake_yaml import load_config
from rds_lake.console.local import CLOUD_PORT
from rds_lake.demo.processes import interrupt_on_sigterm
from rds_lake.demo.stack import DEMO_CONFIG, Stack, beside, running_stack, work_folder
from rds_lake.errors import ConfigError
from rds_lake.localcloud.databases import shop
from rds_lake.localcloud.databases.ports import is_served
from rds_lake.model.lake.layout import LakeLayout
from rds_lake.stages.lake.pointer import find_pointer

_FAST = {"RDS_LAKE_SENSOR_SECONDS": "5", "RDS_LAKE_POLL_SECONDS": "1"}


def run_dev(*, port: int, config_path: Path | None = None) -> int:
    """Run until Ctrl-C (returns 0) or until a process dies (returns 1).

    `config_path` is a lake.yaml to try instead of the demo's. Everything is kept in a new folder under .demo, which is
    removed at the end; the folder of lake.yaml and an existing Dagster home stay as they are. ConfigError before anything
    starts, where lake.yaml is wrong or the port is taken.
    """
    config_path = config_path or DEMO_CONFIG
    load_config(config_path)
    _require_free(port)
    interrupt_on_sigterm()
    with work_folder(Path.cwd()) as work:
        try:
            return _run(Console(), config_path, work, port)
        except KeyboardInterrupt:
            return 0


def _run(console: Console, config_path: Path, work: Path, port: int) -> int:
    try:
        with running_stack(
            config_path, work, extra=_FAST, say=lambda line: console.print(f"  {line}"), cloud_port=CLOUD_PORT
        ) as stack:
            workspace = beside(config_path, "workspace.yaml")
            command = [sys.executable, "-m", "dagster", "dev", "-w", str(workspace), "-p", str(port)]
            stack.processes.start("dagster", command)
            _greet(console, stack, port)
            first = _first_dates(stack) if config_path == DEMO_CONFIG else iter(())
            return _watch(console, stack, first)
    except KeyboardInterrupt:
        console.print("stopped")
        return 0


def _first_dates(stack: Stack) -> Iterator[str]:
    """Snapshots of yesterday and today, the shop changed in between; prints a line for each step.

    Dagster's own sensors publish the dates.
    """
    source = stack.config.databases[0]
    lake = stack.config.lake
    s3, layout = S3Gateway(stack.clients.s3), LakeLayout(bucket=lake.bucket, prefix=lake.prefix)
    today = datetime.now(UTC).date()
    for day in (today - timedelta(days=1), today):
        if day == today:
            shop.change(stack.databases[source.identifier])
        at = datetime.combine(day, clock_time(0, 5), UTC).isoformat()
        stack.control("snapshots", {"database": source.identifier, "type": "automated", "at": at})
        yield f"{source.name}: snapshot of {day} taken; Dagster exports and publishes it by itself"
        while (pointer := find_pointer(s3, layout, source.name)) is None or pointer.snapshot_date < day:
            yield ""
        yield f"{source.name}: {day} is published"
    yield f'ask it: rds-lake query "SELECT * FROM orders LIMIT 5" --source {source.name}'


def _require_free(port: int) -> None:
    """ConfigError if the port is in use: the browser would show another program."""
    if any(is_served(port, host=host) for host in ("127.0.0.1", "::1")):
        raise ConfigError(
            f"another program uses port {port} of this machine; stop it, or choose another port: rds-lake dev --port {port + 1}"
        )


def _greet(console: Console, stack: Stack, port: int) -> None:
    identifier = stack.config.databases[0].identifier
    console.print(f"\nDagster UI      [bold]http://localhost:{port}[/] (ready in about 20 s)")
    console.print(f"local cloud     {stack.endpoint}")
    # `local env` has its own default port.
    given = "" if stack.endpoint.endswith(f":{CLOUD_PORT}") else f" --port {stack.endpoint.rpartition(':')[2]}"
    folder = stack.config.directory
    console.print(
        f'in a terminal   eval "$(rds-lake local env{given})"; export RDS_LAKE_CONFIG={folder / "lake.yaml"}',
        markup=False,
        soft_wrap=True,
    )
    for name, url in stack.databases.items():
        console.print(f"database        {name}: {url}")
    body = f'{{"database": "{identifier}", "type": "automated"}}'
    console.print("take a snapshot ", end="")
    json_header = "-H 'Content-Type: application/json'"
    console.print(f"curl {json_header} {stack.endpoint}/_local/snapshots -d '{body}'", markup=False, soft_wrap=True)
    console.print("Ctrl-C stops everything\n")


def _watch(console: Console, stack: Stack, first: Iterator[str]) -> int:
    """Wait until a process dies. `first` yields lines to print meanwhile; an empty line prints nothing."""
    while not (dead := stack.processes.dead()):
        if line := next(first, ""):
            console.print(f"  {line}", markup=False, highlight=False, soft_wrap=True)
        time.sleep(0.5)
    for name, code in dead.items():
        log = stack.processes.log_path(name).read_text(encoding="utf-8", errors="replace")
        console.print(f"[red]{name} ended with code {code}[/]; its log ends with:\n{log[-3000:]}", highlight=False)
    return 1
