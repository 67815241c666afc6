"""A local cloud with a cluster, over HTTP with plain boto3, and the verbs its tests are written in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.config import Config

from rds_lake.localcloud.cloud import LocalCloud
from rds_lake_tests.support.world import post

CLUSTER = "nightly"
_ONCE = Config(retries={"total_max_attempts": 1})


@dataclass(slots=True)
class Warehouse:
    """One local cloud; `where`: the parameters that name its cluster and database."""

    cloud: LocalCloud
    clients: dict[str, Any] = field(default_factory=dict)
    where: dict[str, str] = field(default_factory=lambda: {"ClusterIdentifier": CLUSTER, "Database": "dev"})

    def client(self, service: str) -> Any:
        if service not in self.clients:
            where = {"endpoint_url": self.cloud.url, "region_name": "us-east-1", "config": _ONCE}
            self.clients[service] = boto3.client(service, **where)  # type: ignore[call-overload]
        return self.clients[service]

    @property
    def data(self) -> Any:
        return self.client("redshift-data")

    def prepare(self) -> None:
        """Empty but for one cluster."""
        self.cloud.reset()
        self.create()

    def create(self, name: str = CLUSTER, **more: Any) -> dict[str, Any]:
        params = {"NodeType": "ra3.large", "MasterUsername": "admin", "ManageMasterPassword": True} | more
        return self.client("redshift").create_cluster(ClusterIdentifier=name, **params)["Cluster"]

    def status(self, name: str = CLUSTER) -> str:
        return self.client("redshift").describe_clusters(ClusterIdentifier=name)["Clusters"][0]["ClusterStatus"]

    def start(self, sql: str, **more: Any) -> str:
        return self.data.execute_statement(**self.where, Sql=sql, **more)["Id"]

    def batch(self, *sqls: str, **more: Any) -> dict[str, Any]:
        started = self.data.batch_execute_statement(**self.where, Sqls=list(sqls), **more)
        return self.ended(started["Id"])

    def ended(self, statement: str) -> dict[str, Any]:
        while True:
            described = self.data.describe_statement(Id=statement, WaitTimeSeconds=30)
            if described["Status"] not in ("SUBMITTED", "PICKED", "STARTED"):
                return described

    def run(self, sql: str, **more: Any) -> dict[str, Any]:
        described = self.ended(self.start(sql, **more))
        assert described["Status"] == "FINISHED", described.get("Error")
        return described

    def rows(self, sql: str, **more: Any) -> list[tuple[Any, ...]]:
        """The rows of a query; NULL is None."""
        found = self.data.get_statement_result(Id=self.run(sql, **more)["Id"])["Records"]
        return [tuple(None if "isNull" in each else next(iter(each.values())) for each in row) for row in found]

    def error(self, sql: str, **more: Any) -> str:
        described = self.ended(self.start(sql, **more))
        assert described["Status"] == "FAILED"
        return described["Error"]

    def faults(self, **body: Any) -> None:
        status, answer = post(f"{self.cloud.url}/_local/faults", body)
        assert status == 200, answer

    def minutes(self, **body: float) -> None:
        status, answer = post(f"{self.cloud.url}/_local/redshift", body)
        assert status == 200, answer

    def clock(self, moment: str) -> None:
        status, answer = post(f"{self.cloud.url}/_local/clock", {"now": moment})
        assert status == 200, answer
