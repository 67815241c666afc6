"""The events queue with its dead-letter queue, the rules that send to it, and the queue of events that could not be delivered.

Names and patterns of the rules are `infra/events.py`. A rule is created after the policy that lets it send: one that may not send
loses events in silence.
"""

from __future__ import annotations

from typing import Any

from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.infra.events import event_patterns, rule_name
from rds_lake.infra.policy.queue import queue_policy
from rds_lake.infra.queue import DEAD_SUFFIX, KEEP_SECONDS, MAX_RECEIVES, VISIBILITY_SECONDS
from rds_lake.infra.template.parameters import named
from rds_lake.infra.template.parts import (
    HERE,
    Part,
    arn,
    document,
    get_att,
    only_by_tls,
    ref,
    resource,
    substituted,
    tags,
)

# EventBridge's own most: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-retry-policy.html
_RETRIES = {"MaximumEventAgeInSeconds": 24 * 3600, "MaximumRetryAttempts": 185}


def queues(config: LakeConfig) -> Part:
    """Three queues with their policies, and the rules."""
    name = config.lake.events_queue
    rules = {f"{what}Rule": (rule, pattern) for what, (rule, pattern) in rules_of(config).items()}
    senders = [f"arn:${{AWS::Partition}}:events:{HERE}:rule/{rule}" for rule, _ in rules.values()]
    return Part(
        resources={
            **_queues(config, name),
            "EventsQueuePolicy": _policy("EventsQueue", _from_rules(name, senders)),
            "DeadLettersPolicy": _policy("DeadLetters", []),
            "UndeliveredPolicy": _policy("Undelivered", _from_rules("${NamePrefix}-undelivered", senders)),
            **{logical: _rule(config, rule, pattern) for logical, (rule, pattern) in rules.items()},
        },
        outputs={
            "EventsQueue": {"Description": "lake.yaml: events_queue", "Value": get_att("EventsQueue", "QueueName")},
            "DeadLettersUrl": {"Description": "What could not be read ends here", "Value": ref("DeadLetters")},
            "UndeliveredUrl": {
                "Description": "What could not be sent to the queue ends here",
                "Value": ref("Undelivered"),
            },
        },
    )


def rules_of(config: LakeConfig) -> dict[str, tuple[str, dict[str, Any]]]:
    """What a rule is about -> its name and pattern: only those that some source of lake.yaml needs."""
    settings = config.lake
    patterns = event_patterns(
        settings.events_queue,
        exports_bucket=settings.exports_bucket if config.has_dynamodb else None,
        glue_job=settings.glue_job if config.has_glue_job else None,
    )
    needed = {
        "Rds": ("", bool(config.databases)),
        "Backup": ("backup", takes_backups(config)),
        "Manifest": ("manifest", config.has_dynamodb),
        "Conversion": ("conversion", config.has_glue_job),
    }
    names = {what: rule_name(settings.events_queue, word) for what, (word, wanted) in needed.items() if wanted}
    return {what: (name, patterns[name]) for what, name in names.items()}


def takes_backups(config: LakeConfig) -> bool:
    """Whether some source is exported from snapshots of AWS Backup."""
    return any("backup" in source.snapshots for source in config.databases)


def _queues(config: LakeConfig, name: str) -> dict[str, Any]:
    redrive = {"deadLetterTargetArn": get_att("DeadLetters"), "maxReceiveCount": MAX_RECEIVES}
    common = {
        "MessageRetentionPeriod": KEEP_SECONDS,
        "SqsManagedSseEnabled": True,
        "Tags": tags(config.lake),
    }
    only_ours = {"redrivePermission": "byQueue", "sourceQueueArns": [arn("sqs", name)]}
    return {
        "EventsQueue": resource(
            "AWS::SQS::Queue",
            {"QueueName": name, "VisibilityTimeout": VISIBILITY_SECONDS, "RedrivePolicy": redrive, **common},
            keep=False,
        ),
        "DeadLetters": resource(
            "AWS::SQS::Queue",
            {"QueueName": f"{name}{DEAD_SUFFIX}", "RedriveAllowPolicy": only_ours, **common},
            keep=False,
        ),
        "Undelivered": resource("AWS::SQS::Queue", {"QueueName": named("undelivered"), **common}, keep=False),
    }


def _policy(queue: str, statements: list[dict[str, Any]]) -> dict[str, Any]:
    every = document(*statements, only_by_tls("sqs:*", [get_att(queue)]))
    return resource("AWS::SQS::QueuePolicy", {"Queues": [ref(queue)], "PolicyDocument": every})


def _from_rules(queue: str, senders: list[str]) -> list[dict[str, Any]]:
    own = queue_policy({}, f"arn:${{AWS::Partition}}:sqs:{HERE}:{queue}", senders)
    return substituted(own)["Statement"]


def _rule(config: LakeConfig, name: str, pattern: dict[str, Any]) -> dict[str, Any]:
    target = {
        "Id": "queue",
        "Arn": get_att("EventsQueue"),
        "DeadLetterConfig": {"Arn": get_att("Undelivered")},
        "RetryPolicy": _RETRIES,
    }
    return resource(
        "AWS::Events::Rule",
        {
            "Name": name,
            "Description": f"rds-lake: to the queue {config.lake.events_queue}",
            "EventPattern": pattern,
            "State": "ENABLED",
            "Targets": [target],
        },
        after=("EventsQueuePolicy", "UndeliveredPolicy"),
    )
