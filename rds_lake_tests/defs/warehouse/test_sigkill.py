"""A process that runs a warehouse is killed -9, wherever it is: the reaper leaves nothing, and the result is whole or not there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
import yaml

from rds_lake.defs.warehouse.opened import open_warehouse
from rds_lake.localcloud.faults.operations import called_operation
from rds_lake.localcloud.http.app import request_context
from rds_lake.localcloud.http.server import Server
from rds_lake.stages.warehouse.reap import reap
from rds_lake_tests.defs.warehouse.mart import SETTINGS, Mart
from rds_lake_tests.support.pipeline_keys import variables_of
from rds_lake_tests.support.world import until

RESULT = "account,notes\n1,2\n2,1\n"
# After each of these, and after four calls by chance.
NAMED = (
    "CreateStack", "BatchExecuteStatement", "ExecuteStatement", "CopyObject", "DeleteStack", "DeleteObjects",
)  # fmt: skip
SEEDS = range(4)


@dataclass(slots=True, eq=False)
class Executioner:
    """Before the local cloud: SIGKILL to `pid` once a call is made whose number or operation it waits for; the answer is lost."""

    app: Any
    wanted: Callable[[int, str], bool] = lambda number, operation: False
    pid: int | None = None
    calls: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        operation = called_operation(request_context(environ).service, environ) or ""
        body = list(self.app(environ, start))
        with self._lock:
            self.calls.append(operation)
            if self.pid is not None and self.wanted(len(self.calls), operation):
                os.kill(self.pid, signal.SIGKILL)
                self.pid = None
        return body


@contextmanager
def executioner(mart: Mart) -> Iterator[tuple[Executioner, str]]:
    """One in front of the cloud, behind its permission gate; and its address."""
    before = Executioner(mart.world.cloud._server._server.app)  # type: ignore[attr-defined]
    with Server(before) as server:
        yield before, server.url


def lake_file(mart: Mart, folder: Path) -> Path:
    """The lake.yaml of the mart, for another process."""
    body = yaml.safe_load((mart.world.config.directory / "lake.yaml").read_text(encoding="utf-8"))
    path = folder / "lake.yaml"
    path.write_text(yaml.safe_dump(body | {"warehouses": [SETTINGS]}), encoding="utf-8")
    return path


def command(url: str, file: Path, root: Path) -> subprocess.Popen[bytes]:
    """`rds-lake warehouse run mart` as a process of its own."""
    program = "from rds_lake.cli import main; main()"
    arguments = [sys.executable, "-c", program, "warehouse", "run", "mart", "--poll", "0.1", "--config", str(file)]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "RDS_LAKE"))}
    return subprocess.Popen(
        arguments, cwd=root, env=kept | variables_of(url), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


def killed(before: Executioner, url: str, file: Path, root: Path, wanted: Callable[[int, str], bool]) -> bool:
    """Run the command until its call; whether it was killed before its own end."""
    before.calls.clear()
    before.wanted = wanted
    with command(url, file, root) as process:
        before.pid = process.pid
        output, _ = process.communicate(timeout=120)
        before.pid = None
    assert process.returncode in (0, -signal.SIGKILL), output.decode()
    return process.returncode != 0


def reaped(mart: Mart) -> None:
    """The reaper, when the lease has expired: its looks follow each other until nothing is left."""
    gateways, config = mart.world.gateways, mart.world.config
    late = datetime.now(UTC) + timedelta(minutes=31)
    warehouse = open_warehouse(config, config.warehouse("mart"), gateways.clients(), gateways.lake, clock=lambda: late)

    def done() -> bool:
        (found,) = reap([warehouse], apply=True)
        assert found.error is None, found.error
        return not found.left

    until(done, what="an account without anything of the warehouse", every=0.05)


def empty(mart: Mart) -> None:
    for key in mart.keys("acme-results"):
        mart.s3.delete_object(Bucket="acme-results", Key=key)


@pytest.mark.exhaustive
def test_wherever_the_process_is_killed_nothing_is_left_and_the_result_is_whole_or_absent(
    mart: Mart, tmp_path: Path, root: Path
) -> None:
    """Mutation that fails it: the lease written after CreateStack."""
    file = lake_file(mart, tmp_path)
    with executioner(mart) as (before, url):
        assert not killed(before, url, file, root, lambda number, operation: False)
        calls = list(before.calls)
        assert mart.result() == RESULT and mart.left() == [] and set(NAMED) <= set(calls), sorted(set(calls))
        chosen: list[Callable[[int, str], bool]] = [lambda _, called, name=name: called == name for name in NAMED]
        places = [Random(seed).randrange(1, len(calls)) for seed in SEEDS]
        chosen += [lambda number, _, at=at: number == at for at in places]
        seen: list[str] = []
        for wanted in chosen:
            empty(mart)
            was_killed = killed(before, url, file, root, wanted)
            reaped(mart)
            published = [mart.result()] if mart.keys("acme-results") else []
            assert published in ([], [RESULT]) and mart.left() == [], before.calls[-1]
            seen.append(
                f"{before.calls[-1]}: {'killed' if was_killed else 'ended'}, {'published' if published else 'absent'}"
            )
        assert sum("killed" in each for each in seen) >= len(NAMED), seen
        assert {each.rpartition(" ")[2] for each in seen} == {"published", "absent"}, seen
