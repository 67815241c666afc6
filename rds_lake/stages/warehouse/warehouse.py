"""One warehouse as input of its stages: gateways, settings, and template."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from rds_lake.aws.clients import AwsClients
from rds_lake.aws.secrets import SecretsGateway
from rds_lake.aws.warehouse.clusters import RedshiftGateway
from rds_lake.aws.warehouse.keys import KeysGateway
from rds_lake.aws.warehouse.redshift_data import RedshiftDataGateway
from rds_lake.aws.warehouse.roles import RolesGateway
from rds_lake.aws.warehouse.serverless import ServerlessGateway
from rds_lake.config.warehouse import WarehouseSettings
from rds_lake.model.lake.deletable import deletable_of_warehouse
from rds_lake.model.warehouse.names import Names
from rds_lake.stages.lake.lake import Lake


@dataclass(frozen=True, slots=True, kw_only=True)
class Warehouse:
    """One warehouse. `template`: returns CloudFormation's text with these names; `stacks`: its client.

    `lake.s3` deletes only this warehouse's staging. `keys`: None if the lake has no key. `clock` returns the time in UTC.
    """

    settings: WarehouseSettings
    lake: Lake
    statements: RedshiftDataGateway
    stacks: Any
    redshift: RedshiftGateway
    serverless: ServerlessGateway
    secrets: SecretsGateway
    roles: RolesGateway
    keys: KeysGateway | None
    template: Callable[[Names], str]
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    @property
    def name(self) -> str:
        return self.settings.name


def warehouse_of(
    clients: AwsClients,
    lake: Lake,
    settings: WarehouseSettings,
    *,
    template: Callable[[Names], str],
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Warehouse:
    """Returns the warehouse of these settings; its `lake` can delete only what the warehouse may delete."""
    limited = replace(lake, s3=lake.s3.limited(deletable_of_warehouse(lake.layout, settings.name)))
    return Warehouse(
        settings=settings,
        lake=limited,
        statements=RedshiftDataGateway(clients.client("redshift-data")),
        stacks=clients.client("cloudformation"),
        redshift=RedshiftGateway(clients.client("redshift")),
        serverless=ServerlessGateway(clients.client("redshift-serverless")),
        secrets=SecretsGateway(clients.client("secretsmanager")),
        roles=RolesGateway(clients.client("iam")),
        keys=KeysGateway(clients.client("kms")) if lake.kms_key else None,
        template=template,
        clock=clock,
    )
