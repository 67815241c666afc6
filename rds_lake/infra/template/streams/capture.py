"""`capture: lambda`: the function that triggers call, the delivery streams to the lake, and the role with which databases call it.

The function's package must be in the lake before CloudFormation can create the function. `rds-lake streams package --upload`
puts it there and prints the value of `CaptureCodeKey`; without that parameter the stack has everything but the function.
A person associates the caller's role with each database: CloudFormation would have to own the database for that.
https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_AddRoleToDBCluster.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rds_lake.config.database import Database
from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.errors import ConfigError
from rds_lake.infra.policy.deployed import name_prefix
from rds_lake.infra.policy.document import PolicyDocument, trust
from rds_lake.infra.policy.streams.capture import (
    CALLER_ROLE,
    FUNCTION_ROLE,
    STREAM_ROLE,
    called_functions,
    caller_policy,
    calling_sources,
    function_names,
    function_policy,
    stream_name,
    stream_policy,
)
from rds_lake.infra.template.alarms import alarm
from rds_lake.infra.template.key import key_arn
from rds_lake.infra.template.parameters import equals, given, named
from rds_lake.infra.template.parts import (
    Part,
    bucket_arn,
    get_att,
    new_or_existing,
    ref,
    resource,
    sub,
    tags,
)
from rds_lake.infra.template.roles import TEMPLATE_NAMES, role
from rds_lake.model.lake.layout import LakeLayout

_FUNCTION, _STREAMS = "NewCaptureFunction", "NewChangesStreams"
_PREFIX = "${NamePrefix}"
_HANDLER = "rds_lake.streams.handler.handler"
_STREAM_NAME = 64  # https://docs.aws.amazon.com/firehose/latest/APIReference/API_CreateDeliveryStream.html
# An event is tried again after one and two minutes, and kept for six hours while the function has no place for it: AWS's most.
_RETRIES, _AGE_SECONDS, _TIMEOUT_SECONDS, _MEMORY_MB = 2, 21_600, 60, 256
_LOG_DAYS = 30
# What a stream gathers in one object, and when that is late.
_BUFFER = {"SizeInMBs": 16, "IntervalInSeconds": 300}
_LATE_SECONDS = 1_800


def capture(config: LakeConfig) -> Part:
    """All AWS objects beside triggers; none if no source has `capture: lambda`."""
    sources = calling_sources(config)
    if not sources:
        return Part()
    _require_short_names(config, sources)
    functions, policies = function_names(config), _policies(config)
    return Part(
        parameters={
            "CaptureCodeKey": {
                "Type": "String",
                "Default": "",
                "Description": f"Key in {config.lake.bucket} of the package, as `rds-lake streams package --upload` "
                f"says. Empty: the function {', '.join(functions)} exists already, or is deployed later.",
            },
            "ChangesStreams": new_or_existing(
                "new: create a delivery stream for each source with `capture: lambda`. existing: they exist."
            ),
        },
        conditions={_FUNCTION: given("CaptureCodeKey"), _STREAMS: equals("ChangesStreams", "new")},
        resources={
            **{logical: _role(config, *made) for logical, made in policies.items()},
            **{name: made for at, function in enumerate(functions) for name, made in _function(config, at, function)},
            **{name: made for source in sources for name, made in _stream(config, source)},
        },
        outputs=_outputs(config),
        notes=tuple(f"{named_role}: {line}" for named_role, _, may, _ in policies.values() for line in may.widened),
    )


def _require_short_names(config: LakeConfig, sources: tuple[Database, ...]) -> None:
    prefix = name_prefix(config.lake)
    if long := [source.name for source in sources if len(stream_name(prefix, source.name)) > _STREAM_NAME]:
        raise ConfigError(
            f"the delivery streams of these sources would be called {stream_name(prefix, '')}<source>, which has more than "
            f"{_STREAM_NAME} characters: shorten their names, or events_queue, in lake.yaml:",
            long,
        )


def _policies(config: LakeConfig) -> dict[str, tuple[str, str, PolicyDocument, str | None]]:
    """Returns logical id -> name, service, policy and condition of each role."""
    return {
        "CaptureRole": (FUNCTION_ROLE, "lambda", function_policy(config, TEMPLATE_NAMES, _PREFIX), _FUNCTION),
        "ChangesRole": (STREAM_ROLE, "firehose", stream_policy(config, TEMPLATE_NAMES), _STREAMS),
        "CaptureCallerRole": (CALLER_ROLE, "rds", caller_policy(config, TEMPLATE_NAMES), None),
    }


def _role(config: LakeConfig, name: str, service: str, may: PolicyDocument, condition: str | None) -> dict[str, Any]:
    properties = {"RoleName": named(name), "AssumeRolePolicyDocument": trust(f"{service}.amazonaws.com")}
    made = role(config, properties, may)
    return {"Type": made["Type"], **({"Condition": condition} if condition else {}), "Properties": made["Properties"]}


def _function(config: LakeConfig, at: int, name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    logical = f"Capture{at + 1}"
    logs = {"LogGroupName": f"/aws/lambda/{name}", "RetentionInDays": _LOG_DAYS, "Tags": tags(config.lake)}
    yield f"{logical}Logs", resource("AWS::Logs::LogGroup", logs, condition=_FUNCTION, keep=False)
    function = {
        "FunctionName": name,
        "Description": f"rds-lake: hands changes that triggers send to Firehose, for {config.lake.bucket}/{config.lake.prefix}",
        "Runtime": "python3.13",
        "Handler": _HANDLER,
        "Code": {"S3Bucket": config.lake.bucket, "S3Key": ref("CaptureCodeKey")},
        "Role": get_att("CaptureRole"),
        "Timeout": _TIMEOUT_SECONDS,
        "MemorySize": _MEMORY_MB,
        "Environment": {"Variables": {"RDS_LAKE_STREAM": sub(stream_name(_PREFIX, "{source}"))}},
        "Tags": tags(config.lake),
    }
    yield logical, resource("AWS::Lambda::Function", function, condition=_FUNCTION, after=(f"{logical}Logs",))
    events = {
        "FunctionName": ref(logical),
        "Qualifier": "$LATEST",
        "MaximumRetryAttempts": _RETRIES,
        "MaximumEventAgeInSeconds": _AGE_SECONDS,
        "DestinationConfig": {"OnFailure": {"Destination": bucket_arn(config.lake.bucket)}},
    }
    yield f"{logical}Events", resource("AWS::Lambda::EventInvokeConfig", events, condition=_FUNCTION)
    dimension = {"Name": "FunctionName", "Value": ref(logical)}
    for metric, why in _FAILURES.items():
        made = alarm(config, f"{name[:64]}-{metric.lower()}", why, ("AWS/Lambda", metric), dimension, 0)
        yield f"{logical}{metric}Alarm", made | {"Condition": _FUNCTION}


# https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
_FAILURES = {
    "Errors": "A change could not be sent to Firehose: see the log, and after three attempts the bucket below aws/lambda/async.",
    "AsyncEventsDropped": "Lambda dropped changes, because it could not process them in time.",
    "DestinationDeliveryFailures": "A change that failed could not be written to the bucket either: it is lost.",
}


def _stream(config: LakeConfig, source: Database) -> Iterator[tuple[str, dict[str, Any]]]:
    logical = f"Changes{source.name.replace('_', 'U')}"
    layout, key = LakeLayout(bucket=config.lake.bucket, prefix=config.lake.prefix), key_arn(config)
    encrypted = {"EncryptionConfiguration": {"KMSEncryptionConfig": {"AWSKMSKeyARN": key}}} if key else {}
    destination = {
        "BucketARN": bucket_arn(config.lake.bucket),
        "RoleARN": get_att("ChangesRole"),
        # Firehose adds yyyy/MM/dd/HH/, of when a record arrived.
        "Prefix": layout.arrived_folder(source.name),
        "ErrorOutputPrefix": layout.refused_folder(source.name) + "!{firehose:error-output-type}/",
        "BufferingHints": _BUFFER,
        "CompressionFormat": "GZIP",
        **encrypted,
    }
    properties = {
        "DeliveryStreamName": sub(stream_name(_PREFIX, source.name)),
        "DeliveryStreamType": "DirectPut",
        "DeliveryStreamEncryptionConfigurationInput": {"KeyType": "AWS_OWNED_CMK"},
        "ExtendedS3DestinationConfiguration": destination,
        "Tags": tags(config.lake),
    }
    yield logical, resource("AWS::KinesisFirehose::DeliveryStream", properties, condition=_STREAMS)
    late = f"The oldest change of {source.name} in Firehose is half an hour old: may its role write to the bucket, and use the key?"
    made = alarm(
        config,
        f"changes-{source.name}",
        late,
        ("AWS/Firehose", "DeliveryToS3.DataFreshness"),
        {"Name": "DeliveryStreamName", "Value": ref(logical)},
        _LATE_SECONDS,
    )
    yield f"{logical}Alarm", made | {"Condition": _STREAMS}


def _outputs(config: LakeConfig) -> dict[str, Any]:
    functions = {
        f"CaptureFunction{at + 1}": {
            "Description": f"lake.yaml: streams.function of {', '.join(sources)}",
            "Value": sub(f"arn:${{AWS::Partition}}:lambda:${{AWS::Region}}:${{AWS::AccountId}}:function:{name}"),
        }
        for at, (name, sources) in enumerate(called_functions(config).items())
    }
    databases = ", ".join(source.identifier for source in calling_sources(config))
    return functions | {
        "CaptureCallerRole": {
            "Description": f"Associate with {databases} for the feature Lambda; Aurora MySQL: aws_default_lambda_role, too",
            "Value": get_att("CaptureCallerRole"),
        }
    }
