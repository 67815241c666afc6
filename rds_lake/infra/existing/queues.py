"""The existing events queue and dead-letter queue: senders are added to the queue's policy, which is never replaced."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from typing import Any

from rds_lake.aws.translate import aws_errors
from rds_lake.infra.existing.look import Found, Look, Say, ask
from rds_lake.infra.policy.queue import own_rules, queue_policy
from rds_lake.infra.queue import DEAD_SUFFIX
from rds_lake.infra.template.queues import rules_of

_MISSING = ("AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist")


def queues(look: Look) -> Iterator[Found]:
    """Find both queues, by the names in lake.yaml."""
    name = look.config.lake.events_queue
    if look.wants("Queue", "EventsQueue") and (url := _url(look, name)):
        present = _attributes(look, url)
        lacks = "" if "RedrivePolicy" in present else (
            ", and it has no dead-letter queue: a message that cannot be read is delivered again and again"
        )  # fmt: skip
        yield Found(
            parameter="Queue",
            said=f"queue {name} exists: it is used{lacks}",
            before=partial(_let_send, look, url, present),
        )
    if look.wants("DeadLetterQueue", "DeadLetters") and _url(look, f"{name}{DEAD_SUFFIX}"):
        yield Found(parameter="DeadLetterQueue", said=f"queue {name}{DEAD_SUFFIX} exists: it is used")


def _url(look: Look, name: str) -> str | None:
    sqs = look.clients.sqs
    answer = ask("sqs", "GetQueueUrl", name, lambda: sqs.get_queue_url(QueueName=name), missing=_MISSING)
    return answer["QueueUrl"] if answer else None


def _attributes(look: Look, url: str) -> dict[str, str]:
    with aws_errors("sqs", "GetQueueAttributes", about=url):
        return look.clients.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]  # type: ignore[return-value]


def _let_send(look: Look, url: str, attributes: dict[str, str], say: Say) -> None:
    """Let the rules send, before they exist: a rule that may not send loses events without an error."""
    here, queue = look.account, attributes["QueueArn"]
    names = [name for name, _ in rules_of(look.config).values()]
    rules = [f"arn:{here.partition}:events:{here.region}:{here.number}:rule/{name}" for name in names]
    present: dict[str, Any] = json.loads(attributes.get("Policy") or "{}")
    allowed = own_rules(present)
    if set(rules) <= set(allowed):
        return
    policy = queue_policy(present, queue, sorted({*rules, *allowed}))
    with aws_errors("sqs", "SetQueueAttributes", about=queue):
        look.clients.sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
    new = [name for name, arn in zip(names, rules, strict=True) if arn not in allowed]
    say(
        f"  added: the rules {', '.join(new)} may send to queue {queue.rpartition(':')[2]}; all others keep their rights"
    )
