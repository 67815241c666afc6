"""Child processes end with the program that started them."""

import os
import sys
from pathlib import Path

import psutil
import pytest

from rds_lake.demo import processes as demo_processes
from rds_lake.demo.processes import ProcessGroup
from rds_lake_tests.support.interrupts import interrupted
from rds_lake_tests.support.world import until

# It has a child of its own, and does not end when it is asked to.
_STUBBORN = """
import signal, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(600)"])
signal.signal(15, lambda *_: print("asked", flush=True))
print(child.pid, flush=True)
while True:
    time.sleep(0.1)
"""


def test_a_second_ctrl_c_leaves_no_process_that_has_not_ended_yet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo_processes, "_HURRIED_SECONDS", 0.5)
    processes: list[psutil.Process | None] = []

    def said() -> list[str]:
        return [line for log in tmp_path.glob("*.log") for line in log.read_text().splitlines()]

    with (
        pytest.raises(KeyboardInterrupt),
        interrupted(lambda: said().count("asked") == 2, seconds=60),
        ProcessGroup(environment=os.environ, log_folder=tmp_path) as group,
    ):
        for name in ("one", "two"):
            group.start(name, [sys.executable, "-c", _STUBBORN])
        until(lambda: len(said()) == 2, seconds=30, what="both processes")
        children = [psutil.Process(int(line)) for line in said()]
        processes += [*children, *(child.parent() for child in children)]
    _, left = psutil.wait_procs([each for each in processes if each], timeout=20)
    for each in left:
        each.kill()
    assert not left
