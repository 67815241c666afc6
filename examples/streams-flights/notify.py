"""A Dagster sensor that turns each new route into one message of an SNS topic.

The sensor asks for a run of `tell_of_route` with the route as its run key, and the run publishes. Dagster starts one run for a key,
for ever: a tick that is repeated, a cursor that is lost, and a change that comes twice (capture by Lambda may bring one twice) ask
for a run that is there already. A run that cannot publish fails and is seen in Dagster; to execute it again is safe.
"""

import os
from pathlib import Path

import boto3
import dagster as dg
from changes import inserted

from rds_lake.config.lake_yaml import load_config


class Route(dg.Config):
    """The columns of the table that the message has; a route without a group has none."""

    airline: str
    flight: str
    origin: str
    destination: str
    group: str | None = None


@dg.op
def tell(config: Route) -> None:
    """Publish the message."""
    group = f", group {config.group}" if config.group else ""
    message = f"{config.airline} {config.flight}: {config.origin} to {config.destination}{group}"
    boto3.client("sns").publish(TopicArn=os.environ["ROUTES_TOPIC"], Subject="A new route", Message=message)


@dg.job
def tell_of_route() -> None:
    """One run for each route."""
    tell()


@dg.sensor(job=tell_of_route, minimum_interval_seconds=30, default_status=dg.DefaultSensorStatus.RUNNING)
def new_routes(context: dg.SensorEvaluationContext) -> dg.SensorResult:
    """Asks for a run for each row that was inserted since the last tick."""
    cursor, rows = inserted(load_config(Path(os.environ["RDS_LAKE_CONFIG"])), context.cursor)
    routes = [{name: row.get(name) for name in Route.model_fields} for row in rows]
    requests = [
        dg.RunRequest(run_key=f"{route['airline']} {route['flight']}", run_config={"ops": {"tell": {"config": route}}})
        for route in routes
    ]
    return dg.SensorResult(run_requests=requests, cursor=cursor)


defs = dg.Definitions(jobs=[tell_of_route], sensors=[new_routes])
