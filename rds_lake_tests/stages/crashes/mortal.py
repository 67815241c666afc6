"""Stages that are killed before any of their writes: all deaths of a stage, and one by one in a process that is really killed.

    for number, killed in deaths(world, "publish", "2026-11-20", most=40): ...    # the lake after each death
    with mortal_runs() as runs:
        killed = runs.attempt(world, "publish", "2026-11-20", before=3)           # SIGKILL before the third write

What belongs here: the deaths. What the stages do is `stages.py`.
"""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rds_lake_tests.stages.crashes.moments import moments_of
from rds_lake_tests.stages.crashes.stages import run_stage
from rds_lake_tests.support.door import death, open_door
from rds_lake_tests.support.world import World


def deaths(world: World, stage: str, day: str, *, most: int) -> Iterator[tuple[int, bool]]:
    """The lake after a death of the stage before its first write, its second, …: which, and whether there was one.

    Of the last one the stage has come to its end; AssertionError if it makes `most` writes.
    """
    moments = moments_of(world, lambda url: run_stage(_order(world, stage, day, url)))
    assert len(moments) < most, f"{stage} never came to its end"
    for number, moment in enumerate(moments, start=1):
        ending = moment.restore(world)
        yield number, number < len(moments)
        ending.join()


def _order(world: World, stage: str, day: str, endpoint: str) -> dict[str, Any]:
    source = world.config.sources[0]
    return {
        "stage": stage,
        "day": day,
        "endpoint": endpoint,
        "config": str(world.config.directory / "lake.yaml"),
        "source": source.model_dump(mode="json", exclude_unset=True),
    }


@dataclass(slots=True)
class MortalRuns:
    """The server's other end."""

    server: subprocess.Popen[str]

    def attempt(self, world: World, stage: str, day: str, *, before: int) -> bool:
        """Run the stage of the world's source, killed before its n-th write; whether it had that many."""
        pid: Future[int] = Future()
        with open_door(world.cloud) as door:
            door.rules.append(death(pid.result, before=before))
            assert self.server.stdin is not None
            print(json.dumps(_order(world, stage, day, door.url)), file=self.server.stdin, flush=True)
            pid.set_result(self._number())
            status = self._number()
        assert status in (0, -signal.SIGKILL), f"{stage} of {day} before write {before} ended with {status}"
        return status != 0

    def _number(self) -> int:
        assert self.server.stdout is not None
        line = self.server.stdout.readline()
        assert line, "the server of mortal runs has ended"
        return int(line)


@contextmanager
def mortal_runs() -> Iterator[MortalRuns]:
    """A server for as many runs as one likes."""
    command = [sys.executable, "-m", "rds_lake_tests.stages.crashes.stages"]
    root = Path(__file__).parents[3]
    with subprocess.Popen(command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        try:
            yield MortalRuns(server)
        finally:
            server.kill()
