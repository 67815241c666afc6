"""`rds-lake local up`: the local cloud as a process that a person or another program starts and stops."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import FrameType

from rds_lake.files import write_whole
from rds_lake.localcloud.cloud import LocalCloud
from rds_lake.localcloud.databases import shop
from rds_lake.localcloud.databases.embedded import EmbeddedPostgres
from rds_lake.localcloud.environment import environment
from rds_lake.localcloud.http.account import ACCOUNT, REGION
from rds_lake.localcloud.rds.export import ExportSettings
from rds_lake.localcloud.rds.sources import Sources

SHOP_INSTANCE = "shop-prod"
# Slow enough to be seen, fast enough for a demo.
_LOOK_SECONDS = 5.0  # schedules are of whole minutes
_SETTINGS = ExportSettings(starting_seconds=1.0, progress_seconds=0.5)


def run_up(
    *,
    port: int,
    databases: Mapping[str, Sequence[str]],
    clusters: Mapping[str, Sequence[str]],
    ready_file: Path | None,
) -> None:
    """Serve until SIGINT or SIGTERM; without databases and clusters, the demo shop on an embedded PostgreSQL.

    `databases` and `clusters`: identifier -> URLs of its databases. `ready_file`: written as JSON (endpoint, URLs, Region,
    account) once the cloud answers, and removed at the end. SourceUrlError when a database cannot be read.
    """
    stopped = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        stopped.set()

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    with ExitStack() as stack:
        if not databases and not clusters:
            url = stack.enter_context(EmbeddedPostgres()).create_database("shop")
            shop.seed(url)
            databases = {SHOP_INSTANCE: [url]}
        Sources(databases, clusters).require_reachable()
        cloud = stack.enter_context(LocalCloud(databases, clusters=clusters, port=port, exports=_SETTINGS))
        _announce(cloud, ready_file)
        if ready_file is not None:
            # Removed, so that the next reader does not take a stopped cloud for a running one.
            stack.callback(ready_file.unlink, missing_ok=True)
        look_until(stopped, cloud.schedules.fire)


def look_until(stopped: threading.Event, fire: Callable[[], object], *, seconds: float = _LOOK_SECONDS) -> None:
    """Fire the due schedules every few seconds, until `stopped` is set."""
    while not stopped.wait(seconds):
        fire()


def _announce(cloud: LocalCloud, ready_file: Path | None) -> None:
    names = f"databases: {', '.join(cloud.databases) or 'none'}; clusters: {', '.join(cloud.clusters) or 'none'}"
    print(f"local cloud ready at {cloud.url}; {names}", flush=True)  # noqa: T201
    for name, value in environment(cloud.url).items():
        print(f"export {name}={value}", flush=True)  # noqa: T201 - for a person to copy
    if ready_file is not None:
        body = {
            "endpoint": cloud.url,
            "databases": {name: list(urls) for name, urls in cloud.databases.items()},
            "clusters": {name: list(urls) for name, urls in cloud.clusters.items()},
            "region": REGION,
            "account": ACCOUNT,
        }
        write_whole(ready_file, json.dumps(body), private=True)  # the URLs may hold passwords
