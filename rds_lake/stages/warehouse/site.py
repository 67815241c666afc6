"""One warehouse as its stages get it: gateways, settings, and the text of its template."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Protocol

from rds_lake.aws.clients import AwsClients
from rds_lake.aws.secrets import SecretsGateway
from rds_lake.aws.warehouse.clusters import RedshiftGateway
from rds_lake.aws.warehouse.roles import RolesGateway
from rds_lake.aws.warehouse.serverless import ServerlessGateway
from rds_lake.config.warehouse import WarehouseSettings
from rds_lake.model.lake.deletable import deletable_of_warehouse
from rds_lake.model.warehouse.names import Names
from rds_lake.stages.lake.lake import Lake


class ListedStatement(Protocol):
    """A statement of the Data API as ListStatements shows it."""

    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def status(self) -> str: ...
    @property
    def is_active(self) -> bool: ...


class Statements(Protocol):
    """What removal needs of the Data API."""

    def named(self, prefix: str) -> Iterable[ListedStatement]:
        """Every statement of any status whose StatementName begins so."""
        ...

    def cancel(self, statement: str) -> object:
        """Ask for a statement's end."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One warehouse. `template` gives the text for CloudFormation, under these names; `stacks` is its client.

    `lake.s3` deletes nothing but this warehouse's staging. `clock` gives the time in UTC.
    """

    settings: WarehouseSettings
    lake: Lake
    statements: Statements
    stacks: Any
    redshift: RedshiftGateway
    serverless: ServerlessGateway
    secrets: SecretsGateway
    roles: RolesGateway
    template: Callable[[Names], str]
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    @property
    def name(self) -> str:
        return self.settings.name


def open_site(
    clients: AwsClients,
    lake: Lake,
    settings: WarehouseSettings,
    *,
    statements: Statements,
    template: Callable[[Names], str],
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Site:
    """The site of a warehouse; `lake` becomes limited to what the warehouse may delete."""
    limited = replace(lake, s3=lake.s3.limited(deletable_of_warehouse(lake.layout, settings.name)))
    return Site(
        settings=settings,
        lake=limited,
        statements=statements,
        stacks=clients.client("cloudformation"),
        redshift=RedshiftGateway(clients.client("redshift")),
        serverless=ServerlessGateway(clients.client("redshift-serverless")),
        secrets=SecretsGateway(clients.client("secretsmanager")),
        roles=RolesGateway(clients.client("iam")),
        template=template,
        clock=clock,
    )
