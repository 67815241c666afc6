"""Asynchronous invocations: tried again, recorded, lost, doubled and mixed up as Lambda may do it."""

import json
from typing import Any

import pytest

from rds_lake_tests.localcloud.permissions.calling import allow
from rds_lake_tests.localcloud.streaming import BUCKET, Streaming
from rds_lake_tests.support.world import until

_START = "2026-11-20T10:00:00Z"


class Recorder:
    """A function that keeps its events and fails while it is told to."""

    def __init__(self) -> None:
        self.events: list[Any] = []
        self.failing = False

    def __call__(self, event: Any, context: Any) -> Any:
        self.events.append(event)
        if self.failing:
            raise ValueError(f"cannot take {event}")
        return {"took": event}


@pytest.fixture
def recorder(streaming: Streaming) -> Recorder:
    recorder = Recorder()
    streaming.stand_in(recorder)
    return recorder


def settings(streaming: Streaming, **given: Any) -> None:
    streaming.client("lambda").put_function_event_invoke_config(FunctionName="f", **given)


def failure_to(arn: str) -> dict[str, Any]:
    return {"DestinationConfig": {"OnFailure": {"Destination": arn}}}


def test_an_event_is_answered_at_once_and_handed_over(streaming: Streaming, recorder: Recorder) -> None:
    for number in range(20):
        streaming.send(number)
    assert streaming.settled()["counts"] == {"received": 20, "repeated": 0, "Success": 20}
    assert sorted(recorder.events) == list(range(20))


def test_a_failing_event_is_tried_again_after_one_and_two_minutes_and_then_recorded(
    streaming: Streaming, recorder: Recorder
) -> None:
    streaming.clock(_START)
    settings(streaming, **failure_to(f"arn:aws:s3:::{BUCKET}"))
    recorder.failing = True
    streaming.send({"order": 1})
    streaming.settled()
    assert len(recorder.events) == 1
    for moment, attempts in (("10:00:50", 1), ("10:01:10", 2), ("10:02:50", 2), ("10:03:20", 3), ("10:30:00", 3)):
        streaming.clock(f"2026-11-20T{moment}Z")
        streaming.settled()
        assert len(recorder.events) == attempts, moment
    (key,) = streaming.keys("aws/lambda/async/f/2026/11/20/2026-11-20T10.03.")
    record = json.loads(streaming.read(key))
    request = record["requestContext"].pop("requestId")
    assert record["timestamp"].startswith("2026-11-20T10:03:") and record["timestamp"].endswith("Z")
    assert record["version"] == "1.0"
    assert record["requestContext"] == {
        "functionArn": "arn:aws:lambda:us-east-1:123456789012:function:f:$LATEST",
        "condition": "RetriesExhausted",
        "approximateInvokeCount": 3,
    }
    assert record["requestPayload"] == {"order": 1}
    assert record["responseContext"] == {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"}
    response = record["responsePayload"]
    assert (response["errorType"], response["errorMessage"]) == ("ValueError", "cannot take {'order': 1}")
    assert response["requestId"] == request, "all attempts are one request"


def test_an_event_that_succeeds_later_is_not_recorded(streaming: Streaming, recorder: Recorder) -> None:
    streaming.clock(_START)
    settings(streaming, **failure_to(f"arn:aws:s3:::{BUCKET}"))
    recorder.failing = True
    streaming.send(1)
    streaming.settled()
    recorder.failing = False
    streaming.clock("2026-11-20T10:01:10Z")
    assert streaming.settled()["counts"]["Success"] == 1
    assert streaming.keys() == []


def test_the_number_of_attempts_is_a_setting_and_the_last_setting_counts(
    streaming: Streaming, recorder: Recorder
) -> None:
    settings(streaming, MaximumRetryAttempts=2)
    settings(streaming, MaximumRetryAttempts=0)
    recorder.failing = True
    streaming.send(1)
    assert streaming.settled()["counts"]["RetriesExhausted"] == 1
    assert recorder.events == [1]
    kept = streaming.client("lambda").get_function_event_invoke_config(FunctionName="f")
    assert kept["MaximumRetryAttempts"] == 0


def test_an_event_that_grew_too_old_is_recorded_without_another_attempt(
    streaming: Streaming, recorder: Recorder
) -> None:
    streaming.clock(_START)
    settings(streaming, MaximumEventAgeInSeconds=60, **failure_to(f"arn:aws:s3:::{BUCKET}"))
    recorder.failing = True
    streaming.send(1)
    streaming.settled()
    streaming.clock("2026-11-20T10:01:30Z")
    assert streaming.settled()["counts"]["EventAgeExceeded"] == 1
    record = json.loads(streaming.read(streaming.keys()[0]))
    assert record["requestContext"]["condition"] == "EventAgeExceeded"
    assert record["requestContext"]["approximateInvokeCount"] == 1


@pytest.mark.parametrize("service", ["sqs", "sns"])
def test_records_go_to_queues_and_topics_too(streaming: Streaming, recorder: Recorder, service: str) -> None:
    sqs, sns = streaming.client("sqs"), streaming.client("sns")
    url = sqs.create_queue(QueueName="dead")["QueueUrl"]
    queue = "arn:aws:sqs:us-east-1:123456789012:dead"
    topic = sns.create_topic(Name="dead")["TopicArn"]
    raw = {"RawMessageDelivery": "true"}
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue, Attributes=raw)
    settings(streaming, MaximumRetryAttempts=0, **failure_to(queue if service == "sqs" else topic))
    recorder.failing = True
    streaming.send({"id": 7})
    streaming.settled()
    (message,) = until(lambda: sqs.receive_message(QueueUrl=url).get("Messages"))
    assert json.loads(message["Body"])["requestPayload"] == {"id": 7}


