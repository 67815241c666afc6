"""What the local cloud's gate costs: the time of requests with it and without it, in pairs.

    python -m bench.gate_cost [--pairs 300]

The caller is a session of a role with twenty statements. Each operation is called through the gate and past it by turns, in one
process and without sockets, which would only make the share smaller; timed is the application alone, without boto3.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Iterable
from typing import Any

import boto3
import click

from bench.bars import bar, exit_by_bars
from rds_lake.localcloud.cloud import LocalCloud
from rds_lake.localcloud.permissions.gate import Actor

_BUCKET = "bench-bucket"
_GOAL = 10.0  # percent


def policy() -> str:
    """Twenty statements, of which the last ones allow what is called."""
    other = [
        {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": f"arn:aws:s3:::other-{number}/*"}
        for number in range(16)
    ]
    used = [
        {"Effect": "Allow", "Action": ["s3:*"], "Resource": [f"arn:aws:s3:::{_BUCKET}", f"arn:aws:s3:::{_BUCKET}/*"]},
        {"Effect": "Allow", "Action": ["glue:Get*"], "Resource": "arn:aws:glue:*:*:*"},
        {"Effect": "Allow", "Action": ["sqs:*", "rds:Describe*"], "Resource": "*"},
        {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}},
    ]
    return json.dumps({"Version": "2012-10-17", "Statement": other + used})


class Timed:
    """An application whose time is added up (seconds)."""

    def __init__(self, app: Callable[..., Iterable[bytes]]) -> None:
        self._app = app
        self.last = 0.0

    def __call__(self, environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        began = time.perf_counter()
        parts = list(self._app(environ, start))
        self.last = time.perf_counter() - began
        return parts


def operations() -> dict[str, tuple[str, str, dict[str, Any]]]:
    """What is called, by name: service, method and arguments."""
    where = {"Bucket": _BUCKET, "Key": "a/b"}
    return {
        "s3 GetObject": ("s3", "get_object", where),
        "s3 PutObject": ("s3", "put_object", where | {"Body": b"x" * 4096}),
        "s3 CopyObject": ("s3", "copy_object", where | {"Key": "a/c", "CopySource": f"{_BUCKET}/a/b"}),
        "s3 ListObjectsV2": ("s3", "list_objects_v2", {"Bucket": _BUCKET, "Prefix": "a/"}),
        "glue GetTable": ("glue", "get_table", {"DatabaseName": "shop", "Name": "orders"}),
        "sqs GetQueueUrl": ("sqs", "get_queue_url", {"QueueName": "queue"}),
        "rds DescribeDBInstances": ("rds", "describe_db_instances", {}),
    }


def prepare(cloud: LocalCloud) -> Any:
    """A bucket, a table, a queue and the session of a role: its principal."""
    client = cloud.clients.client
    client("s3").create_bucket(Bucket=_BUCKET)
    client("s3").put_object(Bucket=_BUCKET, Key="a/b", Body=b"x")
    client("glue").create_database(DatabaseInput={"Name": "shop"})
    client("glue").create_table(DatabaseName="shop", TableInput={"Name": "orders"})
    client("sqs").create_queue(QueueName="queue")
    trust = {"Effect": "Allow", "Principal": {"AWS": "123456789012"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = client("iam").create_role(RoleName="bench", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    client("iam").put_role_policy(RoleName="bench", PolicyName="bench", PolicyDocument=policy())
    return client("sts").assume_role(RoleArn=role, RoleSessionName="bench")["Credentials"]["AccessKeyId"]


def gated(cloud: LocalCloud, key: str) -> Callable[..., Iterable[bytes]]:
    """The application behind the gate, for that key: the key is looked up with each request, as over HTTP."""

    def app(environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        principal = cloud.permissions.callers.find(key)
        return Actor(cloud.app, cloud.permissions, principal)(environ, start)

    return app


@click.command()
@click.option("--pairs", default=300, show_default=True, help="Calls of each operation with the gate and without it.")
def main(pairs: int) -> None:
    """Measure, print a line for each operation, and exit with 1 when the gate costs more than a tenth."""
    boto3.setup_default_session(region_name="us-east-1")
    with LocalCloud({}) as cloud:
        key = prepare(cloud)
        through, past = Timed(gated(cloud, key)), Timed(cloud.app)
        shares = []
        for name, (service, method, arguments) in operations().items():
            calls = [getattr(cloud.clients.through(timed).client(service), method) for timed in (past, through)]
            times: list[tuple[float, float]] = []
            for number in range(pairs + 20):
                for call in calls if number % 2 else reversed(calls):
                    call(**arguments)
                times.append((past.last, through.last))
            times = times[20:]
            without = statistics.median(pair[0] for pair in times)
            cost = statistics.median(pair[1] - pair[0] for pair in times)
            shares.append(100 * cost / without)
            click.echo(f"{name:26} {without * 1e6:7.0f} us without, {cost * 1e6:+6.0f} us ({shares[-1]:+.1f} %)")
    bar("gate_cost_percent", statistics.mean(shares), _GOAL, at_most=True)
    exit_by_bars()


if __name__ == "__main__":
    main()
