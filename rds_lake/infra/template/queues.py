"""The events queue with its dead-letter queue, the rules that send to it, and the queue of undelivered events.

Names and patterns of the rules are `infra/events.py`. A rule is created after the policy that lets it send: a rule that may not
send loses events without an error.
"""

from __future__ import annotations

from typing import Any

from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.infra.events import event_patterns, input_folders, rule_name
from rds_lake.infra.policy.queue import queue_policy
from rds_lake.infra.queue import DEAD_SUFFIX, KEEP_SECONDS, MAX_RECEIVES, VISIBILITY_SECONDS
from rds_lake.infra.template.parameters import equals, named
from rds_lake.infra.template.parts import (
    HERE,
    Part,
    arn,
    document,
    either,
    get_att,
    new_or_existing,
    only_by_tls,
    ref,
    resource,
    sub,
    substituted,
    tags,
)

# EventBridge's own most: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-retry-policy.html
_RETRIES = {"MaximumEventAgeInSeconds": 24 * 3600, "MaximumRetryAttempts": 185}


_NEW_QUEUE, _NEW_DEAD_LETTERS = "NewQueue", "NewDeadLetterQueue"


def queues(config: LakeConfig) -> Part:
    """Three queues with their policies, and the rules. Existing ones are used."""
    name = config.lake.events_queue
    rules = {f"{what}Rule": (rule, pattern) for what, (rule, pattern) in rules_of(config).items()}
    senders = [f"arn:${{AWS::Partition}}:events:{HERE}:rule/{rule}" for rule, _ in rules.values()]
    return Part(
        parameters=_choices(config),
        conditions=_conditions(config),
        resources={
            **_queues(config, name),
            "EventsQueuePolicy": _policy("EventsQueue", _from_rules(name, senders), _NEW_QUEUE),
            "DeadLettersPolicy": _policy("DeadLetters", [], _NEW_DEAD_LETTERS),
            "UndeliveredPolicy": _policy("Undelivered", _from_rules("${NamePrefix}-undelivered", senders)),
            **{logical: _rule(config, logical, rule, pattern) for logical, (rule, pattern) in rules.items()},
        },
        outputs={
            "EventsQueue": {"Description": "lake.yaml: events_queue", "Value": queue_name(config)},
            "DeadLettersUrl": {
                "Description": "Messages that could not be read",
                "Value": either(_NEW_DEAD_LETTERS, ref("DeadLetters"), _url(f"{name}{DEAD_SUFFIX}")),
            },
            "UndeliveredUrl": {
                "Description": "Events that could not be sent to the queue",
                "Value": ref("Undelivered"),
            },
        },
    )


def _choices(config: LakeConfig) -> dict[str, Any]:
    name = config.lake.events_queue
    dead_letters = f"{name}{DEAD_SUFFIX}"
    return {
        "Queue": new_or_existing(
            f"new: create the events queue, {name}. existing: it exists; its policy must let the rules send to it."
        ),
        "DeadLetterQueue": new_or_existing(
            f"new: create {dead_letters}, for events that cannot be read. existing: it exists."
        ),
        **{rule_parameter(what): _rule_choice(rule) for what, (rule, _) in rules_of(config).items()},
    }


def _conditions(config: LakeConfig) -> dict[str, Any]:
    return {
        _NEW_QUEUE: equals("Queue", "new"),
        _NEW_DEAD_LETTERS: equals("DeadLetterQueue", "new"),
        **{f"New{what}Rule": equals(rule_parameter(what), "new") for what in rules_of(config)},
    }


def rule_parameter(what: str) -> str:
    """Returns the parameter that says whether the rule about something (`Rds`) is created."""
    return f"RuleFor{what}"


def rule_alarm_name(config: LakeConfig, what: str) -> Any:
    """Returns the name of the rule about something, as a value of the template."""
    return either(f"New{what}Rule", ref(f"{what}Rule"), rules_of(config)[what][0])


def queue_name(config: LakeConfig) -> Any:
    """Returns the name of the events queue, as a value of the template."""
    return either(_NEW_QUEUE, get_att("EventsQueue", "QueueName"), config.lake.events_queue)


