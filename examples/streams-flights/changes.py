"""Where the sensor finds changes that it has not seen: objects of Firehose, or the cuts of the forwarder.

Both take a cursor, None at the first tick, and return the next one with the rows that were inserted. What a lost cursor brings again
is told of only once all the same (`notify.py`).
"""

import gzip
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from rds_lake.aws.session import open_clients
from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.model.streams.event import Op
from rds_lake.stages.lake.lake import Lake, open_lake
from rds_lake.stages.streams.cuts import complete_cuts, events_of, forwarded

SOURCE, TABLE = "flights", "flights.flights.routes"
_CUTS = 200  # in one tick, which may last for a minute

Row = Mapping[str, str | None]
Found = tuple[str, list[Row]]  # the next cursor, and inserted rows


def inserted(config: LakeConfig, cursor: str | None) -> Found:
    """The rows that were inserted since, by the source's way of capture."""
    lake = open_lake(open_clients(region=config.lake.region), config.lake)
    streams = config.databases[0].streams
    return _arrived(lake, cursor) if streams and streams.capture == "lambda" else _forwarded(lake, cursor)


def _forwarded(lake: Lake, cursor: str | None) -> Found:
    """From the final cuts: every change is in one of them, once. The cursor: the last cut that was read of each epoch."""
    read: dict[str, int] = json.loads(cursor or "{}")
    rows: list[Row] = []
    for record in forwarded(lake, SOURCE):
        for epoch in record.epochs:
            # Old cuts may have been removed by `retention:` before anybody looked.
            after = max(read.get(epoch.epoch, 0), epoch.first - 1)
            for cut in complete_cuts(lake, record, epoch=epoch.epoch, after=after):
                tables = [table for table in cut.tables if str(table.table.target) == TABLE]
                events = [event for table in tables for event in events_of(lake, table)]
                rows += [event.new for event in events if event.op is Op.INSERT and event.new]
                read[epoch.epoch] = cut.number
                if cut.number - after >= _CUTS:
                    break
    return json.dumps(read), rows


def _arrived(lake: Lake, cursor: str | None) -> Found:
    """From Firehose's objects, by the hour of their arrival. The cursor: the hours that may get more, and what was read of them."""
    now = datetime.now(UTC)
    seen = json.loads(cursor or "null") or {"hour": now.isoformat(), "keys": []}
    since = datetime.fromisoformat(seen["hour"]) - timedelta(hours=1)
    keys = list(_keys(lake, since, now))
    changes = [change for key in keys if key not in seen["keys"] for change in _lines(lake, key)]
    rows = [change["new"] for change in changes if (change["table"], change["op"]) == (TABLE, "I")]
    return json.dumps({"hour": now.isoformat(), "keys": keys}), rows


def _keys(lake: Lake, since: datetime, now: datetime) -> Iterator[str]:
    hour = since
    while hour.replace(minute=0, second=0, microsecond=0) <= now:
        folder = lake.layout.arrived_hour_folder(SOURCE, hour)
        yield from (item.key for item in lake.s3.list_objects(lake.layout.bucket, folder))
        hour += timedelta(hours=1)


def _lines(lake: Lake, key: str) -> Iterator[dict[str, Any]]:
    body = lake.s3.client.get_object(Bucket=lake.layout.bucket, Key=key)["Body"].read()
    return map(json.loads, gzip.decompress(body).splitlines())
