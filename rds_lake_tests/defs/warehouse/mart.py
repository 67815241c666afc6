"""A warehouse of a world's lake, loaded from files alone, with Dagster around it."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from pathlib import Path
from time import sleep
from typing import Any

import dagster as dg

from rds_lake.config.warehouse import WarehouseSettings
from rds_lake.model.warehouse.record import RunRecord
from rds_lake.stages.warehouse.records import find_run, open_runs
from rds_lake_tests.defs.shell import Shell
from rds_lake_tests.support.world import World

SETTINGS: dict[str, Any] = {
    "name": "mart",
    "keep": False,
    "input": "s3://acme-drop/jobs/",
    "parameters": {"least": "1"},
    "loads": [
        {
            "name": "usage",
            "files": ["s3://acme-drop/data/usage.gz"],
            "format": "text",
            "columns": [{"name": "account", "type": "bigint"}, {"name": "note", "type": "varchar(5)"}],
        }
    ],
    "steps": "steps",
    "unload": [
        {
            "name": "result",
            "query": "SELECT * FROM totals ORDER BY account",
            "to": "s3://acme-results/mart/",
            "single_file": True,
        }
    ],
}
STEP = """CREATE TABLE totals AS
SELECT account, COUNT(*) AS notes FROM usage WHERE account >= CAST({{least}} AS BIGINT) GROUP BY account"""
_MOST_TICKS = 60


@dataclass(slots=True)
class Mart:
    """`shell` ticks and runs; `world` has the account."""

    world: World
    shell: Shell

    @classmethod
    def made(cls, world: World, instance: dg.DagsterInstance, folder: Path, **changes: Any) -> Mart:
        """The account's buckets, one file of usage, one step, and the warehouse in the world's lake.yaml."""
        settings = WarehouseSettings.model_validate(SETTINGS | changes)
        world.config = world.config.model_copy(update={"warehouses": (settings,), "directory": folder})
        (folder / "steps").mkdir(exist_ok=True)
        (folder / "steps" / "count.sql").write_text(STEP, encoding="utf-8")
        for bucket in ("acme-drop", "acme-results"):
            world.clients.client("s3").create_bucket(Bucket=bucket)
        mart = cls(world=world, shell=Shell(world, instance))
        mart.put("data/usage.gz", gzip.compress(b"1|one\n1|uno\n2|two\n"))
        return mart

    @property
    def s3(self) -> Any:
        return self.world.clients.client("s3")

    def put(self, key: str, body: bytes | dict[str, Any]) -> None:
        """An object of acme-drop; a dictionary as JSON."""
        text = json.dumps(body).encode() if isinstance(body, dict) else body
        self.s3.put_object(Bucket="acme-drop", Key=key, Body=text)

    def tell_of_objects(self) -> None:
        """Have acme-drop send events of its objects to EventBridge."""
        told = {"EventBridgeConfiguration": {}}
        self.s3.put_bucket_notification_configuration(Bucket="acme-drop", NotificationConfiguration=told)

    def hide_messages_for(self, seconds: int) -> None:
        """What a consumer received and did not delete comes back so soon: by default it does after five minutes."""
        sqs = self.world.clients.client("sqs")
        url = sqs.get_queue_url(QueueName=self.world.config.lake.events_queue)["QueueUrl"]
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": str(seconds)})

    def messages(self) -> int:
        """How many are in the lake's queue, received or not."""
        sqs, counts = (
            self.world.clients.client("sqs"),
            ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"),
        )
        url = sqs.get_queue_url(QueueName=self.world.config.lake.events_queue)["QueueUrl"]
        found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=list(counts))["Attributes"]
        return sum(int(found[name]) for name in counts)

    def errors(self, name: str) -> dict[str, Any]:
        """The errors beside a JSON."""
        return json.loads(self.s3.get_object(Bucket="acme-drop", Key=f"jobs/{name}.errors.json")["Body"].read())

    def keys(self, bucket: str) -> list[str]:
        return [item["Key"] for item in self.s3.list_objects_v2(Bucket=bucket).get("Contents", [])]

    def result(self) -> str:
        """The published file."""
        (key,) = self.keys("acme-results")
        return self.s3.get_object(Bucket="acme-results", Key=key)["Body"].read().decode()

    def tick(self) -> list[dg.RunRequest]:
        """One tick of the warehouse's sensor."""
        return self.shell.tick("mart__turns")

    def until_asked(self) -> dg.RunRequest:
        """Ticks until the sensor asks for a run of Dagster; statements of the local Redshift take their time meanwhile."""
        for number in range(_MOST_TICKS):
            for request in self.tick():
                return request
            sleep(0.01 * number)
        raise AssertionError([self.record(run) for run in self.open()])

    def open(self) -> tuple[str, ...]:
        return open_runs(self.world.root.lake, "mart")

    def record(self, run: str) -> RunRecord:
        stored = find_run(self.world.root.lake, "mart", run)
        assert stored is not None
        return stored.record

    def left(self) -> list[str]:
        """Whatever a warehouse makes and is still there."""
        client = self.world.clients.client
        serverless, iam = client("redshift-serverless"), client("iam")
        names = [each["StackName"] for each in client("cloudformation").describe_stacks()["Stacks"]]
        names += [each["workgroupName"] for each in serverless.list_workgroups()["workgroups"]]
        names += [each["namespaceName"] for each in serverless.list_namespaces()["namespaces"]]
        names += [each["RoleName"] for each in iam.list_roles()["Roles"] if "-mart-" in each["RoleName"]]
        secrets = client("secretsmanager").list_secrets()["SecretList"]
        names += [each["Name"] for each in secrets if each["Name"].startswith("redshift!")]
        staged = self.world.keys("lake/_warehouses/mart/staging/")
        return [name for name in names if "-mart-" in name] + staged
