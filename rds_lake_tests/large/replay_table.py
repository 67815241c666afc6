"""Makes the journey of `rds_lake_tests/permissions/` outside of pytest, and writes docs/permissions.md from what it needed.

python -m bench.replay_table [--print] [--warehouses]      # some minutes
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import click

from rds_lake.localcloud.cloud import LocalCloud
from rds_lake.localcloud.databases.embedded import EmbeddedPostgres
from rds_lake.localcloud.environment import environment
from rds_lake.localcloud.rds.export import ExportSettings
from rds_lake_tests.permissions import warehouse
from rds_lake_tests.permissions.lake import policies
from rds_lake_tests.permissions.replay import distinct
from rds_lake_tests.permissions.replay_table import PAGE, Row, replaced, rows
from rds_lake_tests.permissions.start import started
from rds_lake_tests.support.world import seed_tiny


def find_rows(folder: Path) -> list[Row]:
    """What the journey needs of the printed policies."""
    with EmbeddedPostgres() as postgres:
        url = postgres.create_database("shop")
        seed_tiny(url)
        settings = ExportSettings(starting_seconds=0, progress_seconds=0)
        with (
            LocalCloud({"shop-prod": url}, clusters={"shop-aurora": url}, exports=settings) as cloud,
            started(cloud, url, folder) as journey,
        ):
            return rows(policies(journey.root.config), distinct(journey.steps))


@click.command()
@click.option("--print", "only_print", is_flag=True, help="Print it; leave the page as it is.")
@click.option("--warehouses", "only_warehouses", is_flag=True, help="Make the part of the warehouses alone.")
def main(only_print: bool, only_warehouses: bool) -> None:
    """Write docs/permissions.md."""
    os.environ.update(environment("http://127.0.0.1:9") | {"MOTO_EC2_LOAD_DEFAULT_AMIS": "false"})
    page = PAGE.read_text(encoding="utf-8")
    if not only_warehouses:
        with tempfile.TemporaryDirectory(prefix="rds-lake-replay-") as folder:
            page = replaced(page, find_rows(Path(folder)))
    page = warehouse.replaced(page, [warehouse.workgroup(), warehouse.cluster()])
    if only_print:
        click.echo(page)
    else:
        PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main(prog_name="python -m bench.replay_table")
