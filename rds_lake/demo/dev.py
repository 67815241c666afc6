"""`make dev`: the local cloud and the Dagster UI, left running until Ctrl-C."""

from __future__ import annotations

import socket
import sys
import time
from pathlib import Path

from rich.console import Console

from rds_lake.config.lake_yaml import load_config
from rds_lake.demo.processes import interrupt_on_sigterm
from rds_lake.demo.stack import DEMO_CONFIG, Stack, beside, running_stack, work_folder
from rds_lake.errors import ConfigError

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
        with running_stack(config_path, work, extra=_FAST, say=lambda line: console.print(f"  {line}")) as stack:
            workspace = beside(config_path, "workspace.yaml")
            command = [sys.executable, "-m", "dagster", "dev", "-w", str(workspace), "-p", str(port)]
            stack.processes.start("dagster", command)
            _greet(console, stack, port)
            return _watch(console, stack)
    except KeyboardInterrupt:
        console.print("stopped")
        return 0


def _require_free(port: int) -> None:
    """ConfigError where the port is taken: the browser would show the other program that answers there."""
    for host in ("127.0.0.1", "::1"):
        try:
            socket.create_connection((host, port), timeout=1).close()
        except OSError:
            continue
        raise ConfigError(
            f"port {port} of this machine is taken by another program; stop it, or choose another port: "
            f"rds-lake dev --port {port + 1}"
        )


def _greet(console: Console, stack: Stack, port: int) -> None:
    identifier = stack.config.databases[0].identifier
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
