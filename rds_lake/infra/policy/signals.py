"""The pipeline's permissions beside data: its queue, notifications, and the secrets of `verify:` and `streams:`."""

from __future__ import annotations

from collections.abc import Iterator

from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.infra.policy.document import Resource, Statement, fixed
from rds_lake.infra.policy.names import Names


def signal_statements(config: LakeConfig, names: Names) -> Iterator[Statement]:
    """Returns the statements of SQS, SNS and Secrets Manager."""
    yield Statement(
        sid="ReceiveEvents",
        reason="Receive events of snapshots and exports, and delete processed ones.",
        actions=("sqs:DeleteMessage", "sqs:GetQueueUrl", "sqs:ReceiveMessage"),
        resources=fixed(names.arn("sqs", config.lake.events_queue)),
    )
    topic = names.topic_arn or config.lake.notifications
    if topic and config.lake.notifications:
        yield Statement(
            sid="Notify",
            reason="Send notifications of failures and of dates that wait for approval.",
            actions=("sns:Publish",),
            resources=fixed(topic),
        )
    if statement := verify_statement(config):
        yield statement


def verify_statement(config: LakeConfig) -> Statement | None:
    """Returns the statement that lets Dagster read the secrets of `verify:` and `streams:`; None if no source has one.

    A secret encrypted with a key of its own also needs kms:Decrypt on that key, which is not in lake.yaml.
    """
    verified = {source.verify.secret for source in config.databases if source.verify}
    forwarded = {source.streams.secret for source in config.databases if source.streams and source.streams.secret}
    arns = sorted(verified | forwarded)
    if not arns:
        return None
    parts = (arn.rpartition(":") for arn in arns)
    return Statement(
        sid="ReadSecrets",
        reason="Read the database users of `verify:` and `streams:`. A secret that is encrypted with a key of your own needs "
        "kms:Decrypt on that key as well.",
        actions=("secretsmanager:GetSecretValue",),
        resources=tuple(Resource(stem=stem + colon, name=name) for stem, colon, name in parts),
    )
