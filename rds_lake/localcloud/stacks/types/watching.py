"""AWS::CloudWatch and AWS::Logs: alarms and log groups."""

from __future__ import annotations

from typing import Any

from rds_lake.localcloud.stacks.types.base import Call, ResourceType

Json = dict[str, Any]
_ALARM = (
    "ActionsEnabled", "AlarmActions", "AlarmDescription", "ComparisonOperator", "DatapointsToAlarm", "Dimensions",
    "EvaluateLowSampleCountPercentile", "EvaluationPeriods", "ExtendedStatistic", "InsufficientDataActions", "MetricName",
    "Metrics", "Namespace", "OKActions", "Period", "Statistic", "Tags", "Threshold", "ThresholdMetricId",
    "TreatMissingData", "Unit",
)  # fmt: skip


def _create_alarm(call: Call) -> str:
    name = call.name("AlarmName", limit=255)
    call.client("cloudwatch").put_metric_alarm(AlarmName=name, **call.pick(*_ALARM))
    return name


def _update_alarm(call: Call) -> None:
    call.client("cloudwatch").put_metric_alarm(AlarmName=call.physical, **call.pick(*_ALARM))


def _delete_alarm(call: Call) -> None:
    call.client("cloudwatch").delete_alarms(AlarmNames=[call.physical])


def _create_group(call: Call) -> str:
    name = call.name("LogGroupName", limit=512)
    given: Json = {"kmsKeyId": call.properties["KmsKeyId"]} if "KmsKeyId" in call.properties else {}
    if call.tags():
        given["tags"] = {tag["Key"]: tag["Value"] for tag in call.tags()}
    call.client("logs").create_log_group(logGroupName=name, **given)
    return name


def _retain(call: Call) -> None:
    logs, name = call.client("logs"), call.physical
    if "RetentionInDays" in call.properties:
        logs.put_retention_policy(logGroupName=name, retentionInDays=call.properties["RetentionInDays"])
    elif "RetentionInDays" in call.before:
        logs.delete_retention_policy(logGroupName=name)


TYPES = (
    ResourceType(
        name="AWS::CloudWatch::Alarm",
        named="AlarmName",
        takes=frozenset({*_ALARM, "AlarmName"}),
        create=_create_alarm,
        update=_update_alarm,
        delete=_delete_alarm,
        attributes=lambda call: {"Arn": call.arn("cloudwatch", f"alarm:{call.physical}")},
    ),
    ResourceType(
        name="AWS::Logs::LogGroup",
        named="LogGroupName",
        takes=frozenset({"KmsKeyId", "LogGroupName", "RetentionInDays", "Tags"}),
        create=_create_group,
        configure=_retain,
        delete=lambda call: call.client("logs").delete_log_group(logGroupName=call.physical),
        attributes=lambda call: {"Arn": call.arn("logs", f"log-group:{call.physical}:*")},
    ),
)
