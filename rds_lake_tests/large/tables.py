"""Many tables: what a date asks of AWS from "export complete" to "all views flipped", and how that grows.

    python -m bench.tables            # 50, 100, 250 and 500 tables, two dates each, the second twice: some minutes

Tables are made in a real PostgreSQL and exported by the local cloud; calls are counted where they arrive, boto3's and the
wire's alike, retries included. Athena's polls are counted apart: they depend on its time, not on the number of tables.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import click

from bench.bars import bar, exit_by_bars
from rds_lake.config.lake_yaml import load_config
from rds_lake.localcloud.athena.service import AthenaSettings
from rds_lake.localcloud.cloud import LocalCloud
from rds_lake.localcloud.databases.embedded import EmbeddedPostgres
from rds_lake.localcloud.environment import environment
from rds_lake.localcloud.rds.export import ExportSettings
from rds_lake_tests.stages.calls import Calls, calls_of_date, calls_of_stages, growth, make_tables, without_polls
from rds_lake_tests.support.world import World

FIRST, SECOND = "2026-11-19", "2026-11-20"
_LAKE = Path(__file__).parents[2] / "lake.yaml"


def measure(postgres: EmbeddedPostgres, folder: Path, tables: int) -> list[Calls]:
    """The calls of a first date, of a second one without change of schema, and of that one repeated."""
    url = postgres.create_database(f"tables_{tables}")
    make_tables(url, tables)
    measured: list[Calls] = []
    settings = ExportSettings(starting_seconds=0, progress_seconds=0)
    with LocalCloud({"shop-prod": url}, exports=settings, athena=AthenaSettings()) as cloud:
        world = World.of(cloud, url=url, config=load_config(folder / "lake.yaml"))
        for what, calls, day in (
            (f"{FIRST} with the export", calls_of_date, FIRST),
            (f"{SECOND} with the export", calls_of_date, SECOND),
            (f"{SECOND} repeated", calls_of_stages, SECOND),
        ):
            started = time.perf_counter()
            counted = calls(world, day)
            seconds = time.perf_counter() - started
            measured.append(without_polls(counted))
            total = sum(measured[-1].values())
            polls = sum(counted.values()) - total
            click.echo(
                f"{tables:4} tables, {what}: {total:6,} calls, {total / tables:4.1f} a table, {polls:5,} polls of Athena, "
                f"{seconds:6.1f} s"
            )
        ((views,),) = world.query(
            "SELECT tables FROM _snapshots WHERE became_latest ORDER BY snapshot_date DESC LIMIT 1"
        )
        assert views == str(tables), f"{views} of {tables} tables were published"
    return measured


def report(title: str, by_size: Mapping[int, Calls]) -> None:
    """One line per operation: calls at every size, and its growth."""
    sizes = sorted(by_size)
    click.echo(f"\n{title}\n{'':32}" + "".join(f"{size:>8}" for size in sizes) + "   per table + once")
    for call in sorted({call for calls in by_size.values() for call in calls}):
        counts = {size: by_size[size].get(call, 0) for size in sizes}
        line = growth(counts)
        name = " ".join(call)
        shown = "".join(f"{counts[size]:8,}" for size in sizes)
        click.echo(f"{name:32}{shown}   {line.per_table:9.2f} + {line.once:.0f}")


def per_table(by_size: Mapping[int, Calls], service: str) -> tuple[float, float]:
    """Calls of a service (`""`: of all) per table, and the worst distance from a straight line in percent."""
    counts = {
        size: sum(n for (name, _), n in calls.items() if service in ("", name)) for size, calls in by_size.items()
    }
    line = growth(counts)
    return line.per_table, 100 * line.worst / max(counts.values())


def bars(measured: Mapping[str, Mapping[int, Calls]]) -> None:
    """The stated constants of each service, and that growth is linear."""
    goals = {"": (15, 15, 15), "glue": (3, 2, 1), "athena": (1.3, 1.3, 0.3), "s3": (4.1, 4.1, 1.1)}
    worst = 0.0
    for number, (what, by_size) in enumerate(measured.items()):
        for service, goal in goals.items():
            figure, off = per_table(by_size, service)
            worst = max(worst, off)
            bar(f"tables-{service or 'all'}-calls-per-table-{what}", figure, goal[number], at_most=True)
    bar("tables-growth-off-linear-percent", worst, 1, at_most=True)


@click.command()
@click.option("--sizes", default="50,100,250,500", show_default=True)
def main(sizes: str) -> None:
    """Measure every size and say which bars are met."""
    os.environ.update(environment("http://127.0.0.1:9") | {"MOTO_EC2_LOAD_DEFAULT_AMIS": "false"})
    measured: dict[int, list[Calls]] = {}
    with EmbeddedPostgres() as postgres, tempfile.TemporaryDirectory(prefix="rds-lake-tables-") as folder:
        (Path(folder) / "lake.yaml").write_bytes(_LAKE.read_bytes())
        for size in map(int, sizes.split(",")):
            measured[size] = measure(postgres, Path(folder), size)
    by_date = [{size: calls[number] for size, calls in measured.items()} for number in range(3)]
    report("First date", by_date[0])
    report("Second date, no change of schema", by_date[1])
    report("Second date repeated, nothing changed", by_date[2])
    bars(dict(zip(("first-date", "second-date", "repetition"), by_date, strict=True)))
    exit_by_bars()


if __name__ == "__main__":
    main(prog_name="python -m bench.tables")
