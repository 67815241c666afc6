"""`make dev`: the local cloud and the Dagster UI, left running until Ctrl-C.

What belongs here: that one command.
"""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path

from rich.console import Console

from rds_lake.demo.processes import interrupt_on_sigterm
from rds_lake.demo.stack import Stack, running_stack

_FAST = {"RDS_LAKE_SENSOR_SECONDS": "5", "RDS_LAKE_POLL_SECONDS": "1"}


def run_dev(*, port: int, config_path: Path) -> int:
    """Run until Ctrl-C or until a part dies; the exit code says which."""
    console = Console()
    interrupt_on_sigterm()
    work = config_path.resolve().parent / ".dagster_home"
    # The local cloud starts from nothing; a history of the last one would only mislead.
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    try:
        with running_stack(config_path, work, extra=_FAST, say=lambda line: console.print(f"  {line}")) as stack:
            workspace = config_path.resolve().parent / "workspace.yaml"
            command = [sys.executable, "-m", "dagster", "dev", "-w", str(workspace), "-p", str(port)]
            stack.processes.start("dagster", command)
            _greet(console, stack, port)
            return _watch(console, stack)
    except KeyboardInterrupt:
        console.print("stopped")
        return 0


def _greet(console: Console, stack: Stack, port: int) -> None:
    identifier = stack.config.sources[0].identifier
    console.print(f"\nDagster UI      [bold]http://localhost:{port}[/] (ready in about 20 s)")
    console.print(f"local cloud     {stack.endpoint}")
    for name, url in stack.databases.items():
        console.print(f"database        {name}: {url}")
    body = f'{{"database": "{identifier}", "type": "automated"}}'
    console.print("take a snapshot ", end="")
    json_header = "-H 'Content-Type: application/json'"
    console.print(f"curl {json_header} {stack.endpoint}/_local/snapshots -d '{body}'", markup=False, soft_wrap=True)
    console.print("Ctrl-C stops everything\n")


def _watch(console: Console, stack: Stack) -> int:
    while not (dead := stack.processes.dead()):
        time.sleep(0.5)
    for name, code in dead.items():
        log = stack.processes.log_path(name).read_text(encoding="utf-8", errors="replace")
        console.print(f"[red]{name} ended with code {code}[/]; its log ends with:\n{log[-3000:]}", highlight=False)
    return 1
