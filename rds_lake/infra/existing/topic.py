"""The existing topic of failures: alarms are added to those who may publish."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from typing import Any

from rds_lake.aws.translate import aws_errors
from rds_lake.infra.existing.look import Found, Look, Say, ask
from rds_lake.model.aws.arn import parse_arn

_SID = "RdsLakeAlarms"
_MISSING = ("NotFound", "NotFoundException")


def topic(look: Look) -> Iterator[Found]:
    """Find the topic, of this account or another one. Another account's topic is never created or changed here."""
    named = look.config.lake.notifications
    if named is None or not look.wants("TopicArn", "Topic"):
        return
    owner = parse_arn(named).account
    if owner != look.account.number:
        yield Found(
            parameter="TopicArn",
            value=named,
            said=f"SNS topic {named} belongs to account {owner} and is not created here: its policy must let this account publish",
        )
        return
    sns = look.clients.sns
    present = ask(
        "sns", "GetTopicAttributes", named, lambda: sns.get_topic_attributes(TopicArn=named), missing=_MISSING
    )
    if present is not None:
        policy = json.loads(present["Attributes"].get("Policy") or "{}")
        yield Found(
            parameter="TopicArn",
            value=named,
            said=f"SNS topic {named} exists: it is used",
            before=partial(_let_alarms_publish, look, named, policy),
        )


def _let_alarms_publish(look: Look, named: str, policy: dict[str, Any], say: Say) -> None:
    here = look.account
    alarms = f"arn:{here.partition}:cloudwatch:{here.region}:{here.number}:alarm:{look.value('NamePrefix')}-*"
    own = {
        "Sid": _SID,
        "Effect": "Allow",
        "Principal": {"Service": "cloudwatch.amazonaws.com"},
        "Action": "sns:Publish",
        "Resource": named,
        "Condition": {"StringEquals": {"aws:SourceAccount": here.number}, "ArnLike": {"aws:SourceArn": alarms}},
    }
    listed = policy.get("Statement", [])
    statements = listed if isinstance(listed, list) else [listed]
    # Two lakes may share a topic, each with alarms of its own names.
    if own in [statement | {"Sid": _SID} for statement in statements]:
        return
    sids = [statement.get("Sid", "") for statement in statements]
    own["Sid"] = next(sid for number in range(len(sids) + 1) if (sid := f"{_SID}{number or ''}") not in sids)
    wanted = {"Version": "2012-10-17"} | policy | {"Statement": [*statements, own]}
    with aws_errors("sns", "SetTopicAttributes", about=named):
        look.clients.sns.set_topic_attributes(TopicArn=named, AttributeName="Policy", AttributeValue=json.dumps(wanted))
    say(f"  added: alarms of this lake may publish to topic {named.rpartition(':')[2]}; all others keep their rights")
