"""Writes docs/streams-triggers.md from what is generated for its tables now.

python -m bench.trigger_ddl
"""

from __future__ import annotations

import click

from rds_lake.localcloud.databases.embedded import EmbeddedPostgres
from rds_lake.localcloud.databases.mariadb import EmbeddedMariaDb
from rds_lake.model.aws.engine import Engine
from rds_lake_tests.database.capture.shown import PAGE, replaced, sections


@click.command()
def main() -> None:
    """Write the page."""
    found: dict[str, str] = {}
    for engine, server in ((Engine.POSTGRES, EmbeddedPostgres()), (Engine.MYSQL, EmbeddedMariaDb())):
        with server:
            found |= sections(engine, server.create_database("flights"))
    PAGE.write_text(replaced(PAGE.read_text(encoding="utf-8"), found), encoding="utf-8")


if __name__ == "__main__":
    main(prog_name="python -m bench.trigger_ddl")
