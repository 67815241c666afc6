"""DynamoDB JSON to typed Parquet against the usual tools, and the proof that the values are right.

    python -m bench.convert [--scale 1.0] [--runs 3] [--peers .bench_peers/bin] [--data /tmp/rds-lake-ddb]

Every run is a process of its own, start-up included; tools take turns, so a busy machine is busy for all of them. Slow
tools convert fewer files, and are compared with ours on the same ones. Ours finds the schema while it converts; the others are
told. Wall and CPU seconds are both told: on a shared machine trust the second.

The tools are `convert_peers.py`, the data `ddb_data.py`, the proof `convert_proof.py`.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import click

from bench.bars import bar, exit_by_bars
from bench.ddb_data import KEYS, SHAPES, Written, generate

_LIMIT = 520.0  # MB/s on two cores: gunzip, a bare parse and writing Parquet, each alone
# How many of 8 files: with fewer, the start of ours, a third of a second, would be much of what is measured.
_PEERS = {"duckdb": 8, "duckdb-discovery": 8, "orjson": 2, "polars": 4, "spark": 2, "boto3": 8}
_SLOW = ("orjson", "polars", "spark", "boto3")


@dataclass(frozen=True, slots=True)
class Run:
    """One process: seconds by the clock and of CPU, peak memory in MB."""

    wall: float
    cpu: float
    memory: float


def measure(python: str, tool: str, folder: Path, out: Path, schema: Path) -> Run | None:
    """One conversion; None if the tool is not installed. Raises RuntimeError if it fails."""
    shutil.rmtree(out, ignore_errors=True)
    command = [python, "-m", "bench.convert_peers", tool, str(folder), str(out), str(schema)]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent), "SPARK_LOCAL_IP": "127.0.0.1"}
    with tempfile.TemporaryFile() as told:
        started = time.perf_counter()
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=told)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        told.seek(0)
        text = told.read().decode(errors="replace")
    if "ModuleNotFoundError" in text:
        return None
    if process.returncode:
        raise RuntimeError(f"{tool} failed on {folder.name}:\n{text[-2000:]}")
    return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def part_of(folder: Path, shape: str, files: Sequence[Written], count: int) -> Path:
    """A folder with links to the first files of a shape."""
    part = folder / f"first-{count}" / shape
    part.mkdir(parents=True, exist_ok=True)
    for one in files[:count]:
        link = part / Path(one.path).name
        if not link.exists():
            link.symlink_to(Path(one.path).resolve())
    return part


def median(runs: Sequence[Run]) -> Run:
    return Run(*(statistics.median(getattr(run, name) for run in runs) for name in ("wall", "cpu", "memory")))


def compare(
    folder: Path, data: dict[str, list[Written]], peer: str, python: str, runs: int
) -> dict[str, tuple[Run, Run]]:
    """Medians of ours and the peer's by shape; nothing if the peer is not installed."""
    found: dict[str, list[tuple[Run, Run]]] = defaultdict(list)
    for turn in range(runs):
        for shape, files in data.items():
            part, schema = (
                part_of(folder, shape, files, max(1, _PEERS[peer] * len(files) // 8)),
                folder / f"{shape}.json",
            )
            mine = measure(sys.executable, "ours", part, folder / "out" / "ours" / shape, schema)
            theirs = measure(python, peer, part, folder / "out" / peer / shape, schema)
            if theirs is None or mine is None:
                click.echo(f"{peer} is not installed (pip install -r bench/requirements.txt): left out")
                return {}
            found[shape].append((mine, theirs))
            click.echo(
                f"  {turn} {peer} {shape}: {theirs.wall / mine.wall:.2f}x wall, {theirs.cpu / mine.cpu:.2f}x CPU"
            )
    return {shape: (median([a for a, _ in pairs]), median([b for _, b in pairs])) for shape, pairs in found.items()}


def bars(peer: str, found: dict[str, tuple[Run, Run]], megabytes: dict[str, float]) -> None:
    """The table and the bars of one peer."""
    for shape, (mine, theirs) in found.items():
        click.echo(
            f"{peer:17} {shape:7} ours {mine.wall:6.2f} s {mine.cpu:6.2f} CPU s {mine.memory:5.0f} MB | theirs "
            f"{theirs.wall:6.2f} s {theirs.cpu:6.2f} CPU s {theirs.memory:5.0f} MB"
        )
    whole = {what: total(found, what) for what in ("wall", "cpu")}
    goal = {"boto3": 15, "polars": 8, "spark": 8, "orjson": 3, "duckdb": 1, "duckdb-discovery": 2}[peer]
    for what, (mine, theirs) in whole.items():
        if (peer, what) != ("spark", "cpu"):  # Spark works in a Java process, whose CPU the kernel does not tell us
            bar(f"convert-vs-{peer}-{what}", theirs / mine, goal)
    if peer != "duckdb":
        return
    for shape, (mine, theirs) in found.items():
        bar(f"convert-vs-duckdb-{shape}-wall", theirs.wall / mine.wall, 0.8)
        bar(f"convert-vs-duckdb-{shape}-cpu", theirs.cpu / mine.cpu, 0.8)
    memory = [max(pair[side].memory for pair in found.values()) for side in (0, 1)]
    bar("convert-memory-vs-duckdb", memory[0] / memory[1], 0.5, at_most=True)
    bar("convert-memory-mb", memory[0], 600, at_most=True)
    speed = sum(megabytes.values()) / whole["wall"][0]
    click.echo(
        f"ours: {speed:.0f} MB of JSON a second, {speed / _LIMIT:.0%} of the limit on a quiet machine of two cores"
    )


def proof(folder: Path, data: dict[str, list[Written]], shape: str) -> None:
    """In a process of its own: the kernel counts the memory of whoever starts a process as that process's own."""
    part, out = part_of(folder, shape, data[shape], len(data[shape])), folder / "out" / "ours" / shape
    command = [sys.executable, "-m", "bench.convert_proof", part, out, folder / f"{shape}.json", *KEYS[shape]]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"the values of {shape} are not those of its items:\n{done.stderr[-2000:]}")
    click.echo(f"{shape}: {done.stdout.strip()}")


def total(found: dict[str, tuple[Run, Run]], what: str) -> tuple[float, float]:
    ours, theirs = (sum(getattr(pair[side], what) for pair in found.values()) for side in (0, 1))
    return ours, theirs


@click.command()
@click.option("--scale", default=1.0, show_default=True, help="1.0 is 1 GB of JSON.")
@click.option("--runs", default=3, show_default=True, help="Of DuckDB; tools that take longer run once less.")
@click.option("--only", default="", help="Peers to run, with commas between; default: all.")
@click.option("--peers", default="", help="Folder of the peers' Python; default: this one.")
@click.option("--proof/--no-proof", "proven", default=True, help="Compare all values first (minutes).")
@click.option("--data", type=click.Path(path_type=Path), default=None, help="Keep the data here.")
def main(scale: float, runs: int, only: str, peers: str, proven: bool, data: Path | None) -> None:
    """Make the data, prove the values, run everything and say which bars are met."""
    python = str(Path(peers).resolve() / "python") if peers else sys.executable
    with tempfile.TemporaryDirectory(prefix="rds-lake-convert-") as scratch:
        folder = data or Path(scratch)
        made = generate(folder, scale=scale)
        for shape in SHAPES:
            (folder / f"{shape}.json").unlink(missing_ok=True)
            part = part_of(folder, shape, made[shape], len(made[shape]))
            measure(sys.executable, "ours", part, folder / "out" / "ours" / shape, folder / f"{shape}.json")
        if proven:
            with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
                list(pool.map(partial(proof, folder, made), SHAPES))
        megabytes = {shape: sum(one.json_bytes for one in files) / 1e6 for shape, files in made.items()}
        click.echo(", ".join(f"{shape} {size:.0f} MB" for shape, size in megabytes.items()))
        for peer in [one for one in _PEERS if not only or one in only.split(",")]:
            found = compare(folder, made, peer, python, max(1, runs - (peer in _SLOW)))
            if found:
                bars(peer, found, megabytes)
    exit_by_bars()


if __name__ == "__main__":
    main()
