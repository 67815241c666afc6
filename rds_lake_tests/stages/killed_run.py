"""A run that SIGKILLs itself before its n-th write: `python killed_run.py <endpoint> <lake.yaml> <n>`.

Every call that changes S3, Glue or Athena counts as a write. Exits with 0 when there were fewer writes than n.
"""

import itertools
import os
import signal
import sys
import threading
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from rds_lake.aws.clients import AwsClients
from rds_lake.config import load_config
from rds_lake.defs.resources import AwsResource
from rds_lake.stages.source_run import SourceRun

READS = ("Get", "List", "Head", "Describe", "BatchGet")


def kill_before(number: int) -> None:
    """Make the n-th write of any client the end of this process."""
    counter, lock = itertools.count(1), threading.Lock()

    def count(model: Any, **_: Any) -> None:
        if model.name.startswith(READS):
            return
        with lock:
            if next(counter) >= number:
                os.kill(os.getpid(), signal.SIGKILL)

    original = AwsClients.client

    def client(self: AwsClients, service: str) -> Any:
        built = original(self, service)
        if not getattr(built, "counted", False):
            built.counted = True
            built.meta.events.register("before-call", count)
        return built

    AwsClients.client = client  # type: ignore[method-assign]


def main(endpoint: str, config_path: str, number: str) -> None:
    """Relocate, catalogue and publish the date, up to the n-th write."""
    kill_before(int(number))
    config = load_config(Path(config_path))
    gateways = AwsResource(endpoint_url=endpoint, region_name="us-east-1").gateways(config.lake)
    run = SourceRun(
        config=config, source=config.sources[0], rds=gateways.rds, lake=gateways.lake, log=lambda line: None
    )
    day = date(2026, 11, 20)
    run.accept(day, poll_seconds=0.05)
    run.relocate(day)
    run.catalogue(day)
    run.publish(day, now=datetime(2026, 11, 20, 12, tzinfo=UTC))


if __name__ == "__main__":
    main(*sys.argv[1:])
