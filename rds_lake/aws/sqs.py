"""SQS: receive and delete messages in batches. `model/events/parse.py` decides what a message means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from rds_lake.aws.translate import aws_errors

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient

_BATCH = 10  # SQS's limit for one receive or delete


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueMessage:
    """One received message. `receipt_handle` can delete it until the visibility time-out ends."""

    message_id: str
    receipt_handle: str
    body: str


class SqsGateway:
    """One queue, by name."""

    def __init__(self, client: SQSClient, queue_name: str) -> None:
        self._client = client
        self._queue_name = queue_name

    @cached_property
    def url(self) -> str:
        with aws_errors("sqs", "GetQueueUrl", about=self._queue_name):
            return self._client.get_queue_url(QueueName=self._queue_name)["QueueUrl"]

    def receive(self, *, max_messages: int = _BATCH, wait_seconds: int = 0) -> list[QueueMessage]:
        """Returns up to ten messages; waits at most `wait_seconds` for the first."""
        with aws_errors("sqs", "ReceiveMessage", about=self._queue_name):
            answer = self._client.receive_message(
                QueueUrl=self.url,
                MaxNumberOfMessages=min(max_messages, _BATCH),
                WaitTimeSeconds=wait_seconds,
            )
        return [
            QueueMessage(
                message_id=message.get("MessageId", ""),
                receipt_handle=message.get("ReceiptHandle", ""),
                body=message.get("Body", ""),
            )
            for message in answer.get("Messages", [])
        ]

    def delete(self, handles: Sequence[str]) -> list[str]:
        """Delete messages; returns the (expired) handles that SQS refused: their messages are delivered again."""
        failed: list[str] = []
        for start in range(0, len(handles), _BATCH):
            batch = handles[start : start + _BATCH]
            with aws_errors("sqs", "DeleteMessageBatch", about=self._queue_name):
                answer = self._client.delete_message_batch(
                    QueueUrl=self.url,
                    Entries=[{"Id": str(number), "ReceiptHandle": handle} for number, handle in enumerate(batch)],
                )
            failed += [batch[int(item["Id"])] for item in answer.get("Failed", [])]
        return failed
