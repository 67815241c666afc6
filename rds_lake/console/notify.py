"""`rds-lake notify --test`: one test message to the topic and the webhook that failures are sent to."""

from __future__ import annotations

from collections.abc import Callable

import click

from rds_lake.aws.session import open_clients
from rds_lake.aws.sns import SnsGateway
from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.stages.runs.notify import TEST
from rds_lake.stages.runs.webhook import Webhook


def notify(config: LakeConfig, *, say: Callable[[str], None]) -> None:
    """Send the message. ClickException if lake.yaml names neither topic nor webhook, UnavailableError if sending fails."""
    topic, webhook = config.lake.notifications, config.lake.notify.webhook
    if topic is None and webhook is None:
        raise click.ClickException(
            "lake.yaml has no `notifications`: add the ARN of an SNS topic under `lake:`, or `notify: {webhook: ${NAME}}`"
        )
    if webhook is not None:
        Webhook(url=webhook).publish(subject=TEST.subject, message=TEST.body)
        say("the webhook accepted the message")
    if topic is not None:
        _to_topic(config, topic, say=say)


def _to_topic(config: LakeConfig, topic: str, *, say: Callable[[str], None]) -> None:
    sns = SnsGateway(open_clients(region=config.lake.region).sns, topic)
    message = sns.publish(subject=TEST.subject, message=TEST.body)
    say(f"message {message} was sent to the subscribers of {topic}")
    say(
        "If nothing arrives: the subscription must be confirmed. If a KMS key of yours encrypts the topic, the role that runs"
    )
    say("Dagster needs kms:GenerateDataKey and kms:Decrypt on that key")
