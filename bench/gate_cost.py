"""What the local cloud's gate costs: the time of requests over HTTP with it and without it, in pairs.

    python -m bench.gate_cost [--pairs 300]     # an idle machine is needed
    python -m bench.gate_cost --alone           # processor time of the gate alone, which other work hardly changes

The caller is a session of a role with twenty statements. Two servers have the same local cloud behind them, one without the gate.
Each request is sent to both by turns, signed once and as bytes, so that no client's time is counted.
"""

from __future__ import annotations

import http.client
import io
import json
import statistics
import time
from typing import Any
from urllib.parse import urlsplit

import boto3
import click

from bench.bars import bar, exit_by_bars
from rds_lake.localcloud.cloud import LocalCloud
from rds_lake.localcloud.faults.skew import ClockGate
from rds_lake.localcloud.faults.throttling import ThrottleGate
from rds_lake.localcloud.http.gate import PageGate
from rds_lake.localcloud.http.server import Server
from rds_lake.localcloud.permissions.gate import PermissionGate

_BUCKET = "bench-bucket"
_GOAL = 10.0  # percent
_WARM = 20
_CALLS, _TIMES = 1000, 7
_OTHERS = ("athena", "dynamodb", "events", "firehose", "kms", "lambda", "logs", "sns")
Sent = tuple[str, str, bytes, dict[str, str]]


def policy() -> str:
    """Twenty statements, of which the last ones allow what is called."""
    unused = [
        {
            "Effect": "Allow",
            "Action": [f"{service}:Get*", f"{service}:Put*"],
            "Resource": f"arn:aws:{service}:*:*:{number}/*",
        }
        for number in (1, 2)
        for service in _OTHERS
    ]
    used = [
        {"Effect": "Allow", "Action": ["s3:*"], "Resource": [f"arn:aws:s3:::{_BUCKET}", f"arn:aws:s3:::{_BUCKET}/*"]},
        {"Effect": "Allow", "Action": ["glue:Get*"], "Resource": "arn:aws:glue:*:*:*"},
        {"Effect": "Allow", "Action": ["sqs:*", "rds:Describe*"], "Resource": "*"},
        {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}},
    ]
    return json.dumps({"Version": "2012-10-17", "Statement": unused + used})


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


def prepare(cloud: LocalCloud) -> dict[str, str]:
    """A bucket, a table, a queue, and the keys of a role's session."""
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
    return client("sts").assume_role(RoleArn=role, RoleSessionName="bench")["Credentials"]


def signed(cloud: LocalCloud, keys: dict[str, str], service: str, method: str, arguments: dict[str, Any]) -> Sent:
    """A request as boto3 sends it: method, path with query, body and headers."""
    client: Any = boto3.client(
        service,  # type: ignore[call-overload]
        endpoint_url=cloud.url,
        region_name="us-east-1",
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )
    sent: list[Sent] = []

    def keep(request: Any, **_: Any) -> None:
        url = urlsplit(request.url)
        body = request.body.read() if hasattr(request.body, "read") else request.body or b""
        body = body.encode() if isinstance(body, str) else body
        text = {name: value.decode() if isinstance(value, bytes) else value for name, value in request.headers.items()}
        text = {name: value for name, value in text.items() if name.lower() not in ("expect", "content-length")}
        sent.append((request.method, f"{url.path}?{url.query}", body, text))
        if hasattr(request.body, "seek"):
            request.body.seek(0)

    client.meta.events.register("before-send", keep)
    getattr(client, method)(**arguments)
    return sent[0]


def timed(connection: http.client.HTTPConnection, request: Sent) -> float:
    """How long an answer takes (seconds)."""
    began = time.perf_counter()
    connection.request(*request)
    answer = connection.getresponse()
    answer.read()
    if answer.status != http.HTTPStatus.OK:
        raise click.ClickException(f"{request[:2]} was answered with {answer.status}")
    return time.perf_counter() - began


def environ_of(request: Sent) -> dict[str, Any]:
    """What a server makes of a request, for an application that is called without one."""
    method, path, body, headers = request
    where, _, query = path.partition("?")
    named = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()}
    return named | {
        "REQUEST_METHOD": method,
        "PATH_INFO": where,
        "QUERY_STRING": query,
        "CONTENT_TYPE": named.get("HTTP_CONTENT_TYPE", ""),
        "CONTENT_LENGTH": str(len(body)),
        "HTTP_HOST": "127.0.0.1:4566",
        "wsgi.input": io.BytesIO(body),
    }


def processor_time(gate: PermissionGate, environs: list[dict[str, Any]]) -> float:
    """Of one request (microseconds)."""
    began = time.thread_time()
    for environ in environs:
        gate(environ, lambda *_: None)
    return (time.thread_time() - began) / len(environs) * 1e6


def measure_alone(cloud: LocalCloud, keys: dict[str, str]) -> None:
    """Print what each operation costs when it was decided before, and of S3's objects also when it was not."""
    gate = PermissionGate(lambda *_: [], cloud.permissions)
    for name, (service, method, arguments) in operations().items():
        request = signed(cloud, keys, service, method, arguments)
        known = [processor_time(gate, [environ_of(request) for _ in range(_CALLS)]) for _ in range(_TIMES)]
        line = f"{name:26} {min(known):6.1f} us"
        if "Key" in arguments:
            fresh = [
                [environ_of(request) | {"PATH_INFO": f"/{_BUCKET}/{turn}/{number}"} for number in range(_CALLS)]
                for turn in range(_TIMES)
            ]
            line += f", of another object each time {min(processor_time(gate, each) for each in fresh):6.1f} us"
        click.echo(line)


@click.command()
@click.option("--alone", is_flag=True, help="Processor time of the gate alone, without a server.")
@click.option(
    "--pairs", default=300, show_default=True, help="Requests of each operation with the gate and without it."
)
def main(pairs: int, alone: bool) -> None:
    """Measure, print a line for each operation, and exit with 1 when the gate costs more than a tenth."""
    with LocalCloud({}) as cloud:
        keys = prepare(cloud)
        if alone:
            measure_alone(cloud, keys)
            return
        bare = PageGate(ClockGate(ThrottleGate(cloud.app, cloud.faults)), cloud.app)
        with Server(bare) as ungated:
            ports = [urlsplit(url).port for url in (ungated.url, cloud.url)]
            past, through = (http.client.HTTPConnection("127.0.0.1", port) for port in ports)
            shares = []
            for name, (service, method, arguments) in operations().items():
                request = signed(cloud, keys, service, method, arguments)
                times = []
                for number in range(pairs + _WARM):
                    order = (past, through) if number % 2 else (through, past)
                    taken = {connection: timed(connection, request) for connection in order}
                    times.append((taken[past], taken[through] - taken[past]))
                without, cost = (statistics.median(pair[index] for pair in times[_WARM:]) for index in (0, 1))
                shares.append(100 * cost / without)
                click.echo(f"{name:26} {without * 1e6:7.0f} us without, {cost * 1e6:+6.0f} us ({shares[-1]:+.1f} %)")
    bar("gate_cost_percent", statistics.mean(shares), _GOAL, at_most=True)
    exit_by_bars()


if __name__ == "__main__":
    main()
