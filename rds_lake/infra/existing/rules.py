"""Existing EventBridge rules: a rule that sends to the lake's queue is used, and updated to this release's pattern.

A rule that sends elsewhere is never changed, because its events would no longer reach their receiver.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from typing import Any

from rds_lake.aws.translate import aws_errors
from rds_lake.errors import AwsError
from rds_lake.infra.existing.look import Found, Look, Say, ask
from rds_lake.infra.template.queues import rule_parameter, rules_of


def rules(look: Look) -> Iterator[Found]:
    """Find the EventBridge rules that the lake needs."""
    here = look.account
    queue = f"arn:{here.partition}:sqs:{here.region}:{here.number}:{look.config.lake.events_queue}"
    for what, (name, pattern) in rules_of(look.config).items():
        if not look.wants(rule_parameter(what), f"{what}Rule") or (present := _find(look, name)) is None:
            continue
        before, targets = present
        if queue not in targets and (targets or before != pattern):
            look.problems.append(
                f"EventBridge rule {name} sends to {', '.join(targets) or 'nothing yet'}, not to {queue}: give this lake its own "
                "`events_queue` in lake.yaml, or remove the rule if it is not needed"
            )
            continue
        yield Found(
            parameter=rule_parameter(what),
            said=f"EventBridge rule {name} exists: it is used",
            after=partial(_mend, look, name, None if before == pattern else pattern, None if targets else queue),
        )


def _find(look: Look, name: str) -> tuple[Any, list[str]] | None:
    """Returns the rule's pattern, and the ARNs of its targets; None if the rule does not exist."""
    events = look.clients.client("events")
    rule = ask(
        "events",
        "DescribeRule",
        name,
        lambda: events.describe_rule(Name=name),
        missing=("ResourceNotFoundException",),
    )
    if rule is None:
        return None
    with aws_errors("events", "ListTargetsByRule", about=name):
        targets = events.list_targets_by_rule(Rule=name)["Targets"]
    return json.loads(rule.get("EventPattern") or "null"), [target["Arn"] for target in targets]


def _mend(look: Look, name: str, pattern: dict[str, Any] | None, queue: str | None, say: Say) -> None:
    """Give the rule this pattern and this target; None: keep its own."""
    events = look.clients.client("events")
    if pattern is not None:
        with aws_errors("events", "PutRule", about=name):
            events.put_rule(Name=name, EventPattern=json.dumps(pattern), State="ENABLED")
        say(f"  changed: rule {name} has this release's pattern")
    if queue is None:
        return
    with aws_errors("events", "PutTargets", about=name):
        answer = events.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": queue}])
    # Refused targets come with HTTP 200: https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutTargets.html
    if answer.get("FailedEntryCount"):
        refused = answer["FailedEntries"][0]
        raise AwsError(
            service="events",
            operation="PutTargets",
            code=refused.get("ErrorCode", "Unknown"),
            message=f"{refused.get('ErrorMessage', 'no reason given')} (rule {name} -> {queue})",
        )
    say(f"  added: rule {name} sends to queue {queue.rpartition(':')[2]}")
