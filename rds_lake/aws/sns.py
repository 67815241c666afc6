"""SNS: one topic for what a person must know.

What belongs here: publishing. The text is `stages/notify.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rds_lake.aws.translate import aws_errors

if TYPE_CHECKING:
    from types_boto3_sns import SNSClient


class SnsGateway:
    """One topic, by ARN."""

    def __init__(self, client: SNSClient, topic_arn: str) -> None:
        self._client = client
        self._topic_arn = topic_arn

    def publish(self, *, subject: str, message: str) -> None:
        """Send one message; the subject must be printable ASCII of at most 100 characters."""
        with aws_errors("sns", "Publish"):
            self._client.publish(TopicArn=self._topic_arn, Subject=subject, Message=message)
