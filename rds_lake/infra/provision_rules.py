"""Create a lake's EventBridge rules, let them send to its queue, and point them at it.

A rule that sends elsewhere is never changed: its events would no longer reach their receiver. Patterns are `events.py`,
the queue's policy is `policy/queue.py`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from rds_lake.aws.clients import AwsClients
from rds_lake.aws.translate import aws_errors
from rds_lake.errors import AwsError, ConfigError
from rds_lake.infra.policy.queue import queue_policy

_TARGET = "queue"


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleProvisioner:
    """Creates rules; `say` gets one line per rule."""

    clients: AwsClients
    say: Callable[[str], None]

    def apply(self, patterns: Mapping[str, dict[str, Any]], *, queue: tuple[str, str]) -> None:
        """Create the rules (name -> pattern) with the queue (URL, ARN) as their target.

        ConfigError before anything is changed. It lists the existing rules that send to another target, and those that
        have no target yet and another pattern.
        """
        url, queue_arn = queue
        present = {name: self._find(name) for name in patterns}
        problems = [
            f"rule {name} sends to {', '.join(rule.targets) or 'nothing yet'}"
            for name, rule in present.items()
            if rule is not None and queue_arn not in rule.targets and (rule.targets or rule.pattern != patterns[name])
        ]
        if problems:
            raise ConfigError(
                f"these EventBridge rules exist and do not send to the queue {queue_arn}; they were not changed. Give this "
                "lake its own `events_queue`, or remove the rules if nobody needs them:",
                problems,
            )
        self._let_send(url, queue_arn, [self._put(name, pattern) for name, pattern in patterns.items()])
        for name in patterns:
            rule = present[name]
            if rule is None or queue_arn not in rule.targets:
                self._point(name, queue_arn)
            self.say(f"EventBridge rule {name} -> queue {queue_arn.rpartition(':')[2]}")

    def _find(self, name: str) -> _Rule | None:
        events = self.clients.client("events")
        try:
            with aws_errors("events", "DescribeRule", about=name):
                pattern = events.describe_rule(Name=name).get("EventPattern") or "null"
        except AwsError as error:
            if error.code != "ResourceNotFoundException":
                raise
            return None
        with aws_errors("events", "ListTargetsByRule", about=name):
            targets = events.list_targets_by_rule(Rule=name)["Targets"]
        return _Rule(pattern=json.loads(pattern), targets=tuple(target["Arn"] for target in targets))

    def _put(self, name: str, pattern: dict[str, Any]) -> str:
        events = self.clients.client("events")
        with aws_errors("events", "PutRule", about=name):
            return events.put_rule(Name=name, EventPattern=json.dumps(pattern), State="ENABLED")["RuleArn"]

    def _let_send(self, url: str, queue_arn: str, rules: list[str]) -> None:
        """Let the rules send to the queue. Before they get their target: a rule that may not send loses events in silence."""
        sqs = self.clients.sqs
        with aws_errors("sqs", "GetQueueAttributes", about=queue_arn):
            attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"]).get("Attributes", {})
        present = json.loads(attributes.get("Policy") or "{}")
        wanted = queue_policy(present, queue_arn, rules)
        if wanted == present:
            return
        with aws_errors("sqs", "SetQueueAttributes", about=queue_arn):
            sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(wanted)})

    def _point(self, name: str, queue_arn: str) -> None:
        with aws_errors("events", "PutTargets", about=name):
            answer = self.clients.client("events").put_targets(Rule=name, Targets=[{"Id": _TARGET, "Arn": queue_arn}])
        # Refused targets come with HTTP 200: https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutTargets.html
        if answer.get("FailedEntryCount"):
            refused = answer["FailedEntries"][0]
            raise AwsError(
                service="events",
                operation="PutTargets",
                code=refused.get("ErrorCode", "Unknown"),
                message=f"{refused.get('ErrorMessage', 'no reason given')} (rule {name} -> {queue_arn})",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rule:
    """An existing rule's pattern and the ARNs of its targets."""

    pattern: Any
    targets: tuple[str, ...]
