"""The gateways of a lake for the command line, without Dagster. Creating them makes no call to AWS."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import click

from rds_lake.aws.dynamodb import DynamoGateway
from rds_lake.aws.rds import RdsGateway
from rds_lake.aws.secrets import SecretsGateway
from rds_lake.aws.session import AwsClients, open_clients
from rds_lake.config.dynamodb import DynamoDb
from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.config.source import SourceSettings
from rds_lake.stages.dynamodb.converting.glue.watch import watch_conversions
from rds_lake.stages.dynamodb.exporting.exports import DynamoExports
from rds_lake.stages.dynamodb.plan import dynamo_plan
from rds_lake.stages.dynamodb.under_way import TableUnderWay, tables_under_way
from rds_lake.stages.lake.lake import Lake, open_lake
from rds_lake.stages.streams.health import WatchedOutbox, watch_outboxes
from rds_lake.stages.streams.outboxes import dsn_of, forwarded_sources, outbox_source


@dataclass(frozen=True, slots=True, kw_only=True)
class Connected:
    """A configured lake with its gateways."""

    config: LakeConfig
    rds: RdsGateway
    dynamodb: DynamoGateway
    lake: Lake
    secrets: SecretsGateway | None = None

    def under_way(self, source: SourceSettings) -> Sequence[TableUnderWay]:
        """Returns a DynamoDB source's tables that are being exported or converted; empty for a database: `status` lists those."""
        if not isinstance(source, DynamoDb):
            return ()
        lake = self.lake
        exports = DynamoExports(
            dynamo=self.dynamodb,
            s3=lake.s3,
            layout=lake.layout,
            plan=dynamo_plan(self.config, source),
            log=lambda _: None,
        )
        watch = watch_conversions(self.config, jobs=lake.glue.jobs, s3=lake.s3, layout=lake.layout)
        return tables_under_way(exports, watch)

    def outboxes(self, source: SourceSettings) -> Sequence[WatchedOutbox]:
        """Returns the outboxes of a database with `streams.secret`, to ask how full they are."""
        secrets = self.secrets
        if secrets is None or source not in forwarded_sources(self.config):
            return ()
        outboxes = outbox_source(self.config, source.name)
        return watch_outboxes(outboxes, dsn_of(outboxes, lambda: secrets))

    def sources(self, names: tuple[str, ...]) -> list[SourceSettings]:
        """Returns the named sources; all sources if none is named."""
        return [self.config.source(name) for name in names] or list(self.config.sources)


def connect(config: LakeConfig) -> Connected:
    """Connect with the credentials, Region and endpoint that boto3 finds."""
    return connect_by(config, open_clients(region=config.lake.region))


def connect_by(config: LakeConfig, clients: AwsClients) -> Connected:
    """Connect with these clients."""
    return Connected(
        config=config,
        rds=RdsGateway(clients.rds),
        dynamodb=DynamoGateway(clients.client("dynamodb"), starting=clients.client("dynamodb", once=True)),
        lake=open_lake(clients, config.lake),
        secrets=SecretsGateway(clients.client("secretsmanager")),
    )


def has_dagster(home: str | None, *, otherwise: str) -> bool:
    """Whether DAGSTER_HOME is set; prints the consequence if it is not."""
    if not home:
        click.echo(f"DAGSTER_HOME is not set, so Dagster did not record this: {otherwise}", err=True)
    return bool(home)
