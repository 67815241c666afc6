"""SQS and SNS: batches of ten, refusals per message, subjects made legal."""

import json
from typing import Any

import pytest

from rds_lake.aws.clients import AwsClients
from rds_lake.aws.sns import SnsGateway
from rds_lake.aws.sqs import SqsGateway
from rds_lake.errors import AwsError, UnavailableError
from rds_lake_tests.support.faults import Faults


@pytest.fixture
def queue(clients: AwsClients) -> SqsGateway:
    clients.sqs.create_queue(QueueName="events")
    return SqsGateway(clients.sqs, "events")


def send(clients: AwsClients, queue: SqsGateway, count: int) -> None:
    for number in range(count):
        clients.sqs.send_message(QueueUrl=queue.url, MessageBody=str(number))


def test_messages_come_with_body_handle_and_id(clients: AwsClients, queue: SqsGateway) -> None:
    send(clients, queue, 1)
    (message,) = queue.receive()
    assert message.body == "0"
    assert message.receipt_handle
    assert message.message_id


def test_one_receive_gives_ten_at_most(clients: AwsClients, queue: SqsGateway) -> None:
    send(clients, queue, 12)
    assert len(queue.receive(max_messages=50)) == 10
    assert len(queue.receive(max_messages=50)) == 2
    assert queue.receive() == []


def test_25_messages_are_deleted_in_three_calls(clients: AwsClients, queue: SqsGateway) -> None:
    send(clients, queue, 25)
    handles = [message.receipt_handle for _ in range(3) for message in queue.receive()]
    faults = Faults(clients.sqs)
    assert queue.delete(handles) == []
    assert faults.count("DeleteMessageBatch") == 3
    counts = clients.sqs.get_queue_attributes(QueueUrl=queue.url, AttributeNames=["All"])["Attributes"]
    assert counts["ApproximateNumberOfMessagesNotVisible"] == "0"


def test_a_handle_sqs_refuses_is_returned_and_the_others_are_deleted(
    clients: AwsClients, queue: SqsGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An expired handle is answered with 200 and a Failed entry; its message comes again."""

    def answer(**arguments: Any) -> dict[str, Any]:
        ids = [entry["Id"] for entry in arguments["Entries"] if entry["ReceiptHandle"] == "expired"]
        return {"Successful": [], "Failed": [{"Id": number, "Code": "ReceiptHandleIsInvalid"} for number in ids]}

    monkeypatch.setattr(clients.sqs, "delete_message_batch", answer)
    handles = [f"h{number}" for number in range(11)] + ["expired"]
    assert queue.delete(handles) == ["expired"]


def test_no_handles_are_no_call(clients: AwsClients, queue: SqsGateway) -> None:
    faults = Faults(clients.sqs)
    assert queue.delete([]) == []
    assert faults.calls == []


def test_a_queue_that_does_not_exist_is_named(clients: AwsClients) -> None:
    with pytest.raises(AwsError, match="no-such-queue"):
        SqsGateway(clients.sqs, "no-such-queue").receive()


def test_an_unreachable_service_is_worth_repeating() -> None:
    import boto3

    clients = AwsClients(boto3.Session(), region="us-east-1", attempts=1)  # the discard port, see conftest
    with pytest.raises(UnavailableError, match="GetQueueUrl"):
        SqsGateway(clients.sqs, "events").receive()


def test_a_published_message_arrives_whatever_its_subject(clients: AwsClients, queue: SqsGateway) -> None:
    """An alarm must not be lost for its subject: SNS takes 100 printable ASCII characters."""
    topic = clients.sns.create_topic(Name="alarms")["TopicArn"]
    arn = clients.sqs.get_queue_attributes(QueueUrl=queue.url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    clients.sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    SnsGateway(clients.sns, topic).publish(subject="größe\n" + "x" * 200, message="what happened: größe")
    (message,) = queue.receive()
    body = json.loads(message.body)
    assert body["Subject"] == ("gr??e?" + "x" * 200)[:100]
    assert body["Message"] == "what happened: größe"


def test_a_topic_that_does_not_exist_is_named(clients: AwsClients) -> None:
    topic = "arn:aws:sns:us-east-1:123456789012:gone"
    with pytest.raises(AwsError, match="gone"):
        SnsGateway(clients.sns, topic).publish(subject="s", message="m")
