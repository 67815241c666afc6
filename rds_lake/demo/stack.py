"""Starts the local cloud, provisioned for one lake.yaml, and a Dagster home, for `story.py` (demo) and `dev.py`.

The lake is the package's own, `project/`; a lake.yaml in the working directory is not read.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.request import Request, urlopen
from uuid import uuid4

import boto3
import dagster as dg

from rds_lake.aws.clients import AwsClients
from rds_lake.config.lake_yaml import LakeConfig, load_config
from rds_lake.console.account.stack import Setup, StackAsked
from rds_lake.demo.processes import ProcessGroup
from rds_lake.demo.reviews import Reviews, seed
from rds_lake.demo.roles import as_pipeline
from rds_lake.errors import RdsLakeError
from rds_lake.infra.policy.deployed import name_prefix
from rds_lake.infra.stack.watch import Pace
from rds_lake.localcloud.databases.ports import free_port, is_free
from rds_lake.localcloud.environment import environment

_READY_SECONDS = 60
_PROJECT = Path(__file__).parent / "project"
_TEMPLATES = "rds-lake-demo-templates"
DEMO_CONFIG = _PROJECT / "lake.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """A running local cloud with a lake in it.

    `clients` have all rights, as the account's root user; started processes run as the pipeline's role.
    """

    config: LakeConfig
    endpoint: str
    databases: dict[str, str]
    clients: AwsClients
    processes: ProcessGroup
    dagster_home: Path
    reviews: Reviews | None = None

    def control(self, path: str, body: dict[str, str]) -> dict[str, str]:
        """POST to the local cloud's control API."""
        request = Request(  # noqa: S310 - our own loopback endpoint
            f"{self.endpoint}/_local/{path}", json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        with urlopen(request, timeout=120) as answer:  # noqa: S310
            return json.load(answer)


@contextmanager
def running_stack(
    config_path: Path, work: Path, *, extra: dict[str, str], say: Callable[[str], None], cloud_port: int | None = None
) -> Iterator[Stack]:
    """Start the local cloud, provision the lake, prepare a Dagster home in `work`; stop all at the end.

    `work` must exist; logs and the Dagster home stay in it. `extra` is added to the children's environment. `cloud_port`: of
    the local cloud, where it is free; else any.
    """
    config = load_config(config_path)
    port = cloud_port if cloud_port is not None and is_free(cloud_port) else free_port()
    endpoint = f"http://127.0.0.1:{port}"
    home = dagster_home(beside(config_path, "dagster.yaml").parent, work)
    variables = _without_aws(dict(os.environ)) | environment(endpoint) | {"DAGSTER_HOME": str(home)}
    variables |= {"RDS_LAKE_CONFIG": str(config_path.resolve()), "PYTHONUNBUFFERED": "1"} | extra
    with ProcessGroup(environment=as_pipeline(variables, config, work), log_folder=work) as processes:
        databases = _start_cloud(processes, port, work / "ready.json", say)
        clients = AwsClients(_session(variables), region=config.lake.region, endpoint_url=endpoint)
        _deploy(config, clients, say)
        stack = Stack(
            config=config,
            endpoint=endpoint,
            databases=databases,
            clients=clients,
            processes=processes,
            dagster_home=home,
        )
        if config.has_dynamodb:
            # Before Dagster starts: a date whose tables do not exist yet would be reported as a failure.
            stack = replace(stack, reviews=seed(clients, stack.control, datetime.now(UTC)))
            say("DynamoDB: tables Reviews and Users, recoverable since two days ago")
        try:
            yield stack
        finally:
            say("stopping Dagster, the local cloud and its databases")


def _deploy(config: LakeConfig, clients: AwsClients, say: Callable[[str], None]) -> None:
    """Deploy the stack as `rds-lake setup` does."""
    lines: list[str] = []
    pace = Pace(clock=time.monotonic, sleep=time.sleep, pause=0.1, longest=0.5)
    setup = Setup(config=config, clients=clients, pace=pace, token=lambda: str(uuid4()), say=lines.append)
    # For the template of a lake with many sources: it is too long for a call.
    clients.s3.create_bucket(Bucket=_TEMPLATES)
    setup.apply(StackAsked(parameters=("PipelineRunsOn=account",), template_bucket=_TEMPLATES))
    made = sum("  CREATE_COMPLETE" in line for line in lines) - 1
    say(f"rds-lake setup: CloudFormation's stack {name_prefix(config.lake)} with {made} resources")


def _start_cloud(processes: ProcessGroup, port: int, ready: Path, say: Callable[[str], None]) -> dict[str, str]:
    """Start the local cloud and wait until it is ready; returns the URL of each instance's first database."""
    ready.unlink(missing_ok=True)
    module = [sys.executable, "-m", "rds_lake.cli"]
    processes.start("local-cloud", [*module, "local", "up", "--port", str(port), "--ready-file", str(ready)])
    say("local cloud starting: moto, a real PostgreSQL, the demo shop")
    return {name: urls[0] for name, urls in _await_ready(ready, processes)["databases"].items()}


def beside(config_path: Path, name: str) -> Path:
    """The file with that name beside lake.yaml, or the demo's file if it does not exist."""
    own = config_path.resolve().with_name(name)
    return own if own.exists() else _PROJECT / name


@contextmanager
def work_folder(root: Path) -> Iterator[Path]:
    """A new folder under `root`/.demo, which is removed unless the block fails: then it keeps the logs."""
    parent = root / ".demo"
    parent.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="run-", dir=parent))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)
    if not any(parent.iterdir()):
        parent.rmdir()


def _await_ready(ready: Path, processes: ProcessGroup) -> dict[str, dict[str, str]]:
    await_start(processes, "local-cloud", ready.exists, what="the local cloud", seconds=_READY_SECONDS)
    return json.loads(ready.read_text(encoding="utf-8"))


def await_start(processes: ProcessGroup, name: str, is_up: Callable[[], bool], *, what: str, seconds: float) -> None:
    """Waits until the started command is up. RdsLakeError with the end of its log if it is not in time, or a command ended."""
    deadline = time.monotonic() + seconds
    while not is_up():
        if processes.dead() or time.monotonic() > deadline:
            log = processes.log_path(name).read_text(encoding="utf-8", errors="replace")
            raise RdsLakeError(f"{what} did not start; its log ends with:\n{log[-3000:]}")
        time.sleep(0.05)


def dagster_home(root: Path, work: Path) -> Path:
    """A fresh DAGSTER_HOME in `work` with its database made.

    Dagster's processes create the SQLite tables on first use, and two that do so at the same moment fail.
    """
    home = work / "dagster_home"
    home.mkdir(exist_ok=True)
    shutil.copy(root / "dagster.yaml", home / "dagster.yaml")
    with dg.DagsterInstance.from_config(str(home)) as instance:
        instance.get_runs(limit=1)
        instance.get_latest_materialization_event(dg.AssetKey("none"))
    return home


def _session(variables: dict[str, str]) -> boto3.Session:
    return boto3.Session(
        aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
        region_name=variables["AWS_DEFAULT_REGION"],
    )


def _without_aws(variables: dict[str, str]) -> dict[str, str]:
    """The environment without the user's AWS profiles and tokens, so that no child process can call a real account."""
    return {name: value for name, value in variables.items() if not name.startswith("AWS_")}
