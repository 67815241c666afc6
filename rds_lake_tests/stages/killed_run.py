"""A run that SIGKILLs itself before its n-th write: `python killed_run.py <endpoint> <lake.yaml> <n>`.

Every request that changes S3, Glue or Athena counts as a write, boto3's and the wire's alike. Exits with 0 when there were
fewer writes than n.
"""

import itertools
import os
import signal
import sys
import threading
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import boto3

from rds_lake.aws.clients import AwsClients
from rds_lake.aws.rds import RdsGateway
from rds_lake.aws.s3_connection import Answer, Connection
from rds_lake.config import load_config
from rds_lake.stages.lake import open_lake
from rds_lake.stages.source_run import SourceRun

READS = ("Get", "List", "Head", "Describe", "BatchGet")


def kill_before(number: int) -> None:
    """Make the n-th write the end of this process, whoever sends it."""
    counter, lock = itertools.count(1), threading.Lock()

    def count(_: Any = None, **__: Any) -> None:
        with lock:
            if next(counter) >= number:
                os.kill(os.getpid(), signal.SIGKILL)

    def count_call(model: Any, **_: Any) -> None:
        if not model.name.startswith(READS):
            count()

    original = AwsClients.client

    def client(self: AwsClients, service: str) -> Any:
        built = original(self, service)
        if not getattr(built, "counted", False):
            built.counted = True
            built.meta.events.register("before-call", count_call)
        return built

    AwsClients.client = client  # type: ignore[method-assign]
    ask = Connection.ask

    async def counted(self: Connection, method: str, target: str, headers: dict[str, str], body: bytes = b"") -> Answer:
        if method not in ("GET", "HEAD"):
            count()
        return await ask(self, method, target, headers, body)

    Connection.ask = counted  # type: ignore[method-assign]


def main(endpoint: str, config_path: str, number: str) -> None:
    """Relocate, catalogue and publish the date, up to the n-th write."""
    kill_before(int(number))
    config = load_config(Path(config_path))
    clients = AwsClients(boto3.Session(region_name="us-east-1"), endpoint_url=endpoint)
    lake, source = open_lake(clients, config.lake), config.sources[0]
    run = SourceRun(config=config, source=source, rds=RdsGateway(clients.rds), lake=lake, log=lambda line: None)
    day = date(2026, 11, 20)
    run.accept(day, poll_seconds=0.05)
    run.relocate(day)
    run.catalogue(day)
    run.publish(day, now=datetime(2026, 11, 20, 12, tzinfo=UTC))


if __name__ == "__main__":
    main(*sys.argv[1:])
