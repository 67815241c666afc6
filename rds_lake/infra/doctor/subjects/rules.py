"""The rules of EventBridge: whether they exist and are enabled, match the events of every source, and deliver them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from typing import Any

from rds_lake.aws.translate import aws_errors
from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.infra.doctor.findings import Examination, Fix, Row, Seen, bad, doubtful, good, undecided
from rds_lake.infra.doctor.patient import Patient
from rds_lake.infra.doctor.sample_events import sample_events
from rds_lake.infra.doctor.subjects.credentials import ACCOUNT
from rds_lake.infra.template.queues import rules_of
from rds_lake.model.events.pattern import event_fits
from rds_lake.model.words import counted

EXISTS = Row(
    id="rule.exists",
    looks_at="Each rule that the sources of lake.yaml need is there.",
    remedy="run `rds-lake setup`, which creates it",
)
ENABLED = Row(
    id="rule.enabled",
    looks_at="The rule is enabled.",
    remedy="run `rds-lake doctor --fix`, or enable the rule",
)
PATTERN = Row(
    id="rule.pattern",
    looks_at="The rule's pattern matches all events that the sources in lake.yaml wait for; tested with sample events.",
    remedy="run `rds-lake setup`, which gives the rule its pattern",
)
TARGET = Row(
    id="rule.target",
    looks_at="The rule sends each event unchanged to the queue of lake.yaml.",
    remedy="run `rds-lake setup`, or give the rule the queue as its target",
)
FAILURES = Row(
    id="rule.failures",
    looks_at="In the last 24 hours EventBridge could deliver every event of the rule (CloudWatch: FailedInvocations).",
    remedy="look at queue.policy and queue.key; what was lost is found by reconciliation (`reconcile` in Dagster)",
)
ROWS = (EXISTS, ENABLED, PATTERN, TARGET, FAILURES)
_MISSING = ("ResourceNotFoundException",)
_CHANGES_THE_EVENT = ("Input", "InputPath", "InputTransformer")
_SHOWN = 3


def examinations(config: LakeConfig) -> Iterator[Examination]:
    """Returns five rows for each rule."""
    for what, (rule, _) in rules_of(config).items():
        exists = ((EXISTS.id, rule),)
        yield Examination(row=EXISTS, about=rule, look=partial(_exists, rule), after=((ACCOUNT.id, ""),))
        yield Examination(row=ENABLED, about=rule, look=partial(_enabled, rule), after=exists)
        yield Examination(row=PATTERN, about=rule, look=partial(_pattern, what, rule), after=exists)
        yield Examination(row=TARGET, about=rule, look=partial(_target, rule), after=exists)
        yield Examination(row=FAILURES, about=rule, look=partial(_failures, rule), after=exists)


def _rule(patient: Patient, rule: str) -> Any:
    return patient.ask("events", "describe_rule", about=rule, missing=_MISSING, Name=rule)


def _exists(rule: str, patient: Patient) -> Seen:
    return (
        bad("the rule does not exist in this account and Region")
        if _rule(patient, rule) is None
        else good("it is there")
    )


def _enabled(rule: str, patient: Patient) -> Seen:
    state = _rule(patient, rule)["State"]
    if state.startswith("ENABLED"):
        return good(state)
    return bad(f"its state is {state}: no event reaches the queue", fix=_enable(rule, _rule(patient, rule)))


def _enable(rule: str, present: dict[str, Any]) -> Fix:
    """Enable the rule by PutRule, as `rds-lake setup` does, so the deployer's permissions are enough. Its settings are kept."""
    kept = {key: present[key] for key in ("EventPattern", "Description", "RoleArn") if present.get(key)}

    def apply(client: Callable[[str], Any]) -> None:
        with aws_errors("events", "PutRule", about=rule):
            client("events").put_rule(Name=rule, State="ENABLED", **kept)

    return Fix(does=f"enable rule {rule}", apply=apply)


def _pattern(what: str, rule: str, patient: Patient) -> Seen:
    pattern = json.loads(_rule(patient, rule).get("EventPattern") or "{}")
    samples = list(sample_events(what, patient.config, patient.names()))
    try:
        unmatched = [sample.said for sample in samples if not pattern or not event_fits(pattern, sample.event)]
    except ValueError as error:
        return undecided(f"rds-lake cannot read its pattern: {error}", "compare it with that of `rds-lake template`")
    if unmatched:
        more = f" and {len(unmatched) - _SHOWN} more" if len(unmatched) > _SHOWN else ""
        return bad(f"it does not match {', '.join(unmatched[:_SHOWN])}{more}")
    return good(f"it matches the {counted(len(samples), 'event')} that the sources wait for")


def _target(rule: str, patient: Patient) -> Seen:
    queue = patient.names().arn("sqs", patient.lake.events_queue)
    targets = patient.answers.pages("events", "list_targets_by_rule", "Targets", about=rule, Rule=rule)
    our_target = next((target for target in targets if target["Arn"] == queue), None)
    if our_target is None:
        others = ", ".join(target["Arn"] for target in targets) or "nothing"
        return bad(f"it sends to {others}, not to {queue}")
    if changed := [key for key in _CHANGES_THE_EVENT if key in our_target]:
        return bad(f"its target has {', '.join(changed)}: the sensor cannot read its messages")
    return good("to the queue")


def _failures(rule: str, patient: Patient) -> Seen:
    until = patient.now().replace(microsecond=0)
    answer = patient.ask(
        "cloudwatch",
        "get_metric_statistics",
        about=rule,
        Namespace="AWS/Events",
        MetricName="FailedInvocations",
        Dimensions=[{"Name": "RuleName", "Value": rule}],
        StartTime=until - timedelta(days=1),
        EndTime=until,
        Period=3600,
        Statistics=["Sum"],
    )
    failed = sum(point.get("Sum", 0) for point in answer.get("Datapoints", ()))
    return (
        doubtful(f"{failed:.0f} events could not be delivered in the last 24 hours") if failed else good("none failed")
    )
