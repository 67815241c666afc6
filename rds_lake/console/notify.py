"""`rds-lake notify --test`: one test message to the topic that failures are sent to."""

from __future__ import annotations

from collections.abc import Callable

import click

from rds_lake.aws.session import open_clients
from rds_lake.aws.sns import SnsGateway
from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.stages.runs.notify import send_test


def notify(config: LakeConfig, *, say: Callable[[str], None]) -> None:
    """Send the message; ClickException where lake.yaml names no topic."""
    topic = config.lake.notifications
    if topic is None:
        raise click.ClickException("lake.yaml names no `notifications`: add the ARN of an SNS topic under `lake:`")
    message = send_test(SnsGateway(open_clients(region=config.lake.region).sns, topic))
    say(f"message {message} is on its way to the subscribers of {topic}")
    say(
        "nothing arrives? The subscription must be confirmed. If a KMS key of yours encrypts the topic, the role that runs"
    )
    say("Dagster needs kms:GenerateDataKey and kms:Decrypt on that key")
