"""A lake on the local cloud, with the few verbs tests are written in."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import unquote, urlsplit
from urllib.request import Request, urlopen

import psycopg
import pymysql
import pytest
import yaml

from rds_lake.config.database import Aurora
from rds_lake.config.dynamodb import DynamoDb
from rds_lake.config.lake_yaml import LakeConfig, load_config
from rds_lake.config.source import SourceSettings
from rds_lake.defs.resources import AwsResource, Gateways
from rds_lake.localcloud.cloud import LocalCloud
from rds_lake.localcloud.faults.fault_bodies import read_faults
from rds_lake.localcloud.rds.export import ExportSettings
from rds_lake.model.dynamodb.glue_run import JobRun
from rds_lake.stages.source.outcomes import Published
from rds_lake.stages.watch.sources import run_of
from rds_lake_tests.fakes.glue import LocalSpark
from rds_lake_tests.support.pipeline_keys import aws_of, begin_session, has_session, variables_of
from rds_lake_tests.support.stack_at_once import deploy_at_once

_TINY = """
DROP SCHEMA IF EXISTS sales CASCADE;
DROP SCHEMA public CASCADE;
CREATE SCHEMA public;
CREATE SCHEMA sales;
CREATE TABLE orders (id bigint PRIMARY KEY, total numeric(12,2), placed_at timestamptz, tags text[]);
INSERT INTO orders SELECT i, i + 0.25, timestamptz '2026-01-01 12:00:00+00' + i * interval '1 hour',
    CASE WHEN i % 2 = 0 THEN ARRAY['a', 'b,"c"', NULL] END FROM generate_series(1, 10) i;
