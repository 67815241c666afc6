"""Relocation against its peers: objects copied to new keys, verified, and their sources deleted, per second.

    python -m bench.relocate [--objects 20000] [--runs 3] [--latency 20 --latency 50] [--no-storm] [--tls] [--only NAME]

Every client works on the same stub (`s3_stub.py`) in turn, run by run, so that the machine's noise meets all of them.
Ours: rds-lake's listing, copies and verification (`ManyS3`) and its deletes, with `lake.copy_threads` as it is by default;
footers are timed apart, no peer reads them. Peers copy and delete, and verify nothing. Those that would take minutes do a
sample, and are extrapolated: marked `~`. CPU seconds are those of the client process.

Clients in Python, ours and boto3's, are made before: once in a process's life. boto3 has 64 threads and as many connections,
its best: at 50 ms, 16, 32, 64, 128 and 256 threads moved 270, 400, 470, 380 and 360 objects/s, each waiting for Python's lock.
The raw HTTP client has as many connections as ours may open. `make bench` installs `bench/requirements.txt` beside the package
for the peers.

Ends with a line `BENCH name figure goal met|short` per bar.
"""

from __future__ import annotations

import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import click

from bench.bars import bar, exit_by_bars
from bench.raw_http import raw_http
from bench.relocate_awscrt import HttpWire, OwnSignatures, S3Wire, find_awscrt, over_awscrt
from bench.s3_stub import Running, running_stub
from rds_lake.aws.clients import AwsClients
from rds_lake.aws.s3.copying import CopyLimits
from rds_lake.aws.s3.gateway import S3Gateway
from rds_lake.aws.s3.many import CopyOrder, ManyS3
from rds_lake.aws.s3.wire import THREADS, open_wire
from rds_lake.model.lake.deletable import Deletable, Place

KEYS = {"AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "bench", "AWS_REGION": "us-east-1"}
_SIZE = 1000
_TABLES = 50
_THREADS = 64  # boto3's
_WORKERS = 256  # s5cmd's own default
_PATIENCE = 120  # seconds; a peer that hangs is an error
AWSCRT = {"awscrt-http": HttpWire, "awscrt-http-our-signatures": OwnSignatures, "awscrt-s3": S3Wire}
GOALS = {"sequential": 250, "boto3-threads": 10, "s5cmd": 2, "aws": 5}
Mover = Callable[[Running, int], None]


@dataclass(frozen=True, slots=True)
class Client:
    """A way to move objects; `share` of the objects is what it is given."""

    name: str
    move: Mover
    share: float = 1.0


@dataclass(frozen=True, slots=True)
class Run:
    """Objects per second and CPU seconds per 1,000 objects of one run."""

    rate: float
    cpu: float


def ours(stub: Running, count: int) -> None:
    """rds-lake: list, plan, copy, verify, delete."""
    relocate(gateway(stub.url), count)


def over(wire: Any) -> Mover:
    """rds-lake's planning over one of `relocate_awscrt.py`'s wires."""
    return lambda stub, count: relocate(over_awscrt(wire, gateway(stub.url)), count)


def relocate(s3: S3Gateway, count: int) -> None:
    """List, plan, copy, verify and delete as the pipeline does; AssertionError unless all `count` arrived with a checksum."""
    many = ManyS3.of(s3)
    listed: dict[str, int] = {}
    many.sizes_below("source", "export/", levels=1, report=listed.update)
    orders = [CopyOrder(("source", key), ("lake", renamed(key)), size) for key, size in listed.items()]
    outcomes: list[Any] = []
    many.copy(orders, kms_key="alias/lake", limits=CopyLimits(), done=lambda _, outcome: outcomes.append(outcome))
    there: dict[str, int] = {}
    many.sizes("lake", sorted({folder(order) for order in orders}), report=there.update)
    whole = sum(there.get(order.target[1]) == order.bytes for order in orders)
    checksums = sum(isinstance(outcome, str) for outcome in outcomes)
    assert (whole, checksums) == (count, count), f"{whole} whole and {checksums} with checksum of {count}"
    many.delete("source", list(listed))


def folder(order: CopyOrder) -> str:
    return f"{order.target[1].rpartition('/')[0]}/"


def sequential(stub: Running, count: int) -> None:
    """A loop of copy_object and delete_object, as in most scripts."""
    s3 = client(stub.url)
    for key in keys_of(s3):
        s3.copy_object(Bucket="lake", Key=renamed(key), CopySource={"Bucket": "source", "Key": key})
        s3.delete_object(Bucket="source", Key=key)


def boto3_threads(stub: Running, count: int) -> None:
    """boto3 in threads, deletes by the thousand."""
    s3 = client(stub.url)
    keys = keys_of(s3)
    with ThreadPoolExecutor(_THREADS) as pool:
        copies = pool.map(
            lambda key: s3.copy_object(Bucket="lake", Key=renamed(key), CopySource={"Bucket": "source", "Key": key}),
            keys,
        )
        assert len(list(copies)) == count
    for start in range(0, count, 1000):
        batch: Any = [{"Key": key} for key in keys[start : start + 1000]]
        s3.delete_objects(Bucket="source", Delete={"Objects": batch, "Quiet": True})


def s5cmd(binary: str) -> Mover:
    """`s5cmd run` with one `mv` per object: its only way to new names."""

    def move(stub: Running, count: int) -> None:
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as commands:
            keys = [f"export/t{n % _TABLES}/part-{n:07}.parquet" for n in range(count)]
            commands.writelines(f"mv s3://source/{key} s3://lake/{renamed(key)}\n" for key in keys)
            commands.flush()
            command = [binary, "--endpoint-url", stub.url, "--numworkers", str(_WORKERS), "run", commands.name]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=os.environ | KEYS, timeout=_PATIENCE)

    return move


