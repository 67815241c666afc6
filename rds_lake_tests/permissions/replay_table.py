"""Prints the table of what needs what: each statement of each role's policy, and a call of the journey that breaks without it.

python -m rds_lake_tests.permissions.replay_table
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from rds_lake.infra.policy.document import PolicyDocument
from rds_lake.localcloud.cloud import LocalCloud
from rds_lake.localcloud.databases.embedded import EmbeddedPostgres
from rds_lake.localcloud.rds.export import ExportSettings
from rds_lake_tests.permissions.lake import policies
from rds_lake_tests.permissions.replay import Call, distinct, needs
from rds_lake_tests.permissions.start import started
from rds_lake_tests.permissions.unused import UNUSED
from rds_lake_tests.support.world import seed_tiny


def lines(documents: Mapping[str, PolicyDocument], calls: list[Call]) -> Iterator[str]:
    """The table in Markdown."""
    yield "| role | statement | without it breaks |"
    yield "|---|---|---|"
    for role, document in documents.items():
        for part, call in needs(role, document, calls).items():
            if not part.element:
                yield f"| {role} | {part.sid} | {call or UNUSED.get(str(part), 'nothing')} |"


def main() -> None:
    """Make the journey and print the table."""
    logging.disable(logging.CRITICAL)
    settings = ExportSettings(starting_seconds=0.0, progress_seconds=0.0)
    with EmbeddedPostgres() as server, tempfile.TemporaryDirectory() as folder:
        url = server.create_database("shop")
        seed_tiny(url)
        with (
            LocalCloud({"shop-prod": url}, clusters={"shop-aurora": url}, exports=settings) as cloud,
            started(cloud, url, Path(folder)) as journey,
        ):
            print("\n".join(lines(policies(journey.root.config), distinct(journey.steps))))


if __name__ == "__main__":
    main()
