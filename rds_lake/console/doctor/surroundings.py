"""The doctor's surroundings in production: boto3 clients that give up within seconds, a terminal, a person."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import cache

import click
from rich.console import Console

from rds_lake.aws.clients import AwsClients
from rds_lake.aws.session import open_clients
from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.console.doctor.command import Surroundings
from rds_lake.infra.doctor.examine import Pace


def surroundings(
    config: LakeConfig, *, home: str | None, now: Callable[[], datetime], clock: Callable[[], float]
) -> Surroundings:
    """Returns the surroundings. The session is opened on first use."""

    @cache
    def clients() -> AwsClients:
        return open_clients(region=config.lake.region, hurried=True)

    return Surroundings(
        clients=clients,
        dagster_home=home,
        now=now,
        pace=Pace(clock=clock),
        console=Console(),
        errors=Console(stderr=True),
        ask=lambda question: click.confirm(question, default=False, err=True),
    )
