"""The events queue: whether it exists, its dead-letter queue, who sends to it, and who else receives from it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from rds_lake.aws.translate import aws_errors
from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.infra.doctor.findings import Examination, Fix, Row, Seen, bad, doubtful, good
from rds_lake.infra.doctor.patient import Patient
from rds_lake.infra.doctor.rights.by_resource import Service, by_service, said
from rds_lake.infra.doctor.subjects.credentials import ACCOUNT
from rds_lake.infra.policy.queue import own_rules, queue_policy
from rds_lake.infra.template.queues import rules_of
from rds_lake.model.words import counted

EXISTS = Row(
    id="queue.exists",
    looks_at="The queue of `events_queue` is there.",
    remedy="run `rds-lake setup`, which creates it, or correct `events_queue` in lake.yaml",
)
REDRIVE = Row(
    id="queue.redrive",
    looks_at="Messages that cannot be read go to a dead-letter queue; without it they are delivered again and again.",
    remedy="give the queue a dead-letter queue with `maxReceiveCount` 10, as `rds-lake template` has it",
)
DEAD = Row(
    id="queue.dead-letters",
    looks_at="The dead-letter queue is empty.",
    remedy="read its messages (they say what arrived), correct what sent them, and start a redrive",
)
POLICY = Row(
    id="queue.policy",
    looks_at="The queue's policy lets each EventBridge rule send to it; events of a rule that may not are lost without an error.",
    remedy="run `rds-lake doctor --fix` or `rds-lake setup`, which add the rule to the queue's policy",
)
KEY = Row(
    id="queue.key",
    looks_at="The queue is encrypted so that EventBridge may send to it: by SQS itself, or with a key whose policy lets it in.",
    remedy="allow events.amazonaws.com kms:GenerateDataKey and kms:Decrypt in the key's policy, or encrypt the queue by SQS (SSE-SQS)",
)
CONSUMERS = Row(
    id="queue.consumers",
    looks_at="No Lambda function receives from the queue as well: each message would reach only one of the two.",
    remedy="remove the function's trigger, or give this lake its own queue (`events_queue`)",
)
VISIBILITY = Row(
    id="queue.visibility",
    looks_at="A received message stays hidden for at least two minutes: the sensor needs this time to process and delete it.",
    remedy="set the queue's visibility timeout to 300 seconds",
)
ROWS = (EXISTS, REDRIVE, DEAD, POLICY, KEY, CONSUMERS, VISIBILITY)
_LEAST_SECONDS = 120
_OF_AWS = "alias/aws/sqs"


def examinations(config: LakeConfig) -> Iterator[Examination]:
    """Returns the examinations of the queue, with a policy row for each rule."""
    name = config.lake.events_queue
    exists = ((EXISTS.id, name),)
    yield Examination(row=EXISTS, about=name, look=_exists, after=((ACCOUNT.id, ""),))
    yield Examination(row=REDRIVE, about=name, look=_redrive, after=exists)
    yield Examination(row=DEAD, about=name, look=_dead, after=((REDRIVE.id, name),))
    for rule, _ in rules_of(config).values():
        yield Examination(row=POLICY, about=rule, look=partial(_policy, rule), after=exists)
    yield Examination(row=KEY, about=name, look=_key, after=exists)
    yield Examination(row=CONSUMERS, about=name, look=_consumers, after=exists)
    yield Examination(row=VISIBILITY, about=name, look=_visibility, after=exists)


def _queue(patient: Patient) -> dict[str, str]:
    return patient.queue(patient.lake.events_queue)


def _exists(patient: Patient) -> Seen:
    queue = _queue(patient)
    return good(queue["QueueArn"]) if queue else bad("the queue does not exist in this account and Region")


def _dead_letters(patient: Patient) -> str | None:
    """Returns the name of the dead-letter queue."""
    redrive = json.loads(_queue(patient).get("RedrivePolicy") or "{}")
    return redrive.get("deadLetterTargetArn", "").rpartition(":")[2] or None


def _redrive(patient: Patient) -> Seen:
    dead = _dead_letters(patient)
    if dead is None:
        return doubtful("it has no dead-letter queue")
    if not patient.queue(dead):
        return bad(f"its dead-letter queue {dead} does not exist", f"create the queue {dead}, or run `rds-lake setup`")
    return good(f"to {dead}")


def _dead(patient: Patient) -> Seen:
    dead = _dead_letters(patient)
    if dead is None:
        return good("there is none")
    count = int(patient.queue(dead).get("ApproximateNumberOfMessages", 0))
    return doubtful(f"{counted(count, 'message', 'is', 'are')} in {dead}") if count else good(f"{dead} is empty")


def rule_arn(patient: Patient, rule: str) -> str:
    """Returns the ARN of a rule of this account."""
    return patient.names().arn("events", f"rule/{rule}")


def _policy(rule: str, patient: Patient) -> Seen:
    arn, sender = _queue(patient)["QueueArn"], rule_arn(patient, rule)
    context = {"aws:SourceArn": (sender,), "aws:SourceAccount": (patient.account().number,)}
    events = Service(principal="events.amazonaws.com", actions=("sqs:SendMessage",), context=context)
    seen = said(by_service(patient, arn, events), otherwise="EventBridge may send in its name")
    if not seen.missing or any(denial.decision.statement for denial in by_service(patient, arn, events)):
        return seen
    return bad(seen.text, missing=seen.missing, fix=_let_send(patient, sender))


def _let_send(patient: Patient, sender: str) -> Fix:
    queue = _queue(patient)["QueueArn"]
    url = patient.queue_url(patient.lake.events_queue)

    def apply(client: Callable[[str], Any]) -> None:
        sqs = client("sqs")
        # Read again: another fix may have added another rule since.
        with aws_errors("sqs", "GetQueueAttributes", about=queue):
            present = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"]).get("Attributes", {})
        policy = json.loads(present.get("Policy") or "{}")
        wanted = queue_policy(policy, queue, sorted({*own_rules(policy), sender}))
        with aws_errors("sqs", "SetQueueAttributes", about=queue):
            sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(wanted)})

    return Fix(does=f"let rule {sender.rpartition('/')[2]} send to queue {patient.lake.events_queue}", apply=apply)


def _key(patient: Patient) -> Seen:
    named = _queue(patient).get("KmsMasterKeyId")
    if not named:
        return good("by SQS itself, or not at all")
    if named.endswith(_OF_AWS):
        return bad(f"with AWS's own key {_OF_AWS}, which EventBridge cannot use")
    key = patient.key(named)
    if key is None:
        return bad(f"with the key {named}, which does not exist")
    events = Service(
        principal="events.amazonaws.com",
        actions=("kms:GenerateDataKey", "kms:Decrypt"),
        context={"kms:ViaService": (f"sqs.{patient.account().region}.amazonaws.com",)},
    )
    return said(by_service(patient, key["Arn"], events), otherwise=f"with the key {named}, which lets EventBridge in")


def _consumers(patient: Patient) -> Seen:
    arn = _queue(patient)["QueueArn"]
    mappings = patient.answers.pages(
        "lambda", "list_event_source_mappings", "EventSourceMappings", about=arn, EventSourceArn=arn
    )
    functions = sorted(
        {mapping["FunctionArn"].rpartition(":")[2] for mapping in mappings if mapping.get("State") != "Disabled"}
    )
    if functions:
        return bad(f"the functions {', '.join(functions)} take messages from it, which no sensor sees then")
    return good("no function of Lambda receives from it")


def _visibility(patient: Patient) -> Seen:
    seconds = int(_queue(patient).get("VisibilityTimeout", 0))
    text = f"{seconds} s"
    return good(text) if seconds >= _LEAST_SECONDS else doubtful(f"{text}: a message may come twice")
