"""A Dagster sensor that tells an SNS topic of each new route, from what Firehose has written since its last tick.

Capture by Lambda may repeat a change and loses some: a route is told of once as long as the sensor remembers its change, and one
that was lost is found by the next snapshot only. Changes that arrive late lie in the hour of their arrival, so the hour before is
looked at as well.
"""

import gzip
import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import dagster as dg

from rds_lake.config.lake_yaml import load_config
from rds_lake.model.lake.layout import LakeLayout

SOURCE, TABLE = "flights", "flights.flights.routes"
_REMEMBERED = 10_000


@dg.sensor(minimum_interval_seconds=30, default_status=dg.DefaultSensorStatus.RUNNING)
def new_routes(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """Reads objects that were not there at the last tick, and publishes a message for each insert."""
    lake = load_config(Path(os.environ["RDS_LAKE_CONFIG"])).lake
    layout = LakeLayout(bucket=lake.bucket, prefix=lake.prefix)
    seen = json.loads(context.cursor or '{"keys": [], "changes": []}')
    s3, sns = boto3.client("s3"), boto3.client("sns")
    keys = list(_keys(s3, layout, datetime.now(UTC)))
    changes = [change for key in keys if key not in seen["keys"] for change in _changes(s3, layout.bucket, key)]
    told = list(seen["changes"])
    for change in changes:
        if (change["table"], change["op"]) == (TABLE, "I") and change["id"] not in told:
            sns.publish(TopicArn=os.environ["ROUTES_TOPIC"], Subject="A new route", Message=_message(change["new"]))
            told.append(change["id"])
    context.update_cursor(json.dumps({"keys": keys, "changes": told[-_REMEMBERED:]}))
    return dg.SkipReason(f"{len(changes)} changes read, {len(told) - len(seen['changes'])} new routes told")


def _keys(s3: Any, layout: LakeLayout, now: datetime) -> Iterator[str]:
    """The objects of this hour and the one before it."""
    for hour in (now - timedelta(hours=1), now):
        pages = s3.get_paginator("list_objects_v2").paginate(
            Bucket=layout.bucket, Prefix=layout.arrived_hour_folder(SOURCE, hour)
        )
        yield from (each["Key"] for page in pages for each in page.get("Contents", ()))


def _changes(s3: Any, bucket: str, key: str) -> Iterator[dict[str, Any]]:
    body = gzip.decompress(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    return map(json.loads, body.splitlines())


def _message(route: dict[str, str]) -> str:
    return f"{route['airline']} {route['flight']}: {route['origin']} to {route['destination']}, group {route['group']}"


defs = dg.Definitions(sensors=[new_routes])
