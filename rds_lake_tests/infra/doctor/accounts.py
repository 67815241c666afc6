"""Healthy accounts, made by `rds-lake setup` and what people have made before it, and the doctor's look at them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from rds_lake.aws.account.answers import Answers
from rds_lake.aws.clients import AwsClients
from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.infra.doctor.examine import Pace, examine
from rds_lake.infra.doctor.findings import Finding, Key, Verdict
from rds_lake.infra.doctor.patient import Patient
from rds_lake.infra.doctor.rows import examinations_of
from rds_lake.localcloud.cloud import LocalCloud
from rds_lake_tests.support.in_process import short_cut

# One thread after another: threads cost these tests more than they bring, as nothing here waits.
# A loaded machine makes a client of boto3 for seconds.
_PACE = Pace(clock=time.monotonic, threads=2, seconds=300)


@dataclass(frozen=True, kw_only=True)
class Account:
    """A lake in an account of the local cloud."""

    cloud: LocalCloud
    clients: AwsClients
    config: LakeConfig

    def root(self, service: str) -> Any:
        """Somebody who may everything, and breaks things."""
        return self.cloud.clients.client(service)

    def findings(
        self,
        *,
        clients: AwsClients | None = None,
        answers: Answers | None = None,
        config: LakeConfig | None = None,
        now: datetime | None = None,
        role: str | None = None,
        only: Sequence[str] = (),
    ) -> dict[Key, Finding]:
        """What the doctor finds now."""
        wanted = config or self.config
        patient = Patient(
            config=wanted,
            answers=answers or Answers(lambda: clients or self.clients),
            now=lambda: now or datetime.now(UTC),
            role=role,
        )
        chosen = [one for one in examinations_of(wanted) if not only or one.row.id in only]
        with short_cut():
            return {finding.key: finding for finding in examine(chosen, patient, _PACE)}

    def flagged(self, **asked: Any) -> dict[Key, Finding]:
        """What is not as it should be, without what was not looked at because of it."""
        found = self.findings(**asked)
        return {key: one for key, one in found.items() if one.flagged and one.verdict is not Verdict.SKIPPED}


def databases(cloud: LocalCloud, config: LakeConfig, *, only: Sequence[str] = ()) -> None:
    """The databases of a lake.yaml, which no stack makes; of all sources, or of some."""
    rds = cloud.clients.client("rds")
    login = {"MasterUsername": "admin", "MasterUserPassword": "long-enough"}
    for source in (source for source in config.databases if not only or source.name in only):
        if source.kind == "rds":
            rds.create_db_instance(
                DBInstanceIdentifier=source.identifier,
                DBInstanceClass="db.m6g.large",
                Engine="postgres",
                EngineVersion="16.3",
                AllocatedStorage=100,
                StorageType="gp3",
                BackupRetentionPeriod=7,
                **login,
            )
        else:
            rds.create_db_cluster(
                DBClusterIdentifier=source.identifier, Engine="aurora-postgresql", BackupRetentionPeriod=7, **login
            )


def tables(cloud: LocalCloud, config: LakeConfig) -> None:
    """The tables of a lake.yaml, each with point-in-time recovery; one for each pattern."""
    dynamodb = cloud.clients.client("dynamodb")
    for table in (table.replace("*", "eu") for source in config.dynamodb for table in source.tables):
        dynamodb.create_table(
            TableName=table,
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        switch_recovery(dynamodb, table, on=True)


def switch_recovery(dynamodb: Any, table: str, *, on: bool) -> None:
    dynamodb.update_continuous_backups(
        TableName=table, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": on}
    )
