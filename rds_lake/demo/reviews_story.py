"""The demo's DynamoDB source: wait for its views, query them in Athena, show the answers. Its content: `reviews.py`."""

from __future__ import annotations

import time
from datetime import date

from rich.console import Console

from rds_lake.aws.athena import AthenaGateway
from rds_lake.aws.s3.gateway import S3Gateway
from rds_lake.config.dynamodb import DynamoDb
from rds_lake.demo.report import print_answer
from rds_lake.demo.reviews import Reviews
from rds_lake.errors import RdsLakeError
from rds_lake.model.lake.layout import LakeLayout
from rds_lake.stages.lake.pointer import find_pointer

# DynamoDB refuses exports as of the last five minutes, so just after midnight the demo waits for them to pass.
_PUBLISH_SECONDS = 480

QUESTION = """SELECT u.address.city AS city, count(*) AS reviews, avg(r.stars) AS stars, max(r.price) AS dearest
FROM reviews r JOIN users u ON u.id = r.author.id
GROUP BY 1 ORDER BY 1"""
TAGS = "SELECT tag, count(*) AS reviews FROM reviews CROSS JOIN UNNEST(tags) AS t(tag) GROUP BY 1 ORDER BY 2 DESC, 1"


def show_reviews(
    console: Console,
    athena: AthenaGateway,
    s3: S3Gateway,
    layout: LakeLayout,
    source: DynamoDb,
    written: Reviews,
    day: date,
) -> bool:
    """Wait for the tables' views and show their answers; returns whether they have the items of the snapshot's instant."""
    console.print(
        f"\n[bold]{source.name}[/]  DynamoDB, as of {day} {source.export_at:%H:%M} UTC; reconciliation began it"
    )
    deadline = time.monotonic() + _PUBLISH_SECONDS
    while (pointer := find_pointer(s3, layout, source.name)) is None or pointer.snapshot_date != day:
        if time.monotonic() > deadline:
            raise RdsLakeError(f"{source.name} {day} was not published within {_PUBLISH_SECONDS} s")
        time.sleep(0.5)
    equal = True
    for view, count in written.counts.items():
        (row,) = athena.run(f"SELECT count(*) FROM {view}", database=source.name).rows
        equal &= int(row[0] or 0) == count
        console.print(f"  {view}: {count} items at that instant, {row[0]} rows in Athena", highlight=False)
    console.print(f"  {written.later} reviews were written later and do not belong to that date", highlight=False)
    print_answer(console, "Nested attributes", QUESTION, athena.run(QUESTION, database=source.name))
    print_answer(console, "A list, unnested", TAGS, athena.run(TAGS, database=source.name))
    return equal
