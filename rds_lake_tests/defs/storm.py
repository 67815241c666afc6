"""A storm of messages: real ones several times and out of order, foreign, wrapped and malformed ones among them."""

import json
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from rds_lake_tests.support.world import until

_LONGEST_LOOK = 6.0
_BATCH = 10


def snapshot_event(arn: str, event_id: str = "RDS-EVENT-0091") -> str:
    """The event of a finished instance snapshot."""
    detail = {
        "SourceType": "SNAPSHOT",
        "SourceArn": arn,
        "EventID": event_id,
        "SourceIdentifier": arn.split(":", 6)[-1],
    }
    return json.dumps({"source": "aws.rds", "detail-type": "RDS DB Snapshot Event", "detail": detail})


def backup_event(arn: str) -> str:
    """What AWS Backup says of the same snapshot."""
    detail = {"backupJobId": "J", "state": "COMPLETED"}
    body = {"source": "aws.backup", "detail-type": "Backup Job State Change", "resources": [arn], "detail": detail}
    return json.dumps(body)


def sns(text: str) -> str:
    """Wrapped by SNS."""
    return json.dumps({"Type": "Notification", "MessageId": "1", "Message": text})


@dataclass(frozen=True, slots=True, kw_only=True)
class Storm:
    """The messages in the order they are sent, and how many of them cannot be decided."""

    messages: Sequence[str]
    poison: int


def make_storm(arns: Sequence[str], *, size: int, seed: int) -> Storm:
    """`size` messages about these snapshots: six parts copies, two parts foreign, and one of a hundred poisoned."""
    chosen = random.Random(seed)
    gone = "arn:aws:rds:us-east-1:123456789012:snapshot:rds:nobodys-2026-01-01-00-00"
    poison = max(2, size // 100)
    bodies = [f"poison {number}" for number in range(poison)]
    bodies += [snapshot_event(arn) for arn in arns]
    makers: list[Callable[[str], str]] = [
        snapshot_event,
        lambda arn: sns(snapshot_event(arn)),
        backup_event,
        lambda arn: snapshot_event(arn, "RDS-EVENT-0161"),
        lambda arn: snapshot_event(arn, "RDS-EVENT-0090"),
        lambda arn: json.dumps({"Records": [{"body": snapshot_event(arn)}]}),
        lambda _: snapshot_event(gone),
        lambda _: json.dumps({"source": "aws.ec2", "detail": {}}),
    ]
    while len(bodies) < size:
        bodies.append(chosen.choice(makers)(chosen.choice(arns)))
    chosen.shuffle(bodies)
    return Storm(messages=bodies, poison=poison)


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """The events queue and its dead-letter queue, impatient enough for a test."""

    sqs: Any
    url: str
    dead_url: str

    def be_impatient(self, *, visibility_seconds: int, receives: int) -> None:
        """Empty; messages come again after seconds instead of minutes, and go to the dead letters after fewer receives.

        Emptied of what a daemon took that was killed before: it stays hidden for the minutes of the look that took it, and
        would be waited for as part of the storm.
        """
        policy = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["RedrivePolicy"])
        redrive = json.loads(policy["Attributes"]["RedrivePolicy"]) | {"maxReceiveCount": receives}
        attributes = {"VisibilityTimeout": str(visibility_seconds), "RedrivePolicy": json.dumps(redrive)}
        self.sqs.set_queue_attributes(QueueUrl=self.url, Attributes=attributes)
        # A look that is under way gives what arrives meanwhile the visibility it began with: minutes, if its daemon is killed.
        time.sleep(_LONGEST_LOOK)
        self.sqs.purge_queue(QueueUrl=self.url)

    def send(self, bodies: Sequence[str]) -> None:
        for start in range(0, len(bodies), _BATCH):
            entries = [{"Id": str(n), "MessageBody": body} for n, body in enumerate(bodies[start : start + _BATCH])]
            self.sqs.send_message_batch(QueueUrl=self.url, Entries=entries)

    def depth(self) -> int:
        """Messages that are not acknowledged, seen or not."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=names)["Attributes"]
        return sum(int(found[name]) for name in names)

    def dead(self) -> list[str]:
        """Bodies in the dead-letter queue."""
        bodies: list[str] = []
        while found := self.sqs.receive_message(QueueUrl=self.dead_url, MaxNumberOfMessages=10).get("Messages"):
            bodies += [message["Body"] for message in found]
        return bodies


def let_loose(
    storm: Storm, queue: Queue, *, kills: int, kill: Callable[[], None], at_most: int, seconds: float
) -> None:
    """Send the storm, at most `at_most` messages in the queue at once, the daemon being killed `kills` times meanwhile.

    Ends when every message is acknowledged or dead; an error once the queue got no emptier for `seconds`.
    """
    step = max(1, len(storm.messages) // (kills + 1))
    for number in range(0, len(storm.messages), step):
        part = storm.messages[number : number + step]
        for start in range(0, len(part), 100):
            until(lambda: queue.depth() < at_most, seconds=seconds, what="room in the queue", every=0.5)
            queue.send(part[start : start + 100])
        if number // step < kills:
            kill()
    left = queue.depth()
    while left:
        until(lambda most=left: queue.depth() < most, seconds=seconds, what=f"fewer than {left} messages", every=0.5)
        left = min(left, queue.depth())


def paid_twice(tasks: Sequence[Any]) -> list[str]:
    """Snapshots of which there is more than one export task."""
    return [arn for arn, count in Counter(task.source_arn for task in tasks).items() if count > 1]