CREATE TABLE "Order Details" ("OrderID" bigint, "select" text);
INSERT INTO "Order Details" SELECT i, 'line ' || i FROM generate_series(1, 20) i;
CREATE TABLE sales.nothing (id integer, amount numeric);
"""


def seed_tiny(url: str) -> None:
    """Fill the tiny database with its content of day one, whatever it held before."""
    with psycopg.connect(url) as connection:
        connection.execute(_TINY)


def execute(url: str, statement: str) -> None:
    """Run SQL in the source database."""
    with psycopg.connect(url) as connection:
        connection.execute(statement.encode())


def execute_mysql(url: str, *statements: str) -> tuple[tuple[Any, ...], ...]:
    """Run SQL in a MySQL source, one session; the rows of the last statement."""
    parts = urlsplit(url)
    connection = pymysql.connect(
        host=parts.hostname,
        port=parts.port or 3306,
        user=parts.username,
        password=parts.password or "",
        database=unquote(parts.path.lstrip("/")),
        autocommit=True,
    )
    with closing(connection), connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
        return tuple(cursor.fetchall())


@contextmanager
def mariadb_cloud(url: str) -> Iterator[LocalCloud]:
    """A local cloud of its own, whose one instance `shop-prod` is a MariaDB."""
    settings = ExportSettings(starting_seconds=0.0, progress_seconds=0.0)
    with LocalCloud({"shop-prod": url}, exports=settings) as cloud:
        yield cloud


def post(url: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """POST JSON; status and answer, also of refusals."""
    try:
        headers = {"Content-Type": "application/json"}
        with urlopen(Request(url, json.dumps(body).encode(), headers), timeout=60) as answer:
            return answer.status, json.load(answer)
    except HTTPError as error:
        return error.code, json.load(error)


def answers(url: str) -> bool:
    """Whether a server is there that answers a GET well."""
    try:
        with urlopen(url, timeout=5):
            return True
    except (URLError, ConnectionError, TimeoutError):
        return False


@cache
def _with_one_source(path: Path) -> str:
    body = yaml.safe_load(path.read_text(encoding="utf-8"))
    return yaml.safe_dump(body | {"sources": body["sources"][:1]})


@dataclass(slots=True)
class World:
    """One lake; `lines` collects what the stages log.

    The pipeline works under exactly the printed policy: Dagster gets `aws`, stages and commands get `gateways`. The test's own
    calls, which may everything, are those of `root` and `clients`.
    """

    cloud: LocalCloud
    url: str
    config: LakeConfig
    aws: AwsResource
    pipeline: Gateways
    root: Gateways
    lines: list[str] = field(default_factory=list)
    deployed: LakeConfig | None = None

    @classmethod
    def provisioned(cls, cloud: LocalCloud, *, url: str, directory: Path, root: Path) -> "World":
        (directory / "lake.yaml").write_text(_with_one_source(root / "lake.yaml"), encoding="utf-8")
        return cls.of(cloud, url=url, config=load_config(directory / "lake.yaml"))

    @classmethod
    def of(cls, cloud: LocalCloud, *, url: str, config: LakeConfig, is_set_up: bool = False) -> "World":
        """A lake as configured, provisioned; `is_set_up`: it is already, by `rds-lake setup` itself."""
        aws = aws_of(cloud.url, "pipeline")
        world = cls(
            cloud=cloud,
            url=url,
            config=config,
            aws=aws,
            pipeline=aws.gateways(config.lake),
            root=aws_of(cloud.url, "root").gateways(config.lake),
        )
        if is_set_up:
            begin_session(config)
            world.deployed = config
        world.provision()
        return world

    def provision(self) -> None:
        """What `rds-lake setup` makes for the configuration as it is now, and a session of the pipeline's role."""
        if self.deployed is not self.config:
            deploy_at_once(self.cloud, self.config)
            begin_session(self.config)
            self.deployed = self.config
        elif not has_session(self.config):  # another lake of the same test had its turn
            begin_session(self.config)

    def be_the_process(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Give this process the environment of one that works as the pipeline."""
        for name, value in variables_of(self.cloud.url).items():
            monkeypatch.setenv(name, value)

    @property
    def gateways(self) -> Gateways:
        """The pipeline's gateways, with the rights that the configuration has now."""
        self.provision()
        return self.pipeline

    @property
    def clients(self) -> Any:
        """boto3 clients by service: `world.clients.client("s3")`."""
        return self.cloud.clients

    def with_source(self, **changes: Any) -> None:
        """Change settings of the one source."""
        self._replace_source(self.config.sources[0].model_copy(update=changes))

    def _replace_source(self, source: SourceSettings) -> None:
        self.config = self.config.model_copy(update={"sources": (source,)})

    def snapshot(self, day: str, *, kind: str = "automated", hour: int = 3, minute: int = 0, **changes: Any) -> str:
        """Take a snapshot at that time; its ARN. `event=False`: without its events."""
        at = f"{day}T{hour:02}:{minute:02}:00+00:00"
        source = self.config.databases[0]
        key = "cluster" if isinstance(source, Aurora) else "database"
        body = ({} if "database" in changes else {key: source.identifier}) | {"type": kind, "at": at} | changes
        status, answer = post(f"{self.cloud.url}/_local/snapshots", body)
        assert status == 200, answer
        return answer["arn"]

    def of_cluster(self, *snapshots: str) -> None:
        """Make the one source the cluster instead of the instance."""
        keys = self.config.databases[0].model_dump(exclude_unset=True)
        keys |= {"kind": "aurora", "identifier": "shop-aurora", "snapshots": snapshots or ("automated",)}
        self._replace_source(Aurora.model_validate(keys))

    def of_dynamodb(self, *tables: str, **changes: Any) -> "DynamoWorld":
        """Make the one source a set of DynamoDB tables."""
        source = {"name": "reviews", "kind": "dynamodb", "tables": tables or ("Reviews", "Users")} | changes
        self._replace_source(DynamoDb.model_validate(source))
        self.provision()
        return DynamoWorld(world=self)

    def with_glue(self, **lake: Any) -> LocalSpark:
        """Give the lake a Glue job whose runs are done by the local engine; call it before the source is made."""
        changes = {"glue_role": "arn:aws:iam::123456789012:role/rds-lake-convert"} | lake
        self.config = self.config.model_copy(update={"lake": self.config.lake.model_copy(update=changes)})
        self.cloud.job_runs.stand_in = stand_in = LocalSpark(self.clients.client("s3"))
        return stand_in

    def job_runs(self) -> list[JobRun]:
        """The runs of the lake's Glue job, newest first."""
        return list(self.root.glue.jobs.list_runs(self.config.lake.glue_job))

    def mailbox(self) -> "Mailbox":
        """A mailbox that gets what is published to the lake's topic from now on."""
        sqs, sns = self.clients.client("sqs"), self.clients.client("sns")
        url = sqs.create_queue(QueueName="mails")["QueueUrl"]
        endpoint = "arn:aws:sqs:us-east-1:123456789012:mails"
        sns.subscribe(TopicArn=self.config.lake.notifications, Protocol="sqs", Endpoint=endpoint)
        return Mailbox(sqs=sqs, url=url)

    def break_next_export(self, **fault: Any) -> None:
        """The next task ends otherwise: `fail="cause"`, `skip_tables=[…]`, `stuck=True` or `cancel=True`."""
        self.cloud.faults.add(read_faults({"exports": [fault]}))

    def run(self, **changes: Any) -> Any:
        """The source's stages (`DatabaseRun` or `DynamoRun`), with `changes` to them or to what they share."""
        gateways = self.gateways
        run = run_of(
            self.config,
            self.config.sources[0],
            rds=gateways.rds,
            dynamodb=gateways.dynamodb,
            lake=gateways.lake,
            log=self.lines.append,
        )
        return changed_run(run, **changes)

    def publish(self, day: str, **changes: Any) -> Published:
        """All stages of a date, as a manual run does them."""
        run, when = self.run(**changes), date.fromisoformat(day)
        run.accept(when, poll_seconds=0.05)
        run.relocate(when)
        run.shared.catalogue(when)
        return run.shared.publish(when, now=datetime.now(UTC))

    def query(self, sql: str) -> list[tuple[str | None, ...]]:
        """Rows from Athena."""
        return list(self.root.athena.run(sql, database=self.config.sources[0].name).rows)

    def keys(self, prefix: str = "") -> list[str]:
        """Keys in the lake's bucket, sorted."""
        return sorted(item.key for item in self.root.s3.list_objects("acme-lake", prefix))

    def messages(self) -> list[dict[str, Any]]:
        """Events in the queue, received and left there."""
        return [json.loads(message.body) for message in self.root.queue.receive(max_messages=10, wait_seconds=0)]


def changed_run(run: Any, **changes: Any) -> Any:
    """The run with other fields, its own or those of its shared stages."""
    own = {name: value for name, value in changes.items() if name in {field.name for field in fields(run)}}
    shared = {name: value for name, value in changes.items() if name not in own}
    return replace(run, **({"shared": replace(run.shared, **shared)} | own))


@dataclass(slots=True)
class DynamoWorld:
    """DynamoDB of a world: its tables, and the local cloud's clock."""

    world: World

    @property
    def client(self) -> Any:
        return self.world.clients.client("dynamodb")

    def clock(self, moment: datetime | None) -> None:
        """Set the time of the local cloud; None: real time."""
        self.world.cloud.clock.move(round(moment.timestamp() * 1_000_000) if moment else None)

    def create(self, name: str, *items: dict[str, Any], recovery: bool = True, **more: Any) -> None:
        """A table with the key `id`, and its items."""
        arguments = {
            "TableName": name,
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        } | ({"BillingMode": "PAY_PER_REQUEST"} if "ProvisionedThroughput" not in more else {})
        self.client.create_table(**arguments, **more)
        if recovery:
            self.recovery(name, on=True)
        self.put(name, *items)

    def recovery(self, name: str, *, on: bool) -> None:
        wanted = {"PointInTimeRecoveryEnabled": on}
        self.client.update_continuous_backups(TableName=name, PointInTimeRecoverySpecification=wanted)

    def put(self, name: str, *items: dict[str, Any]) -> None:
        """Items as DynamoDB has them: `{"id": {"S": "1"}}`."""
        for item in items:
            self.client.put_item(TableName=name, Item=item)

    def delete(self, name: str, *keys: str) -> None:
        """The items with these `id`s."""
        for key in keys:
            self.client.delete_item(TableName=name, Key={"id": {"S": key}})

    def exports(self, name: str) -> list[dict[str, Any]]:
        """The table's exports, described."""
        arn = f"arn:aws:dynamodb:us-east-1:123456789012:table/{name}"
        summaries = self.client.list_exports(TableArn=arn)["ExportSummaries"]
        return [self.client.describe_export(ExportArn=item["ExportArn"])["ExportDescription"] for item in summaries]

    def break_next_export(self, **fault: Any) -> None:
        """The next export ends otherwise: `fail="words"`, `stuck=True`, `missing_file=True` or `damaged_file=True`."""
        self.world.cloud.faults.add(read_faults({"dynamodb_exports": [fault]}))


@dataclass(slots=True)
class Mailbox:
    """What was published to the lake's SNS topic."""

    sqs: Any
    url: str
    mails: list[dict[str, Any]] = field(default_factory=list)

    def read(self) -> list[dict[str, Any]]:
        """Every mail so far: Subject and Message."""
        while received := self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10).get("Messages"):
            for message in received:
                self.mails.append(json.loads(message["Body"]))
                self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
        return self.mails


def until(happened: Callable[[], Any], *, seconds: float = 240, what: str = "it", every: float = 0.1) -> Any:
    """The first true answer within the time, asked for every so many seconds; an assertion error after it."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if answer := happened():
            return answer
        time.sleep(every)
    raise AssertionError(f"{what} did not happen within {seconds} s")