def aws_cli(binary: str) -> Mover:
    """`aws s3 mv --recursive`, which keeps names below the prefix."""

    def move(stub: Running, count: int) -> None:
        command = [binary, "s3", "mv", "--recursive", "--quiet", "--endpoint-url", stub.url]
        subprocess.run(
            [*command, "s3://source/export/", "s3://lake/lake/"], check=True, env=os.environ | KEYS, timeout=_PATIENCE
        )

    return move


def renamed(key: str) -> str:
    """The lake's key of an exported one."""
    _, table, name = key.split("/")
    return f"lake/shop/{table}/snapshot_date=2026-11-20/task-1/1-{name}"


@cache
def gateway(url: str) -> S3Gateway:
    clients = AwsClients(boto3.Session(region_name="us-east-1"), endpoint_url=url)
    ours = Deletable(places=(Place(bucket="source", prefix=""),))
    return S3Gateway(clients.s3, open_wire(clients, THREADS), ours)


@cache
def client(url: str) -> Any:
    from botocore.config import Config

    config = Config(max_pool_connections=_THREADS, retries={"mode": "standard", "total_max_attempts": 10})
    return boto3.client("s3", endpoint_url=url, region_name="us-east-1", config=config)


def keys_of(s3: Any) -> list[str]:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket="source", Prefix="export/")
    return [item["Key"] for page in pages for item in page.get("Contents", [])]


def measure(stub: Running, one: Client, objects: int, latency: float, slow: float) -> Run:
    """One run on fresh objects; every one must have arrived, and none be left."""
    count = max(50, int(objects * one.share))
    stub.admin("clear")
    for table in range(_TABLES):
        numbers = range(table, count, _TABLES)
        stub.admin("fill_numbers", bucket="source", prefix=f"export/t{table}/part-@.parquet", size=_SIZE,
                   start=numbers.start, stop=count, step=_TABLES)  # fmt: skip
    stub.admin("set", latency=latency, slow=slow)
    cpu, started = cpu_seconds(), time.perf_counter()
    one.move(stub, count)
    seconds, cpu = time.perf_counter() - started, cpu_seconds() - cpu
    stub.admin("set", latency=0, slow=0)
    left = stub.admin("stats")["objects"]
    assert (left.get("lake"), left.get("source")) == (count, 0), f"{one.name}: {left} instead of {count} moved"
    return Run(count / seconds, cpu / count * 1000)


def cpu_seconds() -> float:
    """Of this process and its finished children."""
    both = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in both)


def compare(stub: Running, clients: Sequence[Client], objects: int, runs: int, latency: float) -> dict[str, Run]:
    """Every client `runs` times, in turn; medians."""
    for made_before in (gateway, client):
        made_before(stub.url)
    found: dict[str, list[Run]] = {one.name: [] for one in clients}
    for _ in range(runs):
        for one in clients:
            found[one.name].append(measure(stub, one, objects, latency, 0))
    medians = {name: median(results) for name, results in found.items()}
    for one in clients:
        run, mark = medians[one.name], "~" if one.share < 1 else " "
        spread = " ".join(f"{result.rate:.0f}" for result in found[one.name])
        click.echo(
            f"{latency:3.0f} ms {one.name:14} {mark}{run.rate:8.0f} objects/s  {run.cpu:6.3f} CPU s/1,000  ({spread})"
        )
    return medians


