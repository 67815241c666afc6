"""The gateways of a lake for the command line, without Dagster; building them calls nothing of AWS."""

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
    """A configured lake and access to it."""

    config: LakeConfig
    rds: RdsGateway
    dynamodb: DynamoGateway
    lake: Lake
    secrets: SecretsGateway | None = None

    def under_way(self, source: SourceSettings) -> Sequence[TableUnderWay]:
        """Tables of a DynamoDB source that AWS exports or converts now; none for a database, whose exports `status` lists itself."""
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
        """The outboxes of a database with `streams.secret`, which are asked how full they are."""
        secrets = self.secrets
        if secrets is None or source not in forwarded_sources(self.config):
            return ()
        outboxes = outbox_source(self.config, source.name)
        return watch_outboxes(outboxes, dsn_of(outboxes, lambda: secrets))

    def sources(self, names: tuple[str, ...]) -> list[SourceSettings]:
        """The named sources; all where none is named."""
        return [self.config.source(name) for name in names] or list(self.config.sources)


def connect(config: LakeConfig) -> Connected:
    """Access with the credentials, Region and endpoint boto3 finds."""
    return connect_by(config, open_clients(region=config.lake.region))


def connect_by(config: LakeConfig, clients: AwsClients) -> Connected:
    """Access by these clients."""
    return Connected(
        config=config,
        rds=RdsGateway(clients.rds),
        dynamodb=DynamoGateway(clients.client("dynamodb"), starting=clients.client("dynamodb", once=True)),
        lake=open_lake(clients, config.lake),
        secrets=SecretsGateway(clients.client("secretsmanager")),
    )


def has_dagster(home: str | None, *, otherwise: str) -> bool:
    """Whether DAGSTER_HOME is set; prints the consequence where it is not."""
    if not home:
        click.echo(f"DAGSTER_HOME is not set, so Dagster did not record this: {otherwise}", err=True)
    return bool(home)
