"""`capture: outbox` without Dagster: a function that forwards the outboxes, and the rule that invokes it every few minutes.

Its package, which contains lake.yaml and a database driver, must be in the lake before: `rds-lake streams package --forwarder
--upload` puts it there and prints the parameters. Without `ForwarderCodeKey` the stack has none of it.
A second invocation at the same time would only report that the first is at work, because of the database's lock; the reserved
concurrency of one avoids that.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.infra.policy.document import trust
from rds_lake.infra.policy.streams.forwarder import (
    FORWARD_RULE,
    FORWARDER,
    forwarder_policy,
    network_policy,
    scheduled_sources,
)
from rds_lake.infra.template.alarms import alarm
from rds_lake.infra.template.parameters import given, named
from rds_lake.infra.template.parts import Part, either, get_att, ref, resource, sub, substituted, tags
from rds_lake.infra.template.roles import TEMPLATE_NAMES, role

_FUNCTION, _IN_VPC = "NewForwarder", "ForwarderInVpc"
_HANDLER = "rds_lake.stages.streams.scheduled.handler"
_NAME = f"${{NamePrefix}}-{FORWARDER}"
# Lambda's longest: a first cut may have millions of changes. One that is stopped is repeated by the next invocation.
_TIMEOUT_SECONDS, _MEMORY_MB = 900, 1_024
_LOG_DAYS, _MISSED_SECONDS = 30, 60


def forwarder(config: LakeConfig) -> Part:
    """Function, role, log, schedule and alarm; none if no source has an outbox and a secret."""
    sources = scheduled_sources(config)
    if not sources:
        return Part()
    may = forwarder_policy(config, TEMPLATE_NAMES, _NAME)
    # EventBridge takes whole minutes, and no less than one.
    minutes = max(1, int(min(source.streams.forward_minutes for source in sources if source.streams)))
    return Part(
        parameters=_parameters(config, ", ".join(source.name for source in sources)),
        conditions={_FUNCTION: given("ForwarderCodeKey"), _IN_VPC: given("ForwarderSubnets")},
        resources=dict(_resources(config, minutes)),
        notes=tuple(f"{FORWARDER}: {line}" for line in may.widened),
    )


def _parameters(config: LakeConfig, sources: str) -> dict[str, Any]:
    said = "as `rds-lake streams package --forwarder --upload` says"
    ids = "^$|^{0}-[0-9a-f]+(,{0}-[0-9a-f]+)*$"
    return {
        "ForwarderCodeKey": {
            "Type": "String",
            "Default": "",
            "Description": f"Key in {config.lake.bucket} of the package, {said}. Empty: no function forwards {sources}.",
        },
        "ForwarderRuntime": {
            "Type": "String",
            "Default": "python3.13",
            "AllowedPattern": r"^python3\.[0-9]+$",
            "Description": f"What the package was made for, {said}.",
        },
        "ForwarderArchitecture": {
            "Type": "String",
            "Default": "x86_64",
            "AllowedValues": ["x86_64", "arm64"],
            "Description": f"What the package was made for, {said}.",
        },
        "ForwarderSubnets": {
            "Type": "String",
            "Default": "",
            "AllowedPattern": ids.format("subnet"),
            "Description": "Subnets of the databases' VPC, separated by commas. They must reach S3 and Secrets "
            "Manager (by endpoints or NAT). Empty: the function is in no VPC.",
        },
        "ForwarderSecurityGroups": {
            "Type": "String",
            "Default": "sg-00000000",
            "AllowedPattern": ids.format("sg"),
            "Description": "Security groups that the databases let in, separated by commas; used only with ForwarderSubnets.",
        },
    }


def _resources(config: LakeConfig, minutes: int) -> Iterator[tuple[str, dict[str, Any]]]:
    yield "ForwarderRole", _role(config)
    logs = {"LogGroupName": sub(f"/aws/lambda/{_NAME}"), "RetentionInDays": _LOG_DAYS, "Tags": tags(config.lake)}
    yield "ForwarderLogs", resource("AWS::Logs::LogGroup", logs, condition=_FUNCTION, keep=False)
    made = resource("AWS::Lambda::Function", _function(config), condition=_FUNCTION, after=("ForwarderLogs",))
    yield "Forwarder", made
    # The next invocation does what one missed.
    events = {
        "FunctionName": ref("Forwarder"),
        "Qualifier": "$LATEST",
        "MaximumRetryAttempts": 0,
        "MaximumEventAgeInSeconds": _MISSED_SECONDS,
    }
    yield "ForwarderEvents", resource("AWS::Lambda::EventInvokeConfig", events, condition=_FUNCTION)
    rule = {
        "Name": named(FORWARD_RULE),
        "Description": f"rds-lake: forwards outboxes to {config.lake.bucket}/{config.lake.prefix}",
        "ScheduleExpression": f"rate({minutes} {'minute' if minutes == 1 else 'minutes'})",
        "State": "ENABLED",
        "Targets": [{"Id": FORWARDER, "Arn": get_att("Forwarder"), "Input": "{}"}],
    }
    yield "ForwarderRule", resource("AWS::Events::Rule", rule, condition=_FUNCTION)
    permission = {
        "FunctionName": ref("Forwarder"),
        "Action": "lambda:InvokeFunction",
        "Principal": "events.amazonaws.com",
        "SourceArn": get_att("ForwarderRule"),
    }
    yield "ForwarderPermission", resource("AWS::Lambda::Permission", permission, condition=_FUNCTION)
    yield from _alarms(config)


def _alarms(config: LakeConfig) -> Iterator[tuple[str, dict[str, Any]]]:
    why = (
        "The function could not forward an outbox, which grows inside the production database: see the function's log."
    )
    dimension = {"Name": "FunctionName", "Value": ref("Forwarder")}
    made = alarm(config, f"{FORWARDER}-errors", why, ("AWS/Lambda", "Errors"), dimension, 0)
    yield "ForwarderErrorsAlarm", made | {"Condition": _FUNCTION}
    why = "EventBridge could not invoke the function that forwards outboxes: does its policy let the rule in?"
    dimension = {"Name": "RuleName", "Value": named(FORWARD_RULE)}
    made = alarm(config, f"rule-{FORWARD_RULE}", why, ("AWS/Events", "FailedInvocations"), dimension, 0)
    yield "ForwarderRuleAlarm", made | {"Condition": _FUNCTION}


def _role(config: LakeConfig) -> dict[str, Any]:
    properties = {"RoleName": named(FORWARDER), "AssumeRolePolicyDocument": trust("lambda.amazonaws.com")}
    made = role(config, properties, forwarder_policy(config, TEMPLATE_NAMES, _NAME))
    network = {"PolicyName": "rds-lake-vpc", "PolicyDocument": substituted(network_policy(TEMPLATE_NAMES).as_dict())}
    made["Properties"]["Policies"].append(either(_IN_VPC, network))
    return {"Type": made["Type"], "Condition": _FUNCTION, "Properties": made["Properties"]}


def _function(config: LakeConfig) -> dict[str, Any]:
    within = {
        "SubnetIds": {"Fn::Split": [",", ref("ForwarderSubnets")]},
        "SecurityGroupIds": {"Fn::Split": [",", ref("ForwarderSecurityGroups")]},
    }
    return {
        "FunctionName": named(FORWARDER),
        "Description": f"rds-lake: forwards outboxes to {config.lake.bucket}/{config.lake.prefix}",
        "Runtime": ref("ForwarderRuntime"),
        "Architectures": [ref("ForwarderArchitecture")],
        "Handler": _HANDLER,
        "Code": {"S3Bucket": config.lake.bucket, "S3Key": ref("ForwarderCodeKey")},
        "Role": get_att("ForwarderRole"),
        "Timeout": _TIMEOUT_SECONDS,
        "MemorySize": _MEMORY_MB,
        "ReservedConcurrentExecutions": 1,
        "VpcConfig": either(_IN_VPC, within),
        "Environment": {"Variables": {"RDS_LAKE_CONFIG": "lake.yaml"}},
        "Tags": tags(config.lake),
    }
