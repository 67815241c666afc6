"""SNS: one topic for messages to people. `stages/runs/notify.py` writes the text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rds_lake.aws.translate import aws_errors

if TYPE_CHECKING:
    from types_boto3_sns import SNSClient


_BODY_LIMIT = 200_000  # bytes; SNS takes 256 KiB
_SUBJECT_LIMIT = 100  # SNS refuses longer subjects, line breaks and non-ASCII


class SnsGateway:
    """One topic, by ARN."""

    def __init__(self, client: SNSClient, topic_arn: str) -> None:
        self._client = client
        self._topic_arn = topic_arn

    def publish(self, *, subject: str, message: str) -> str:
        """Publish one message; returns its id. Text that SNS would refuse is changed, because an alarm must not be lost."""
        with aws_errors("sns", "Publish", about=self._topic_arn):
            answer = self._client.publish(
                TopicArn=self._topic_arn, Subject=legal_subject(subject), Message=_cut(message)
            )
        return answer["MessageId"]


def legal_subject(text: str) -> str:
    """Returns the text as a valid subject of SNS: 100 printable ASCII characters."""
    return "".join(character if " " <= character <= "~" else "?" for character in text)[:_SUBJECT_LIMIT]


def _cut(message: str) -> str:
    body = message.encode()
    return message if len(body) <= _BODY_LIMIT else body[:_BODY_LIMIT].decode(errors="ignore") + "\n… (cut)"
