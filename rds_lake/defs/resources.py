"""The resources of assets and sensors for AWS.

    aws            AwsResource: how AWS is reached. Region, profile, endpoint and retries are set as with dagster-aws
    gateways       Gateways: every gateway of the lake, made of `aws` for the steps of runs
    tick_gateways  the same for ticks of sensors, which Dagster ends after 60 s: they fail sooner instead of waiting

Steps and sensors have a parameter `gateways: dg.ResourceParam[Gateways]`. Nothing is connected before first use.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from typing import Any

import boto3
import dagster as dg
from dagster_aws.utils import ResourceWithBoto3Configuration
from pydantic import Field

from rds_lake.aws.athena import AthenaGateway
from rds_lake.aws.clients import AwsClients
from rds_lake.aws.dynamodb import DynamoGateway
from rds_lake.aws.glue import GlueGateway
from rds_lake.aws.rds import RdsGateway
from rds_lake.aws.s3.gateway import S3Gateway
from rds_lake.aws.secrets import SecretsGateway
from rds_lake.aws.sns import SnsGateway
from rds_lake.aws.sqs import SqsGateway
from rds_lake.config.lake_yaml import LakeConfig, LakeSettings
from rds_lake.model.aws.console import Console, console_of
from rds_lake.model.dynamodb.tables import TableExport
from rds_lake.model.lake.layout import LakeLayout
from rds_lake.stages.dynamodb.converting.glue.watch import GlueWatch, watch_conversions
from rds_lake.stages.dynamodb.exporting.exports import DynamoExports
from rds_lake.stages.dynamodb.plan import dynamo_plans
from rds_lake.stages.lake.lake import Lake, open_lake
from rds_lake.stages.runs.notify import Channels
from rds_lake.stages.runs.webhook import Webhook


@dataclass(frozen=True, kw_only=True)
class Gateways:
    """Every gateway of one lake, created on first use.

    If AWS does not provide credentials for a moment, only the step that needs them fails, and its retry policy repeats
    it; a failing resource would fail the whole run before its first step. `clients` creates AWS's clients.
    """

    settings: LakeSettings
    clients: Callable[[], AwsClients]
    sleep: Callable[[float], None] = time.sleep

    @cached_property
    def lake(self) -> Lake:
        return open_lake(self.clients(), self.settings, sleep=self.sleep)

    @cached_property
    def rds(self) -> RdsGateway:
        return RdsGateway(self.clients().rds)

    @cached_property
    def dynamodb(self) -> DynamoGateway:
        clients = self.clients()
        return DynamoGateway(clients.client("dynamodb"), starting=clients.client("dynamodb", once=True))

    @cached_property
    def queue(self) -> SqsGateway:
        return SqsGateway(self.clients().sqs, self.settings.events_queue)

    @cached_property
    def channels(self) -> Channels:
        """Returns where messages of failures and held dates are sent."""
        topic, webhook = self.settings.notifications, self.settings.notify.webhook
        return Channels(
            topic=SnsGateway(self.clients().sns, topic) if topic else None,
            webhook=Webhook(url=webhook, sleep=self.sleep) if webhook else None,
        )

    @cached_property
    def secrets(self) -> SecretsGateway:
        """Returns the gateway for Secrets Manager."""
        return SecretsGateway(self.clients().client("secretsmanager"))

    @property
    def console(self) -> Console | None:
        """Returns AWS's console of the lake's Region; None with a local cloud."""
        about = self.clients().s3.meta
        return console_of(endpoint=about.endpoint_url, region=about.region_name)

    @property
    def s3(self) -> S3Gateway:
        return self.lake.s3

    @property
    def glue(self) -> GlueGateway:
        return self.lake.glue

    @property
    def athena(self) -> AthenaGateway:
        return self.lake.athena

    @property
    def layout(self) -> LakeLayout:
        return self.lake.layout


class AwsResource(ResourceWithBoto3Configuration):
    """Access to AWS for rds-lake. Without settings, boto3's default chain is used (environment, profile, role)."""

    poll_seconds: float = Field(
        default=30, gt=0, description="How often a waiting run asks AWS about its export, in seconds."
    )

    def session(self) -> boto3.Session:
        """Returns a boto3 session with the configured profile, Region and keys."""
        return boto3.Session(**self._session_arguments())

    def _session_arguments(self) -> dict[str, Any]:
        return {
            "profile_name": self.profile_name,
            "region_name": self.region_name,
            "aws_access_key_id": self.aws_access_key_id,
            "aws_secret_access_key": self.aws_secret_access_key,
            "aws_session_token": self.aws_session_token,
        }

    def gateways(
        self, settings: LakeSettings, *, sleep: Callable[[float], None] = time.sleep, hurried: bool = False
    ) -> Gateways:
        """Returns the gateways of the lake. `hurried`: with short timeouts, for ticks (`aws/clients.py`)."""
        key = (tuple(self._session_arguments().items()), settings.region, self.endpoint_url, hurried)
        return Gateways(settings=settings, clients=lambda: _clients(*key), sleep=sleep)


def lake_resources(settings: LakeSettings) -> dict[str, dg.ResourceDefinition]:
    """Returns `gateways` and `tick_gateways` of the lake, by key; both need a resource `aws`."""
    return {
        "gateways": _gateways(settings, hurried=False, what="Every gateway of the lake, for the steps of runs."),
        "tick_gateways": _gateways(
            settings, hurried=True, what="The same gateways with short timeouts, for ticks of sensors."
        ),
    }


def _gateways(settings: LakeSettings, *, hurried: bool, what: str) -> dg.ResourceDefinition:
    def made(context: dg.InitResourceContext) -> Gateways:
        return context.resources.aws.gateways(settings, hurried=hurried)

    return dg.ResourceDefinition(made, required_resource_keys={"aws"}, description=what)


@lru_cache(maxsize=16)
def _clients(
    session: tuple[tuple[str, Any], ...], region: str | None, endpoint_url: str | None, hurried: bool
) -> AwsClients:
    """Returns the clients, cached for the life of the process, as creating six takes half a second."""
    return AwsClients(boto3.Session(**dict(session)), region=region, endpoint_url=endpoint_url, hurried=hurried)


def dynamo_exports(
    config: LakeConfig,
    gateways: Gateways,
    log: Callable[[str], None],
    *,
    ended: dict[str, TableExport] | None = None,
    is_late: Callable[[], bool] = lambda: False,
) -> dict[str, DynamoExports]:
    """Returns the exports of every DynamoDB source, by its name. Each looks up ended exports only once; they are added to `ended`."""
    known = {} if ended is None else ended
    return {
        name: DynamoExports(
            dynamo=gateways.dynamodb,
            s3=gateways.s3,
            layout=gateways.layout,
            plan=plan,
            log=log,
            ended=known,
            is_late=is_late,
        )
        for name, plan in dynamo_plans(config).items()
    }


def conversions(config: LakeConfig, gateways: Gateways) -> GlueWatch:
    """Returns the conversions by Glue of all sources."""
    return watch_conversions(config, jobs=gateways.glue.jobs, s3=gateways.s3, layout=gateways.layout)


def utc_now() -> datetime:
    """Returns the current time, timezone-aware."""
    return datetime.now(UTC)
