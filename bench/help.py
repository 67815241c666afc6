"""How long a person waits for `rds-lake --help`, and for `rds-lake validate` of a lake of 200 sources.

    python -m bench.help [--runs 20]

Each run is a process of its own. The bar is the middle of them; imports are what it is made of (`python -X importtime`), and
`rds_lake_tests/console/project/test_imports.py` holds which packages may be among them.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage

import click

from bench.bars import bar, exit_by_bars

_COMMAND = [sys.executable, "-m", "rds_lake.cli"]
_LAKE = """\
lake:
  bucket: acme-lake
  export_role: arn:aws:iam::111122223333:role/rds-lake-export
  kms_key: alias/rds-lake
  events_queue: rds-lake-events
  start_date: 2026-01-01
sources:
"""
_SOURCE = (
    "  - {{name: shop_{0}, kind: rds, identifier: shop-{0}, retention: {{daily: 14}}, rename: {{shop.public.a: b}}}}\n"
)


def seconds(command: list[str], runs: int) -> tuple[float, float]:
    """The middle of the runs: seconds a person waits, and seconds of the processor, which hold on a busy machine as well."""
    waited: list[float] = []
    worked: list[float] = []
    for _ in range(runs):
        before, started = getrusage(RUSAGE_CHILDREN), time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        waited.append(time.perf_counter() - started)
        after = getrusage(RUSAGE_CHILDREN)
        worked.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return statistics.median(waited), statistics.median(worked)


def measure(name: str, command: list[str], runs: int, *, goal: float) -> None:
    """Both figures, each with the bar."""
    waited, worked = seconds(command, runs)
    bar(f"{name}_seconds", waited, goal, at_most=True)
    bar(f"{name}_cpu_seconds", worked, goal, at_most=True)


@click.command()
@click.option("--runs", default=20, show_default=True)
def main(runs: int) -> None:
    """Measure, and end with 1 where the bar is missed."""
    with tempfile.TemporaryDirectory() as folder:
        lake = Path(folder, "lake.yaml")
        lake.write_text(_LAKE + "".join(_SOURCE.format(number) for number in range(200)), encoding="utf-8")
        measure("help", [*_COMMAND, "--help"], runs, goal=0.2)
        measure("validate_200_sources", [*_COMMAND, "validate", "--config", str(lake)], runs, goal=1)
    exit_by_bars()


if __name__ == "__main__":
    main()