def dead_letters_name(config: LakeConfig) -> Any:
    """Returns the name of the dead-letter queue, as a value of the template."""
    return either(_NEW_DEAD_LETTERS, get_att("DeadLetters", "QueueName"), f"{config.lake.events_queue}{DEAD_SUFFIX}")


def rules_of(config: LakeConfig) -> dict[str, tuple[str, dict[str, Any]]]:
    """Returns the subject of a rule -> its name and pattern, for rules that a source or warehouse of lake.yaml needs."""
    settings = config.lake
    patterns = event_patterns(
        settings.events_queue,
        exports_bucket=settings.exports_bucket if config.has_dynamodb else None,
        glue_job=settings.glue_job if config.has_glue_job else None,
        inputs=input_folders(config),
    )
    needed = {
        "Rds": ("", bool(config.databases)),
        "Backup": ("backup", takes_backups(config)),
        "Manifest": ("manifest", config.has_dynamodb),
        "Conversion": ("conversion", config.has_glue_job),
        "Input": ("input", bool(input_folders(config))),
    }
    names = {what: rule_name(settings.events_queue, word) for what, (word, wanted) in needed.items() if wanted}
    return {what: (name, patterns[name]) for what, name in names.items()}


def takes_backups(config: LakeConfig) -> bool:
    """Whether a source is exported from snapshots of AWS Backup."""
    return any("backup" in source.snapshots for source in config.databases)


def _queues(config: LakeConfig, name: str) -> dict[str, Any]:
    dead_letters = either(_NEW_DEAD_LETTERS, get_att("DeadLetters"), arn("sqs", f"{name}{DEAD_SUFFIX}"))
    redrive = {"deadLetterTargetArn": dead_letters, "maxReceiveCount": MAX_RECEIVES}
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
            condition=_NEW_QUEUE,
            keep=False,
        ),
        "DeadLetters": resource(
            "AWS::SQS::Queue",
            {"QueueName": f"{name}{DEAD_SUFFIX}", "RedriveAllowPolicy": only_ours, **common},
            condition=_NEW_DEAD_LETTERS,
            keep=False,
        ),
        "Undelivered": resource("AWS::SQS::Queue", {"QueueName": named("undelivered"), **common}, keep=False),
    }


def _policy(queue: str, statements: list[dict[str, Any]], condition: str | None = None) -> dict[str, Any]:
    every = document(*statements, only_by_tls("sqs:*", [get_att(queue)]))
    properties = {"Queues": [ref(queue)], "PolicyDocument": every}
    return resource("AWS::SQS::QueuePolicy", properties, condition=condition)


def _url(queue: str) -> dict[str, Any]:
    return sub(f"https://sqs.${{AWS::Region}}.${{AWS::URLSuffix}}/${{AWS::AccountId}}/{queue}")


def _rule_choice(rule: str) -> dict[str, Any]:
    return new_or_existing(f"new: create the rule {rule}. existing: it exists, and sends to the events queue.")


def _from_rules(queue: str, senders: list[str]) -> list[dict[str, Any]]:
    own = queue_policy({}, f"arn:${{AWS::Partition}}:sqs:{HERE}:{queue}", senders)
    return substituted(own)["Statement"]


def _rule(config: LakeConfig, logical: str, name: str, pattern: dict[str, Any]) -> dict[str, Any]:
    described = f"rds-lake: to the queue {config.lake.events_queue}"
    target = {
        "Id": "queue",
        "Arn": either(_NEW_QUEUE, get_att("EventsQueue"), arn("sqs", config.lake.events_queue)),
        "DeadLetterConfig": {"Arn": get_att("Undelivered")},
        "RetryPolicy": _RETRIES,
    }
    return resource(
        "AWS::Events::Rule",
        {
            "Name": name,
            # It names the policy, so that the policy is there first: DependsOn may name nothing that a condition leaves out.
            "Description": either(_NEW_QUEUE, sub(f"{described}, by the policy ${{EventsQueuePolicy}}"), described),
            "EventPattern": pattern,
            "State": "ENABLED",
            "Targets": [target],
        },
        condition=f"New{logical}",
        after=("UndeliveredPolicy",),
    )