def test_successes_are_recorded_where_that_is_asked_for(streaming: Streaming, recorder: Recorder) -> None:
    url = streaming.client("sqs").create_queue(QueueName="done")["QueueUrl"]
    arn = "arn:aws:sqs:us-east-1:123456789012:done"
    settings(streaming, DestinationConfig={"OnSuccess": {"Destination": arn}})
    streaming.send(7)
    (message,) = until(lambda: streaming.client("sqs").receive_message(QueueUrl=url).get("Messages"))
    record = json.loads(message["Body"])
    assert (record["requestContext"]["condition"], record["responsePayload"]) == ("Success", {"took": 7})


def test_without_reserved_concurrency_every_event_goes_to_the_destination_untried(
    streaming: Streaming, recorder: Recorder
) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html"""
    settings(streaming, **failure_to(f"arn:aws:s3:::{BUCKET}"))
    streaming.client("lambda").put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=0)
    for number in range(3):
        streaming.send(number)
    streaming.settled()
    records = [json.loads(streaming.read(key)) for key in streaming.keys("aws/lambda/async/f/")]
    assert sorted(record["requestPayload"] for record in records) == [0, 1, 2]
    assert recorder.events == []


def test_a_destination_that_the_role_may_not_write_to_loses_the_record(streaming: Streaming) -> None:
    role = streaming.make_role("bare", allow("s3:PutObject", "arn:aws:s3:::elsewhere/*"))
    recorder = Recorder()
    recorder.failing = True
    streaming.stand_in(recorder, Role=role)
    settings(streaming, MaximumRetryAttempts=0, **failure_to(f"arn:aws:s3:::{BUCKET}"))
    streaming.send(1)
    (problem,) = streaming.settled()["destination_failures"]
    assert "is not authorized to perform: s3:PutObject" in problem
    assert streaming.keys() == []


def test_throttled_attempts_do_not_count_and_come_again(streaming: Streaming, recorder: Recorder) -> None:
    streaming.clock(_START)
    settings(streaming, MaximumRetryAttempts=0)
    streaming.faults(lambdas=[{"throttle": True, "times": 2}])
    streaming.send(1)
    streaming.settled()
    assert recorder.events == []
    streaming.clock("2026-11-20T10:00:10Z")
    streaming.settled()
    streaming.clock("2026-11-20T10:00:20Z")
    assert streaming.settled()["counts"]["Success"] == 1
    assert recorder.events == [1]


def test_events_are_lost_and_doubled_on_request(streaming: Streaming, recorder: Recorder) -> None:
    streaming.faults(lambdas=[{"lose_percent": 20}, {"repeat_percent": 30, "times": 100}])
    for number in range(200):
        streaming.send(number)
    counts = streaming.settled()["counts"]
    assert 20 < counts["lost"] < 60 and counts["received"] == 200 - counts["lost"]
    assert 15 < counts["repeated"] < 45
    assert len(recorder.events) == counts["received"] + counts["repeated"]
    assert len(set(recorder.events)) == counts["received"]


def test_events_are_mixed_up_on_request_and_none_is_left_behind(streaming: Streaming, recorder: Recorder) -> None:
    streaming.faults(lambdas=[{"shuffle": 16, "function": "f"}])
    for number in range(40):
        streaming.send(number)
    streaming.settled()
    assert sorted(recorder.events) == list(range(40))
    # Two events that run at the same time swap places as well; shuffled ones are far from their own.
    assert sum(abs(place - number) for place, number in enumerate(recorder.events)) > 80


def test_a_reset_forgets_events_and_functions(streaming: Streaming, recorder: Recorder) -> None:
    recorder.failing = True
    streaming.send(1)
    streaming.settled()
    streaming.prepare()
    assert streaming.settled() == {"waiting": 0, "running": 0, "counts": {}, "destination_failures": []}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"lambdas": [{}]}, "exactly one of lose_percent"),
        ({"lambdas": [{"lose_percent": 5, "shuffle": 3}]}, "exactly one of"),
        ({"lambdas": [{"lose_percent": 0}]}, "lose_percent 0"),
        ({"lambdas": [{"shuffle": 1}]}, "shuffle 1"),
        ({"firehose": [{"refuse_percent": 101}]}, "refuse_percent 101"),
        ({"firehose": [{"refuse_percent": 1, "function": "f"}]}, "'function' is unknown"),
    ],
)
def test_bad_faults_are_refused(streaming: Streaming, body: dict[str, Any], words: str) -> None:
    with pytest.raises(AssertionError, match=words):
        streaming.faults(**body)