def median(runs: Sequence[Run]) -> Run:
    return Run(statistics.median(run.rate for run in runs), statistics.median(run.cpu for run in runs))


def throttled(stub: Running, objects: int, runs: int, slow: float) -> float:
    """How many times as long ours takes with such a share of SlowDown: paired runs, one after the other.

    `measure` sees to it that nothing is lost.
    """
    one, times = Client("rds-lake", ours), list[float]()
    for _ in range(runs):
        calm = measure(stub, one, objects, 20, 0)
        stormy = measure(stub, one, objects, 20, slow)
        times.append(calm.rate / stormy.rate)
    return statistics.median(times)


def storms(stub: Running, objects: int, runs: int) -> None:
    """The bars of throttling."""
    breeze = throttled(stub, objects, max(3, runs), 0.01)
    bar("relocate-slower-percent-1pct-503", (breeze - 1) * 100, 15, at_most=True)
    bar("relocate-times-as-long-30pct-503", throttled(stub, objects, runs, 0.3), 5, at_most=True)


def judge(medians: dict[float, dict[str, Run]]) -> None:
    """The bars of speed and CPU."""
    for latency, found in medians.items():
        for name, goal in GOALS.items():
            if name in found:
                bar(f"relocate-vs-{name}-{latency:.0f}ms", found["rds-lake"].rate / found[name].rate, goal)
        for name in (name for name in AWSCRT if name in found):
            rate, cpu = found[name].rate / found["rds-lake"].rate, found[name].cpu / found["rds-lake"].cpu
            click.echo(
                f"{latency:3.0f} ms {name}: {rate:.2f} of rds-lake's objects/s, {cpu:.2f} of its CPU (decision 0018)"
            )
    bar("relocate-cpu-s-per-1000", max(found["rds-lake"].cpu for found in medians.values()), 0.2, at_most=True)
    if "raw-http" in (found := medians.get(50.0, {})):
        bar("relocate-of-raw-http-50ms", found["rds-lake"].rate / found["raw-http"].rate, 0.75)


def contestants(peers: str) -> list[Client]:
    """Ours and the peers that are installed."""
    folders = [f"export/t{table}/" for table in range(_TABLES)]
    clients = [
        Client("rds-lake", ours),
        Client("sequential", sequential, 0.005),
        Client("boto3-threads", boto3_threads, 0.2),
        Client("raw-http", raw_http(renamed, THREADS, folders)),
    ]
    path = os.pathsep.join([peers, str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    if find_awscrt(peers):
        clients += [Client(name, over(wire)) for name, wire in AWSCRT.items()]
    else:
        click.echo("awscrt is not installed (pip install -r bench/requirements.txt): left out")
    for name, wrap, share in (("s5cmd", s5cmd, 1.0), ("aws", aws_cli, 0.1)):
        binary = shutil.which(name, path=path)
        if binary is None:
            click.echo(f"{name} is not installed (pip install -r bench/requirements.txt): left out")
        else:
            clients.append(Client(name, wrap(binary), share))
    return clients


@click.command()
@click.option("--objects", default=20_000, show_default=True)
@click.option("--runs", default=3, show_default=True)
@click.option("--latency", "latencies", type=float, multiple=True, default=(20.0, 50.0), show_default=True)
@click.option("--storm/--no-storm", default=True, show_default=True, help="Runs with SlowDown as well.")
@click.option("--peers", default="", help="Folder of the peers' programs; default: where Python's are, then PATH.")
@click.option(
    "--tls/--no-tls", default=False, show_default=True, help="The stub over TLS, as AWS is; not for raw-http, s5cmd."
)
@click.option("--only", multiple=True, help="Clients beside rds-lake, by name; all that are installed by default.")
def main(
    objects: int, runs: int, latencies: tuple[float, ...], storm: bool, peers: str, tls: bool, only: tuple[str, ...]
) -> None:
    """Run everything and say which bars are met."""
    os.environ.update(KEYS)
    clients = [each for each in contestants(peers) if not only or each.name in ("rds-lake", *only)]
    with running_stub(tls=tls) as stub:
        if stub.certificate:  # boto3, our wire, awscrt and the peers' programs trust it by this
            os.environ["AWS_CA_BUNDLE"] = str(stub.certificate)
        judge({latency: compare(stub, clients, objects, runs, latency) for latency in latencies})
        if storm:
            storms(stub, objects, runs)
    exit_by_bars()


if __name__ == "__main__":
    main()
