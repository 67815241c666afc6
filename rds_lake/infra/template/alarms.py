"""The topic of failures with its e-mail subscription, and the alarms for events that were lost or are not read."""

from __future__ import annotations

from typing import Any

from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.infra.template.key import key_arn
from rds_lake.infra.template.parameters import empty, given, named
from rds_lake.infra.template.parts import (
    ACCOUNT,
    Part,
    arn,
    document,
    either,
    get_att,
    only_by_tls,
    ref,
    resource,
    tags,
)
from rds_lake.infra.template.queues import dead_letters_name, queue_name, rule_alarm_name, rules_of
from rds_lake.model.aws.arn import parse_arn

# A message that cannot be decided yet is received ten times, every five minutes, before it is a dead letter.
_UNREAD_SECONDS = 3600
_PERIOD_SECONDS = 300


def topic_arn(config: LakeConfig) -> Any:
    """Returns the ARN of the topic as a value of the template; None if lake.yaml has no `notifications`."""
    return None if config.lake.notifications is None else either("NewTopic", ref("Topic"), ref("TopicArn"))


def topic(config: LakeConfig) -> Part:
    """The topic of lake.yaml, unless it is another account's or one is given, with the subscription of an e-mail address."""
    if config.lake.notifications is None:
        return Part()
    value = topic_arn(config)
    return Part(
        parameters={
            "TopicArn": {
                "Type": "String",
                "Default": config.lake.notifications if _is_foreign(config) else "",
                "AllowedPattern": "^$|^arn:[^:]+:sns:[^:]+:[0-9]{12}:.+$",
                "Description": "ARN of an existing topic, whose policy you maintain yourself. Empty: a new one is created.",
            },
            "NotificationEmail": {
                "Type": "String",
                "Default": "",
                "AllowedPattern": "^$|^[^@ ]+@[^@ ]+$",
                "Description": "E-mail address that gets failures; AWS asks it to confirm. Empty: no e-mail is sent.",
            },
        },
        conditions={"NewTopic": empty("TopicArn"), "Mailed": given("NotificationEmail")},
        resources={
            **_new_topic(config, parse_arn(config.lake.notifications).resource),
            "Subscription": resource(
                "AWS::SNS::Subscription",
                {"TopicArn": value, "Protocol": "email", "Endpoint": ref("NotificationEmail")},
                condition="Mailed",
            ),
        },
        outputs={"Notifications": {"Description": "lake.yaml: notifications", "Value": value}},
    )


def alarms(config: LakeConfig) -> Part:
    """One alarm per queue and rule, for any number of sources."""
    dead = "Reading an event failed ten times: see the message in the dead-letter queue."
    lost = "EventBridge could not send an event to the queue: see the message in this queue."
    age = "The oldest event waits for an hour: does Dagster's daemon run, with the sensor switched on?"
    waiting = ("AWS/SQS", "ApproximateNumberOfMessagesVisible")
    every = {
        "DeadLettersAlarm": ("dead-letters", dead, waiting, _queue(dead_letters_name(config)), 0),
        "UndeliveredAlarm": ("undelivered", lost, waiting, _queue(get_att("Undelivered", "QueueName")), 0),
        "UnreadAlarm": ("unread", age, ("AWS/SQS", "ApproximateAgeOfOldestMessage"), _queue(queue_name(config)), _UNREAD_SECONDS),
    }  # fmt: skip
    failed = "EventBridge could not invoke the rule's target: may the rule send to the queue?"
    for what in rules_of(config):
        rule = {"Name": "RuleName", "Value": rule_alarm_name(config, what)}
        every[f"{what}RuleAlarm"] = (f"rule-{what.lower()}", failed, ("AWS/Events", "FailedInvocations"), rule, 0)
    return Part(resources={logical: alarm(config, *values) for logical, values in every.items()})


def alarm(
    config: LakeConfig, name: str, why: str, metric: tuple[str, str], dimension: dict[str, Any], above: int
) -> dict[str, Any]:
    """An alarm for a metric (namespace and name) that exceeds a number once; it publishes to the topic."""
    topic = topic_arn(config)
    properties = {
        "AlarmName": named(name),
        "AlarmDescription": f"rds-lake {config.lake.bucket}/{config.lake.prefix}: {why}",
        "Namespace": metric[0],
        "MetricName": metric[1],
        "Dimensions": [dimension],
        "Statistic": "Sum" if metric[0] in ("AWS/Events", "AWS/Lambda") else "Maximum",
        "Period": _PERIOD_SECONDS,
        "EvaluationPeriods": 1,
        "ComparisonOperator": "GreaterThanThreshold",
        "Threshold": above,
        "TreatMissingData": "notBreaching",
        "Tags": tags(config.lake),
    }
    return resource("AWS::CloudWatch::Alarm", properties | ({"AlarmActions": [topic]} if topic else {}))


def _queue(name: Any) -> dict[str, Any]:
    return {"Name": "QueueName", "Value": name}


def _new_topic(config: LakeConfig, name: str) -> dict[str, Any]:
    key = key_arn(config)
    properties = {"TopicName": name, **({"KmsMasterKeyId": key} if key else {}), "Tags": tags(config.lake)}
    alarm = {
        "Sid": "Alarms",
        "Effect": "Allow",
        "Principal": {"Service": "cloudwatch.amazonaws.com"},
        "Action": "sns:Publish",
        "Resource": ref("Topic"),
        "Condition": {
            "StringEquals": {"aws:SourceAccount": ACCOUNT},
            "ArnLike": {"aws:SourceArn": arn("cloudwatch", "alarm:${NamePrefix}-*")},
        },
    }
    policy = document(alarm, only_by_tls("sns:Publish", [ref("Topic")]))
    return {
        "Topic": resource("AWS::SNS::Topic", properties, condition="NewTopic"),
        "TopicPolicy": resource(
            "AWS::SNS::TopicPolicy", {"Topics": [ref("Topic")], "PolicyDocument": policy}, condition="NewTopic"
        ),
    }


def _is_foreign(config: LakeConfig) -> bool:
    """Whether the ARNs of lake.yaml show that the topic and the roles belong to different accounts."""
    roles = [text for text in (config.lake.export_role, config.lake.glue_role) if text]
    owners = {parse_arn(text).account for text in roles}
    return bool(owners) and parse_arn(config.lake.notifications or "").account not in owners
