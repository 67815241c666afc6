"""The topic of failures: whether it has subscribers, and whether alarms may publish to it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.infra.doctor.findings import Examination, Row, Seen, bad, doubtful, good, undecided
from rds_lake.infra.doctor.patient import Patient
from rds_lake.infra.doctor.rights.by_resource import Service, by_service, said
from rds_lake.infra.doctor.subjects.credentials import ACCOUNT
from rds_lake.infra.policy.deployed import name_prefix
from rds_lake.model.aws.arn import parse_arn

EXISTS = Row(
    id="topic.exists",
    looks_at="The topic of `notifications` is there.",
    remedy="run `rds-lake setup`, which creates it, or correct `notifications` in lake.yaml",
)
SUBSCRIBED = Row(
    id="topic.subscribed",
    looks_at="The topic has a subscription that is confirmed.",
    remedy="subscribe an address (`rds-lake setup --parameter NotificationEmail=…`), confirm it by the mail that AWS sends, then try "
    "`rds-lake notify --test`",
)
POLICY = Row(
    id="topic.policy",
    looks_at="The topic's policy lets the alarms of the template publish.",
    remedy="run `rds-lake setup`, which adds the alarms to the topic's policy",
)
KEY = Row(
    id="topic.key",
    looks_at="The topic is not encrypted, or with a key whose policy lets alarms in; they cannot use AWS's own key.",
    remedy="allow cloudwatch.amazonaws.com kms:GenerateDataKey and kms:Decrypt in the key's policy",
)
ROWS = (EXISTS, SUBSCRIBED, POLICY, KEY)
_MISSING = ("NotFound", "NotFoundException")
_OF_AWS = "alias/aws/sns"


def examinations(config: LakeConfig) -> Iterator[Examination]:
    """Returns the examinations of the topic; empty without `notifications`."""
    named = config.lake.notifications
    if named is None:
        return
    name = parse_arn(named).resource
    exists = ((EXISTS.id, name),)
    yield Examination(row=EXISTS, about=name, look=_exists, after=((ACCOUNT.id, ""),))
    yield Examination(row=SUBSCRIBED, about=name, look=_subscribed, after=exists)
    yield Examination(row=POLICY, about=name, look=_policy, after=exists)
    yield Examination(row=KEY, about=name, look=_key, after=exists)


def _topic(patient: Patient) -> Any:
    arn = patient.lake.notifications
    attributes = patient.ask("sns", "get_topic_attributes", about=arn or "", missing=_MISSING, TopicArn=arn)
    return attributes["Attributes"] if attributes else None


def _exists(patient: Patient) -> Seen:
    return bad("the topic does not exist") if _topic(patient) is None else good("it is there")


def _subscribed(patient: Patient) -> Seen:
    arn = patient.lake.notifications or ""
    subscriptions = patient.answers.pages(
        "sns", "list_subscriptions_by_topic", "Subscriptions", about=arn, TopicArn=arn
    )
    # AWS shows `PendingConfirmation` where an ARN would be: https://docs.aws.amazon.com/sns/latest/api/API_Subscribe.html
    confirmed = [subscription for subscription in subscriptions if subscription["SubscriptionArn"].startswith("arn:")]
    if confirmed:
        return good(f"{len(confirmed)} confirmed")
    pending = [subscription.get("Endpoint", "?") for subscription in subscriptions]
    return doubtful(
        f"{', '.join(pending)} has not confirmed the subscription yet" if pending else "it has no subscriber"
    )


def _alarm(patient: Patient) -> dict[str, tuple[str, ...]]:
    """Returns the condition keys of a request by which an alarm publishes."""
    alarm = patient.names().arn("cloudwatch", f"alarm:{name_prefix(patient.lake)}-unread")
    owner = (patient.account().number,)
    # A topic's default policy asks for SourceOwner: https://docs.aws.amazon.com/sns/latest/dg/sns-access-policy-use-cases.html
    return {"aws:SourceArn": (alarm,), "aws:SourceAccount": owner, "aws:SourceOwner": owner}


def _policy(patient: Patient) -> Seen:
    arn = patient.lake.notifications or ""
    alarms = Service(principal="cloudwatch.amazonaws.com", actions=("sns:Publish",), context=_alarm(patient))
    return said(by_service(patient, arn, alarms), otherwise="alarms may publish")


def _key(patient: Patient) -> Seen:
    named = _topic(patient).get("KmsMasterKeyId")
    if not named:
        return good("not encrypted")
    if named.endswith(_OF_AWS):
        return bad(f"with AWS's own key {_OF_AWS}, which alarms cannot use", "encrypt the topic with `kms_key:`")
    key = patient.key(named)
    if key is None:
        return bad(f"with the key {named}, which does not exist")
    if parse_arn(patient.lake.notifications or "").account != patient.account().number:
        return undecided(
            "the topic and its key belong to another account, so the key's policy cannot be read",
            "ask the owner whether alarms may use the key",
        )
    alarms = Service(
        principal="cloudwatch.amazonaws.com",
        actions=("kms:GenerateDataKey", "kms:Decrypt"),
        context=_alarm(patient),
    )
    return said(by_service(patient, key["Arn"], alarms), otherwise=f"with the key {named}, which lets alarms in")
